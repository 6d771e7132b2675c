"""The measurements of API keys: what a protected route costs with one, and what it costs that there are many."""

import json
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import machine
import measure
from load import Candidate
from machine import Failed
from servers import Caller, Mintery, Request, Yardstick, token_request

MILLION = machine.setting("BENCH_MILLION_KEYS", 1_000_000, 1000, 10_000_000)
ASKING = machine.setting("BENCH_MILLION_KEYS_ASKING", 10_000, 100, 16_000)
SCOPE = "read write mintery:keys:write"


class KeyMaker:
    """Makes and revokes keys of one client over one connection."""

    def __init__(self, server: Mintery) -> None:
        client = server.create_client("keys", scope=SCOPE)
        body = "grant_type=client_credentials&scope=" + SCOPE.replace(" ", "+")
        request = Request("POST", "/oauth/token", token_request(client).authorization, body)
        self.owner = client["client_id"]
        self.authorization = measure.bearer(server.fetch_tokens(request, 1)[0])
        self.caller = Caller(server)

    def make(self, count: int) -> Iterator[dict]:
        for number in range(count):
            wanted = json.dumps({"name": f"key {number}", "scope": "read write", "owner": self.owner})
            status, body = self.caller.ask("POST", "/api/v1/keys", self.authorization, wanted, "application/json")
            if status != 201:
                raise Failed(f"no key was made: {status} {body!r}")
            yield json.loads(body)

    def revoke(self, key_id: str) -> bool:
        return self.caller.status("DELETE", f"/api/v1/keys/{key_id}", self.authorization) == 204


def key_route(place: Path) -> None:
    """a protected route, with an API key"""
    ours, theirs = Mintery(place / "mintery").start(), Yardstick(place / "yardstick").start()
    (made,) = KeyMaker(ours).make(1)
    pair = []
    for server, path in ((ours, measure.ME), (theirs, "/seen")):
        one = [Request("GET", path, measure.bearer(made["key"]))]
        pair.append(Candidate(server, one, one))
    measure.compare("key-route", "route, API key", pair, 0.90)
    measure.stop(ours, theirs)


def million_keys(place: Path) -> None:
    """the same with 10,000 of 1,000,000 API keys, against 1,000 keys stored"""
    pair = []
    for name, stored, asking in (("million", MILLION, ASKING), ("thousand", 1000, 1000)):
        server = Mintery(place / name).start()
        began = time.monotonic()
        keys = KeyMaker(server)
        requests = [Request("GET", measure.ME, measure.bearer(one["key"])) for one in keys.make(asking)]
        server.stop()
        store_unknown(place / name / "data" / "mintery.db", keys.owner, stored - asking)
        server.start()
        print(f"   {name}: {stored:,} keys stored in {time.monotonic() - began:.0f} s", flush=True)
        pair.append(Candidate(server, requests, requests))
    for request in pair[0].requests:
        pair[0].server.ask(request)
    measure.compare("million-keys", f"route, {ASKING:,} of {MILLION:,} API keys / of 1,000", pair, 0.90)
    measure.stop(*(candidate.server for candidate in pair))


def store_unknown(database: Path, owner: str, count: int) -> None:
    """Rows of keys that nobody knows, beside those that are used: what they are in the way of is the same."""
    columns = "id, name, client_id, environment, digest, hint, scopes, allowed_addresses, created_at"
    rows = (
        (f"ak_{os.urandom(11).hex()}", f"key {number}", owner, "live", os.urandom(32).hex(), "mtk_live_…0000", "read write", "", 0)
        for number in range(count)
    )
    with sqlite3.connect(database) as connection:
        connection.executemany(f"INSERT INTO api_keys ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    connection.close()


ALL = {one.__name__: one for one in (key_route, million_keys)}
