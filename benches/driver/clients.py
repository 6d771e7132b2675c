"""Files of clients to import."""

import base64
import json
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def write(path: Path, lines: Iterable[str]) -> Path:
    with open(path, "w", encoding="ascii") as file:
        file.writelines(line + "\n" for line in lines)
    return path


def hashed(count: int) -> Iterator[str]:
    """Clients with ids in no order, and with the hashes of secrets that nobody knows."""
    for number in range(count):
        salt, digest = (base64.b64encode(os.urandom(size)).decode().rstrip("=") for size in (16, 32))
        yield (
            f'{{"client_id":"mc_{os.urandom(11).hex()}","client_name":"client {number}","scope":"read write",'
            f'"client_secret_hash":"$argon2id$v=19$m=19456,t=2,p=1${salt}${digest}"}}'
        )


def generated() -> dict:
    """A client with a secret of the form of those that Mintery makes."""
    body = "mts_" + _base62(int.from_bytes(os.urandom(32), "big"), 43)
    return {
        "client_id": "mc_" + _base62(int.from_bytes(os.urandom(16), "big"), 22),
        "client_secret": body + _base62(zlib.crc32(body.encode()), 6),
    }


def line(client: dict) -> str:
    return json.dumps(client | {"client_name": "asks", "scope": "read write"})


def mixed(few: list[str], many: Iterator[str]) -> Iterator[str]:
    yield from few
    yield from many


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))
