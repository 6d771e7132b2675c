"""Sends wrong secrets from another address of this machine until it is stopped, then says what was answered.

    guesser.py PORT CONNECTIONS CLIENT_ID

Each connection asks again as soon as it is answered. Every second one sends what somebody would guess, the others what has
the form and the checksum of a secret that Mintery made; at the client that is named, and at clients that are not there.
"""

import asyncio
import base64
import json
import secrets
import signal
import string
import sys
import zlib
from collections import Counter

SOURCE = "127.0.0.2"
BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
BODY = b"grant_type=client_credentials"


def generated() -> str:
    text = "mts_" + "".join(secrets.choice(BASE62) for _ in range(43))
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return text + digits


def request(client: str, secret: str) -> bytes:
    basic = base64.b64encode(f"{client}:{secret}".encode()).decode()
    return (
        f"POST /oauth/token HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic {basic}\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(BODY)}\r\n\r\n"
    ).encode() + BODY


async def answer(reader: asyncio.StreamReader) -> str:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next(line.split(":")[1] for line in head.split("\r\n") if line.startswith("content-length:"))
    await reader.readexactly(int(length))
    return head.split(" ", 2)[1]


async def guess(port: int, number: int, client: str, statuses: Counter) -> None:
    sent = 0
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(SOURCE, 0))
            while True:
                sent += 1
                target = client if sent % 2 else f"nobody-{number}-{sent}"
                secret = generated() if number % 2 else f"guess-{number}-{sent}"
                writer.write(request(target, secret))
                statuses[await answer(reader)] += 1
        except (OSError, asyncio.IncompleteReadError):
            # Not an answer: nothing that the server may do to those who are right, but as it likes to this one.
            statuses["broken"] += 1
            await asyncio.sleep(0.1)


async def main() -> None:
    port, connections, client = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    statuses: Counter = Counter()
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    guesses = [asyncio.create_task(guess(port, number, client, statuses)) for number in range(connections)]
    await stopped.wait()
    for one in guesses:
        one.cancel()
    print(json.dumps(statuses))


asyncio.run(main())
