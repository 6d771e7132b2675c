"""Sends wrong secrets from another address of this machine until it is stopped, then says what was answered.

    guesser.py PORT CONNECTIONS CLIENT_ID

Each connection asks again as soon as it is answered. Every second one sends what somebody would guess, the others what has
the form and the checksum of a secret that Mintery made; at the client that is named, and at clients that are not there.
"""

import asyncio
import json
import signal
import sys
from collections import Counter

from wrong_secrets import answer, generated, request

SOURCE = "127.0.0.2"


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
