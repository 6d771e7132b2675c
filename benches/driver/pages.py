"""The measurements of the dashboard: how soon a page comes that many keys stand behind, and what a page weighs."""

import http.client
import json
import re
import sqlite3
import statistics
import time
from pathlib import Path

import api_keys
import measure
import report
from machine import Failed
from servers import Mintery

KEYS = 10_000
TIMES = 100
FIRST_BYTE_MS = 50
WEIGHT_KB = 100
PASSWORD = "seven pelicans under 9 oaks"
# What a browser takes.
BROWSER = {"Accept": "text/html,*/*;q=0.8", "Accept-Encoding": "gzip, deflate, br, zstd"}
LISTS = ("keys", "clients", "apis", "signing-keys", "activity", "users", "sessions", "settings")


class Reader:
    """Somebody who is logged in, over one connection."""

    def __init__(self, server: Mintery) -> None:
        argv = ["user", "create", "--username", "ann", "--role", "admin", "--password", "-"]
        server.run_with_input(PASSWORD, *argv)
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        self.headers = dict(BROWSER)
        body = json.dumps({"username": "ann", "password": PASSWORD})
        self.connection.request("POST", "/api/v1/session", body, {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        answer.read()
        if answer.status != 200:
            raise Failed(f"nobody is logged in: {answer.status}")
        self.headers["Cookie"] = answer.headers["Set-Cookie"].split(";")[0]

    def get(self, path: str) -> tuple[float, int, str]:
        """Milliseconds until the first byte, the bytes of the answer as sent, and its text where it is not compressed."""
        began = time.perf_counter()
        self.connection.request("GET", path, headers=self.headers)
        answer = self.connection.getresponse()
        took = (time.perf_counter() - began) * 1000
        body = answer.read()
        if answer.status != 200:
            raise Failed(f"{path} is answered with {answer.status}")
        head = sum(len(name) + len(value) + 4 for name, value in answer.getheaders())
        return took, len("HTTP/1.1 200 OK\r\n") + head + 2 + len(body), text_of(answer, body)

    def weight(self, path: str) -> tuple[int, str]:
        """The bytes of a page, and of all that it loads."""
        _, size, text = self.get(path)
        loaded = set(re.findall(r'<(?:link rel="stylesheet" href|script src|img src)="(/[^"]+)"', text))
        if not any(one.endswith(".css") for one in loaded):
            raise Failed(f"{path} has no stylesheet")
        return size + sum(self.get(one)[1] for one in loaded), text


def text_of(answer: http.client.HTTPResponse, body: bytes) -> str:
    """The page that nobody has compressed; so far nobody does."""
    encoding = answer.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise Failed(f"an answer comes as {encoding}, which this does not read yet")
    return body.decode()


def pages(place: Path) -> None:
    """the first byte of pages behind which there are many keys, and the heaviest page"""
    server = Mintery(place / "mintery").start()
    owner = api_keys.KeyMaker(server).owner
    reader = Reader(server)
    server.stop()
    database = place / "mintery" / "data" / "mintery.db"
    api_keys.store_unknown(database, owner, KEYS)
    use_all(database)
    server.start()
    reader.connection.close()
    first, second = "/dashboard/keys", ""
    for _ in range(KEYS // 25 // 2):
        _, _, text = reader.get(second or first)
        second = next_page(text)
    measured = {"overview": "/dashboard", "list of keys": first, "list of keys, in the middle": second}
    for what, path in measured.items():
        times = [reader.get(path)[0] for _ in range(TIMES)]
        middle = statistics.median(times)
        figure = f"{middle:.1f} ms ({min(times):.1f}–{max(times):.1f})"
        report.row(f"first byte, {what}, {KEYS:,} keys", figure, f"≤ {FIRST_BYTE_MS} ms", middle <= FIRST_BYTE_MS)
        measured[what] = middle
    heaviest, path = max(weights(reader, [first, second, "/dashboard"]))
    name = path.split("?")[0]
    kilobytes = heaviest / 1000
    report.row(f"heaviest page ({name})", f"{kilobytes:.1f} KB", f"≤ {WEIGHT_KB} KB", kilobytes <= WEIGHT_KB)
    report.save("pages", {
        "keys": KEYS, "first_byte_ms": measured, "heaviest_page": name, "heaviest_kb": kilobytes,
        "ok": max(measured.values()) <= FIRST_BYTE_MS and kilobytes <= WEIGHT_KB,
    })
    measure.stop(server)


def next_page(text: str) -> str:
    found = re.search(r'href="([^"]+)" rel="next"', text)
    if not found:
        raise Failed("the list of keys has no next page")
    return found[1].replace("&#38;", "&").replace("&amp;", "&")


def weights(reader: Reader, paths: list[str]) -> list[tuple[int, str]]:
    """Those pages, all lists and forms, and the first thing on each list: bytes and path."""
    found = []
    for name in LISTS:
        list_path = f"/dashboard/{name}"
        size, text = reader.weight(list_path)
        found.append((size, list_path))
        things = re.findall(rf'href="({list_path}/[^"?]+(?:\?resource=[^"]+)?)"', text)
        paths = paths + sorted(set(things), key=things.index)[:4]
    return found + [(reader.weight(path)[0], path) for path in dict.fromkeys(paths)]


def use_all(database: Path) -> None:
    """Each was used just now, so that nothing which nobody uses is found early."""
    with sqlite3.connect(database) as connection:
        now = int(time.time() * 1000)
        connection.execute(f"INSERT OR REPLACE INTO api_key_last_use (key_id, used_at) SELECT id, {now} FROM api_keys")
    connection.close()


ALL = {pages.__name__: pages}
