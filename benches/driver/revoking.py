"""The measurements of what is taken back: how many a second, how soon it is known elsewhere, what a look costs."""

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import load
import machine
import measure
import report
from api_keys import KeyMaker
from load import CONNECTIONS
from machine import Failed
from servers import Caller, FollowingApi, Mintery, Request, token_request

REVOKED = machine.setting("BENCH_REVOKED", 1_000, 10, 100_000)
"""How many tokens are taken back one after the other, to see how soon that is known elsewhere."""
LIVE = machine.setting("BENCH_LIVE_REVOCATIONS", 1_000_000, 1000, 10_000_000)
NODES = 3

# More than a node acknowledges in a second.
SLICE = 12_000
ASKING = 20

GOOD = (200, 204)


def revocations(place: Path) -> None:
    """tokens taken back a second, acknowledged by one node, SQLite and PostgreSQL"""
    urls, cluster = measure.databases(place, "revocations a second")
    for engine, url in urls.items():
        server = Mintery(place / engine, database_url=url, settings={"MINTERY_REVOCATIONS__MAX_PER_CLIENT": "1000000"})
        server.run("db", "migrate")
        server.start()
        asking = [token_request(server.create_client(f"bench-{number}")) for number in range(ASKING)]
        runs = []
        for number in range(load.ROUNDS):
            file = load.write(revocations_of(server, asking, SLICE // ASKING), place / "requests")
            one = load.run(server, file, CONNECTIONS, 1)
            if one.sent > SLICE:
                raise Failed(f"{one.sent} requests sent, but only {SLICE} tokens are different")
            load.show(f"{number + 1}/{load.ROUNDS}", engine, [one])
            runs.append(one)
        server.stop()
        found = load.medians(runs)
        figure = f"{found['rate']:.0f}, p99 {found['p99_us'] / 1000:.1f} ms"
        report.row(f"revocations a second, {engine}", figure, "≥ 1,500", found["rate"] >= 1500)
        report.save(f"revocations-{engine}", {"median": found, "ok": found["rate"] >= 1500})
    if cluster:
        cluster.stop()


def revocations_of(server: Mintery, asking: list[Request], count: int) -> list[Request]:
    """Requests that take back so many tokens of each, each once."""
    tokens = [(request, token) for request in asking for token in server.fetch_tokens(request, count)]
    return [Request("POST", "/oauth/revoke", request.authorization, f"token={token}") for request, token in tokens]


def revoked_check(place: Path) -> None:
    """the library: whether a token was taken back, among a million that were"""
    del place
    argv = [machine.binary("bench-revocations"), LIVE]
    process = machine.start(argv, cores="server", stdout=-1, stderr=-1, text=True)
    found = json.loads(machine.finish(process, 300)[0])
    micros, size = found["check_us"], found["bytes_each"]
    report.row(f"check against {LIVE:,} revocations", f"{micros:.2f} µs", "≤ 1 µs", micros <= 1)
    report.row("memory of a revocation", f"{size:.0f} bytes", "≤ 100 bytes", size <= 100)
    report.save("revoked-check", found | {"ok": micros <= 1 and size <= 100})


def nodes(place: Path) -> None:
    """from the acknowledgement of a revocation to the refusal by the other nodes on one PostgreSQL, of tokens and of API keys"""
    urls, cluster = measure.databases(place, "revocations known to other nodes")
    if "postgres" not in urls:
        return
    settings = {"MINTERY_ISSUER": "http://127.0.0.1:1", "MINTERY_REVOCATIONS__MAX_PER_CLIENT": "1000000"}
    all_nodes = [Mintery(place / "nodes", database_url=urls["postgres"], settings=settings) for _ in range(NODES)]
    all_nodes[0].run("db", "migrate")
    for one in all_nodes:
        one.start()
    first, *others = all_nodes
    asked = [(Caller(one), measure.ME) for one in others]
    request = token_request(first.create_client())
    tokens = first.fetch_tokens(request, REVOKED)
    delays = measure_refusals(tokens, take_back_token(first, request), asked)
    tell_delays("nodes", "token refused by every other node", delays, 150)
    keys = KeyMaker(first)
    made = {one["key"]: one["id"] for one in keys.make(REVOKED)}
    tell_delays("nodes-keys", "API key refused by every other node", measure_refusals(list(made), lambda key: keys.revoke(made[key]), asked), 150)
    measure.stop(*all_nodes)
    if cluster:
        cluster.stop()


def feed(place: Path) -> None:
    """from the acknowledgement of a revocation to the refusal by an API in another process that follows the feed"""
    server = Mintery(place / "mintery", settings={"MINTERY_REVOCATIONS__MAX_PER_CLIENT": "1000000"}).start()
    request = token_request(server.create_client())
    api = FollowingApi(place / "api", server.url, server.create_client("api")).start()
    tokens = server.fetch_tokens(request, REVOKED)
    delays = measure_refusals(tokens, take_back_token(server, request), [(Caller(api), "/")])
    tell_delays("feed", "token refused by an API that follows the feed", delays, 250)
    measure.stop(api, server)


def following(place: Path) -> None:
    """tokens while an API follows the feed, against without"""
    server = Mintery(place / "mintery").start()
    request = token_request(server.create_client())
    file = load.write([request], place / "requests")
    reader = server.create_client("api")
    load.run(server, file, CONNECTIONS, 1)
    runs: dict[bool, list[load.Run]] = {False: [], True: []}
    for turn in range(load.ROUNDS * load.SECONDS):
        for is_followed in (False, True) if turn % 2 == 0 else (True, False):
            api = FollowingApi(place / "api", server.url, reader).start() if is_followed else None
            runs[is_followed].append(load.run(server, file, CONNECTIONS, 1))
            if api:
                api.stop()
    for is_followed, label in ((False, "alone"), (True, "read")):
        load.show(label, server.name, runs[is_followed])
    ratio = load.speed(runs[True], runs[False])
    mine, other = (load.medians(runs[one])["rate"] for one in (True, False))
    what = "tokens while an API follows / without"
    report.row(what, f"{ratio:.2f} × ({mine:.0f} / {other:.0f} a second)", "≥ 0.97 ×", ratio >= 0.97)
    report.save("following", {
        "ratio": ratio, "must_reach": 0.97, "ok": ratio >= 0.97,
        "followed": [asdict(one) for one in runs[True]], "alone": [asdict(one) for one in runs[False]],
    })
    server.stop()


def take_back_token(server: Mintery, request: Request) -> Callable[[str], bool]:
    """How a token is taken back by the client that got it; whether it was."""
    caller = Caller(server)
    return lambda token: caller.status("POST", "/oauth/revoke", request.authorization, f"token={token}") == 200


def measure_refusals(credentials: list[str], take_back: Callable[[str], bool], asked: list) -> list[float]:
    """Takes the credentials back one after the other, and gives for each how many milliseconds after the acknowledgement
    the last of those that are asked refused it."""
    delays = []
    for credential in credentials:
        authorization = measure.bearer(credential)
        for caller, path in asked:
            if caller.status("GET", path, authorization) not in GOOD:
                raise Failed("a credential is refused that was not taken back")
        if not take_back(credential):
            raise Failed("a credential could not be taken back")
        acknowledged = time.perf_counter()
        waiting = list(asked)
        while waiting:
            waiting = [(caller, path) for caller, path in waiting if caller.status("GET", path, authorization) in GOOD]
            if time.perf_counter() - acknowledged > 10:
                raise Failed("a credential that was taken back is not refused after 10 s")
        delays.append((time.perf_counter() - acknowledged) * 1000)
    return delays


def tell_delays(name: str, what: str, delays: list[float], must: float) -> None:
    middle, worst = statistics.median(delays), max(delays)
    ok = middle <= must and worst <= 1000
    figure = f"{middle:.0f} ms, worst of {len(delays):,} {worst:.0f} ms"
    report.row(f"revoked {what}", figure, f"≤ {must:.0f} ms median, ≤ 1,000 ms worst", ok)
    report.save(name, {"median_ms": middle, "worst_ms": worst, "delays_ms": delays, "ok": ok})


ALL = {one.__name__: one for one in (revocations, revoked_check, nodes, feed, following)}
