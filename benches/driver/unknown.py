"""Asks for tokens with ids of no client, or for what is protected with API keys that there are not, each once, then says what was
answered.

    unknown.py PORT COUNT SECONDS ids|keys

From two hundred addresses of this machine, COUNT requests evenly over SECONDS. Of ten ids, nine bring a secret that has the form
of one that Mintery made, and one something else, which costs a slow hash where the limits let it.
"""

import asyncio
import json
import secrets
import sys
import time
from collections import Counter

from wrong_secrets import answer, generated, request, request_with_key

CONNECTIONS = 400
ADDRESSES = 200


def request_with_id(number: int) -> bytes:
    return request(f"mc_{secrets.token_hex(11)}", generated() if number % 10 else secrets.token_hex(8))


MADE_UP = {"ids": request_with_id, "keys": lambda _: request_with_key()}


async def ask(port: int, number: int, count: int, pause: float, made_up, statuses: Counter) -> None:
    began, sent = time.monotonic(), 0
    while sent < count:
        try:
            source = (f"127.0.1.{1 + number % ADDRESSES}", 0)
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=source)
            while sent < count:
                await asyncio.sleep(max(0.0, began + sent * pause - time.monotonic()))
                sent += 1
                writer.write(made_up(sent))
                statuses[await answer(reader)] += 1
            writer.close()
        except (OSError, asyncio.IncompleteReadError):
            statuses["broken"] += 1
            await asyncio.sleep(0.1)


async def main() -> None:
    port, count, seconds = (int(argument) for argument in sys.argv[1:4])
    made_up = MADE_UP[sys.argv[4]]
    statuses: Counter = Counter()
    each = -(-count // CONNECTIONS)
    await asyncio.gather(*(
        ask(port, number, each, seconds / each, made_up, statuses) for number in range(CONNECTIONS)
    ))
    print(json.dumps(statuses))


asyncio.run(main())
