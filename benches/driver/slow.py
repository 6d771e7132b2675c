"""Holds slow connections until it is stopped, then says how many times one was cut.

    slow.py PORT CONNECTIONS

A third of them say nothing, a third sends the head of a request byte by byte, a third the body. One that is cut is opened again.
"""

import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys

HEAD = b"POST /oauth/token HTTP/1.1\r\nHost: 127.0.0.1\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 60000\r\n\r\n"
EVERY = 1.0

counts = {"open": 0, "cut": 0}


async def hold(port: int, number: int) -> None:
    while True:
        # Not all at the same moment.
        await asyncio.sleep(number % 100 / 100 * EVERY)
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            counts["open"] += 1
            trickle = asyncio.create_task(send_slowly(writer, number % 3))
            # An answer is as much as an end: there is none to a request that does not end.
            with contextlib.suppress(OSError):
                while await reader.read(4096):
                    pass
            trickle.cancel()
            writer.close()
            counts["open"] -= 1
            counts["cut"] += 1


async def send_slowly(writer: asyncio.StreamWriter, kind: int) -> None:
    begin, rest = ((b"", b""), (HEAD, b"X-Slow: " + b"x" * 60000), (HEAD + FORM, b"x" * 60000))[kind]
    writer.write(begin)
    for position in itertools.count():
        await asyncio.sleep(EVERY)
        writer.write(rest[position : position + 1])


async def main() -> None:
    # It shares its core with what measures, and must not be what is measured.
    os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    port, connections = int(sys.argv[1]), int(sys.argv[2])
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    held = [asyncio.create_task(hold(port, number)) for number in range(connections)]
    while counts["open"] < connections * 0.9:
        await asyncio.sleep(0.05)
    print("ready", flush=True)
    await stopped.wait()
    for one in held:
        one.cancel()
    print(json.dumps(counts))


asyncio.run(main())
