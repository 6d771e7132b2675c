"""Asks for tokens with ids of no client, each id once, then says what was answered.

    unknown.py PORT COUNT SECONDS

From two hundred addresses of this machine, COUNT requests evenly over SECONDS. Of ten, nine bring a secret that has the form
of one that Mintery made, and one something else, which costs a slow hash where the limits let it.
"""

import asyncio
import json
import secrets
import sys
import time
from collections import Counter

from wrong_secrets import answer, generated, request

CONNECTIONS = 400
ADDRESSES = 200


async def ask(port: int, number: int, count: int, pause: float, statuses: Counter) -> None:
    began, sent = time.monotonic(), 0
    while sent < count:
        try:
            source = (f"127.0.1.{1 + number % ADDRESSES}", 0)
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=source)
            while sent < count:
                await asyncio.sleep(max(0.0, began + sent * pause - time.monotonic()))
                sent += 1
                secret = generated() if sent % 10 else secrets.token_hex(8)
                writer.write(request(f"mc_{secrets.token_hex(11)}", secret))
                statuses[await answer(reader)] += 1
            writer.close()
        except (OSError, asyncio.IncompleteReadError):
            statuses["broken"] += 1
            await asyncio.sleep(0.1)


async def main() -> None:
    port, count, seconds = (int(argument) for argument in sys.argv[1:])
    statuses: Counter = Counter()
    each = -(-count // CONNECTIONS)
    await asyncio.gather(*(
        ask(port, number, each, seconds / each, statuses) for number in range(CONNECTIONS)
    ))
    print(json.dumps(statuses))


asyncio.run(main())
