"""Requests for a token with a secret that is wrong, as strangers send them."""

import asyncio
import base64
import secrets
import string
import zlib

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
BODY = b"grant_type=client_credentials"


def generated(prefix: str = "mts_") -> str:
    text = prefix + "".join(secrets.choice(BASE62) for _ in range(43))
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


def request_with_key() -> bytes:
    """One to a protected route, with a key that looks like one of Mintery's own."""
    key = generated("mtk_live_")
    return f"GET /api/v1/users/me HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {key}\r\n\r\n".encode()


async def answer(reader: asyncio.StreamReader) -> str:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    length = next(line.split(":")[1] for line in head.split("\r\n") if line.startswith("content-length:"))
    await reader.readexactly(int(length))
    return head.split(" ", 2)[1]
