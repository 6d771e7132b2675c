"""The measurements: one function each, given an empty directory of its own. `ALL` names them."""

import json
import os
import signal
import statistics
import sys
import threading
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import clients
import load
import machine
import postgres
import report
from load import CONNECTIONS, FEW_CONNECTIONS, Candidate
from machine import Failed
from servers import Mintery, Request, Server, Yardstick, token_request

ME = "/api/v1/users/me"
CLIENTS = 1_000
STARTS = 9
MOST_TOKENS = 400_000
IMPORTED = machine.setting("BENCH_IMPORT_CLIENTS", 200_000, 1000, 10_000_000)
MILLION = machine.setting("BENCH_MILLION_CLIENTS", 1_000_000, 1000, 10_000_000)
ASKING = machine.setting("BENCH_MILLION_ASKING", 10_000, 100, 16_000)
MEMORY_SECONDS = machine.setting("BENCH_MEMORY_SECONDS", 60, 5, 3600)
UNKNOWN = machine.setting("BENCH_UNKNOWN_IDS", 100_000, 1000, 10_000_000)
SLOW = 1_000


def token(place: Path) -> None:
    """tokens, secret by Basic, ES256"""
    compare_tokens(place, "token", "ES256", 0.90)


def eddsa(place: Path) -> None:
    """the same with EdDSA"""
    compare_tokens(place, "eddsa", "EdDSA", 0.90)


def rs256(place: Path) -> None:
    """the same with RS256"""
    compare_tokens(place, "rs256", "RS256", 0.95)


def encode(place: Path) -> None:
    """against the same server signing with jsonwebtoken::encode, ES256"""
    compare_encode(place, "encode", "ES256", 1.25)


def rs256_encode(place: Path) -> None:
    """the same with RS256"""
    compare_encode(place, "rs256_encode", "RS256", 2.0)


def verify(place: Path) -> None:
    """the library: the check of a token, in one thread, against the raw check of its signature"""
    del place
    process = machine.start([machine.binary("bench-verify")], cores="server", stdout=-1, stderr=-1, text=True)
    out, _ = machine.finish(process, 120)
    found = [json.loads(line) for line in out.strip().splitlines()]
    for one in found:
        ratio, seen = one["ratio"], one["seen_us"]
        figures = f"{ratio:.2f} × ({one['unseen_us']:.1f} / {one['raw_us']:.1f} µs)"
        report.row(f"library, {one['algorithm']} never seen / raw check", figures, "≤ 1.15 ×", ratio <= 1.15)
        report.row(f"library, {one['algorithm']} seen before", f"{seen:.2f} µs", "≤ 2 µs", seen <= 2)
    report.save("verify", {"algorithms": found, "ok": all(one["ratio"] <= 1.15 and one["seen_us"] <= 2 for one in found)})


def crates(place: Path) -> None:
    """how many crates the library brings into a program"""
    del place
    counts = {}
    for name, features, most in (("without adapter", [], 40), ("with the actix adapter", ["--features", "actix"], 170)):
        argv = ["cargo", "tree", "--no-default-features", *features, "-e", "normal", "--prefix", "none"]
        process = machine.start(argv, cores="all", stdout=-1, stderr=-1, text=True)
        out, _ = machine.finish(process, 60)
        count = len({line.removesuffix(" (*)") for line in out.splitlines() if line}) - 1
        counts[name] = count
        report.row(f"crates of the library {name}", str(count), f"≤ {most}", count <= most)
    report.save("crates", {"crates": counts})


def route(place: Path) -> None:
    """a protected route, with a token seen before and with tokens never seen"""
    ours, theirs = started(place)
    request = token_request(ours.create_client())
    authorization = bearer(ours.fetch_tokens(request, 1)[0])
    seen = []
    for server, path in ((ours, ME), (theirs, "/seen")):
        one = [Request("GET", path, authorization)]
        seen.append(Candidate(server, one, one))
    compare("route-seen", "route, token seen before", seen, 0.90)

    # Twice as many tokens as the yardstick checks in a second: enough, so that none is sent twice.
    probe = [Request("GET", "/verify", bearer(theirs.fetch_tokens(request, 1)[0]))]
    rate = load.run(theirs, load.write(probe, place / "probe"), CONNECTIONS, 1).rate
    count = min(2 * int(rate), MOST_TOKENS)

    def forget() -> None:
        """What a process remembers of the tokens of the slice before goes with it."""
        ours.stop()
        ours.start()

    def with_tokens_of(server: Server, path: str) -> list[Request]:
        return [Request("GET", path, bearer(one)) for one in server.fetch_tokens(request, count)]

    # Other tokens warm up, so that what remembers tokens is full, as it is in a server that has run for a while.
    unseen = [
        Candidate(ours, with_tokens_of(ours, ME), with_tokens_of(ours, ME), prepare=forget, once=True),
        Candidate(theirs, with_tokens_of(theirs, "/verify"), with_tokens_of(theirs, "/verify")),
    ]
    compare("route-unseen", "route, token never seen", unseen, 0.90)
    stop(ours, theirs)


def check(place: Path) -> None:
    """what a proxy asks, with a token seen before: /auth/check, and the same with a scope"""
    ours, theirs = started(place)
    authorization = bearer(ours.fetch_tokens(token_request(ours.create_client()), 1)[0])
    for name, query in (("plain", ""), ("for a scope", "?scope=read")):
        pair = []
        for server, path in ((ours, "/auth/check"), (theirs, "/granted")):
            one = [Request("GET", path + query, authorization)]
            pair.append(Candidate(server, one, one))
        compare(f"check-{name.replace(' ', '-')}", f"/auth/check, {name}", pair, 0.85)
    stop(ours, theirs)


def introspect(place: Path) -> None:
    """introspection of a token seen before"""
    ours, theirs = started(place)
    request = token_request(ours.create_client())
    body = f"token={ours.fetch_tokens(request, 1)[0]}"
    pair = []
    for server, path in ((ours, "/oauth/introspect"), (theirs, "/introspect")):
        one = [Request("POST", path, request.authorization, body)]
        pair.append(Candidate(server, one, one))
    compare("introspect", "introspection, token seen before", pair, 0.85)
    stop(ours, theirs)


def p99(place: Path) -> None:
    """p99 of a token at 8 connections"""
    ours, theirs = started(place)
    request = token_request(ours.create_client())
    pair = [Candidate(server, [request], [request]) for server in (ours, theirs)]
    runs = load.rounds(pair, FEW_CONNECTIONS)
    ratio = load.ratio(*runs, "p99_us")
    mine, other = (load.medians(one)["p99_us"] / 1000 for one in runs)
    report.row("p99 at 8 connections", f"{ratio:.2f} × ({mine:.2f} / {other:.2f} ms)", "≤ 2 ×", ratio <= 2)
    save_runs("p99", pair, runs, ratio, 2, ratio <= 2)
    stop(ours, theirs)


def guesses(place: Path) -> None:
    """clients with the right secret while 50 connections from another address send wrong ones"""
    server = Mintery(place / "mintery").start()
    made, chosen = server.create_client(), server.create_client("chosen", secret="correct horse battery")
    requests = load.write([token_request(made), token_request(chosen)], place / "requests")
    load.run(server, requests, FEW_CONNECTIONS, 1)
    runs: dict[bool, list[load.Run]] = {False: [], True: []}
    statuses: Counter[str] = Counter()
    for turn in range(load.ROUNDS * load.SECONDS):
        for attacked in (False, True) if turn % 2 == 0 else (True, False):
            guesser = start_guesser(server, chosen["client_id"]) if attacked else None
            runs[attacked].append(load.run(server, requests, CONNECTIONS, 1))
            if guesser:
                guesser.send_signal(signal.SIGTERM)
                out, _ = machine.finish(guesser, 10)
                statuses.update(json.loads(out))
    quiet, under_attack = runs[False], runs[True]
    load.show("quiet", server.name, quiet)
    load.show("guesses", server.name, under_attack)
    print(f"   the guesses were answered with {dict(statuses)}", flush=True)
    if not set(statuses) <= {"401", "429", "503"} or not statuses["429"]:
        raise Failed(f"the guesses were answered with {dict(statuses)}; {server.log()}")
    ratio = load.speed(under_attack, quiet)
    mine, other = (load.medians(one)["rate"] for one in (under_attack, quiet))
    what = "right secrets during guesses / without"
    report.row(what, f"{ratio:.2f} × ({mine:.0f} / {other:.0f} a second)", "≥ 0.80 ×", ratio >= 0.8)
    report.save("guesses", {
        "ratio": ratio, "must_reach": 0.8, "ok": ratio >= 0.8, "statuses": dict(statuses),
        "guesses": [asdict(one) for one in under_attack], "quiet": [asdict(one) for one in quiet],
    })
    server.stop()


def start_guesser(server: Server, client_id: str):
    """Fifty connections, which have begun when this returns."""
    argv = [sys.executable, Path(__file__).with_name("guesser.py"), server.port, 50, client_id]
    process = machine.start(argv, cores="load", stdout=-1, stderr=-1, text=True)
    time.sleep(0.5)
    return process


def slow(place: Path) -> None:
    """p99 of a token while 1,000 other connections are slow"""
    server = Mintery(place / "mintery").start()
    requests = load.write([token_request(server.create_client())], place / "requests")
    load.run(server, requests, FEW_CONNECTIONS, 1)
    runs: dict[bool, list[load.Run]] = {False: [], True: []}
    cut = 0
    for number in range(load.ROUNDS):
        for is_slow in (False, True) if number % 2 == 0 else (True, False):
            argv = [sys.executable, Path(__file__).with_name("slow.py"), server.port, SLOW]
            holder = machine.start(argv, cores="load", stdout=-1, stderr=-1, text=True) if is_slow else None
            if holder and holder.stdout.readline() != "ready\n":
                raise Failed(f"{SLOW} connections could not be held; {server.log()}")
            if holder:
                # The first are cut, and opened again, from now on.
                time.sleep(5)
            for _ in range(load.SECONDS):
                runs[is_slow].append(load.run(server, requests, FEW_CONNECTIONS, 1))
            if holder:
                holder.send_signal(signal.SIGTERM)
                out, _ = machine.finish(holder, 30)
                cut += json.loads(out)["cut"]
    for is_slow, label in ((False, "quiet"), (True, "slow")):
        load.show(label, server.name, runs[is_slow])
    print(f"   slow connections that were cut: {cut}", flush=True)
    if not cut:
        raise Failed("no slow connection was cut")
    ratio = statistics.median(one.p99_us / other.p99_us for one, other in zip(runs[True], runs[False]))
    mine, other = (load.medians(runs[is_slow])["p99_us"] / 1000 for is_slow in (True, False))
    what = f"p99 beside {SLOW:,} slow connections / without"
    report.row(what, f"{ratio:.2f} × ({mine:.2f} / {other:.2f} ms)", "≤ 2 ×", ratio <= 2)
    report.save("slow", {
        "ratio": ratio, "must_reach": 2, "ok": ratio <= 2, "cut": cut,
        "slow": [asdict(one) for one in runs[True]], "quiet": [asdict(one) for one in runs[False]],
    })
    server.stop()


def unknown(place: Path) -> None:
    """resident memory while strangers ask with ids of no client, and with API keys that there are not"""
    for kind, what in (("ids", "unknown ids"), ("keys", "unknown API keys")):
        server = Mintery(place / kind).start()
        server.ask(token_request(server.create_client()))
        argv = [sys.executable, Path(__file__).with_name("unknown.py"), server.port, UNKNOWN, MEMORY_SECONDS, kind]
        process = machine.start(argv, cores="load", stdout=-1, stderr=-1, text=True)
        samples = sample(server, process, MEMORY_SECONDS + 60)
        statuses = json.loads(machine.finish(process, 60)[0])
        print(f"   the strangers were answered with {statuses}", flush=True)
        if not set(statuses) <= {"401", "429", "503"} or not statuses.get("401"):
            raise Failed(f"the strangers were answered with {statuses}; {server.log()}")
        growth = growth_of(samples)
        figure = f"{growth:+.1f} MB (at most {max(samples):.1f} MB)"
        report.row(f"memory over {UNKNOWN:,} {what} in {MEMORY_SECONDS} s", figure, "≤ +5 MB", growth <= 5)
        report.save(f"unknown-{kind}", {"statuses": statuses, "samples_mb": samples, "growth_mb": growth, "ok": growth <= 5})
        server.stop()


def memory(place: Path) -> None:
    """resident memory idle with 1,000 clients, and under load"""
    server = Mintery(place / "mintery").start()
    requests = [token_request(server.create_client(f"bench-{number}")) for number in range(CLIENTS)]
    server.stop()

    server.start()
    fresh = machine.rss_mb(server.pid)
    # Each client has asked once: the server remembers what it will of it.
    for request in requests:
        server.ask(request)
    time.sleep(3)
    idle = machine.rss_mb(server.pid)
    report.row(f"memory idle, {CLIENTS:,} clients", f"{idle:.1f} MB", "≤ 24 MB", idle <= 24)

    # More tokens than are remembered, so that what remembers them is full; tokens asked for by all clients between.
    mixed = []
    for request in requests:
        for one in server.fetch_tokens(request, 20):
            mixed += [request, Request("GET", ME, bearer(one))]
    samples = sample_memory(server, load.write(mixed, place / "requests"))
    growth = growth_of(samples)
    report.row("memory under load", f"{max(samples):.1f} MB", "≤ 30 MB", max(samples) <= 30)
    report.row(f"memory over {MEMORY_SECONDS} s of load", f"{growth:+.1f} MB", "≤ +1 MB", growth <= 1)
    report.save("memory", {
        "clients": CLIENTS, "fresh_mb": fresh, "idle_mb": idle, "load_seconds": MEMORY_SECONDS,
        "samples_mb": samples, "most_mb": max(samples), "growth_mb": growth,
        "ok": idle <= 24 and max(samples) <= 30 and growth <= 1,
    })
    server.stop()


def start(place: Path) -> None:
    """from exec to the first 200 of /readyz"""
    server = Mintery(place / "there").start()
    server.stop()
    there = [time_start(server) for _ in range(STARTS)]
    not_there = [time_start(Mintery(place / f"new-{number}")) for number in range(STARTS)]
    report_start("start, database there", there, 20)
    report_start("start, database not there", not_there, 300)
    report.save("start", {
        "there_ms": there, "not_there_ms": not_there,
        "there_median_ms": statistics.median(there), "not_there_median_ms": statistics.median(not_there),
        "ok": statistics.median(there) <= 20 and statistics.median(not_there) <= 300,
    })


def changes(place: Path) -> None:
    """changes a second, 8 writers, SQLite and PostgreSQL"""
    if not machine.binary("bench-changes").exists():
        report.skipped("changes a second", "there is no bench-changes")
        return
    urls, cluster = databases(place, "changes a second")

    found = {engine: [] for engine in urls}
    for number in range(load.ROUNDS):
        for engine, url in urls.items():
            one = write_changes(place, url or f"sqlite://{place}/changes-{number}.db")
            print(f"   {number + 1}/{load.ROUNDS} {engine:9} {one}", flush=True)
            found[engine].append(one)
    if cluster:
        cluster.stop()
    for engine, runs in found.items():
        rate, slowest = (statistics.median(one[name] for one in runs) for name in ("changes_per_second", "p99_ms"))
        ok = rate >= 1500 and slowest <= 20
        report.row(f"changes a second, {engine}", f"{rate:.0f}, p99 {slowest:.1f} ms", "≥ 1,500, p99 ≤ 20 ms", ok)
        report.save(f"changes-{engine}", {"rounds": runs, "changes_per_second": rate, "p99_ms": slowest, "ok": ok})


def imports(place: Path) -> None:
    """clients imported a second, and how long a client that is disabled meanwhile still gets tokens"""
    urls, cluster = databases(place, "clients imported")

    rounds = min(load.ROUNDS, 3)
    for engine, url in urls.items():
        must = {"sqlite": 50_000, "postgres": 30_000}[engine]
        rates, delays = [], []
        for number in range(rounds):
            file = clients.write(place / "clients.jsonl", clients.hashed(IMPORTED))
            # A database that is there for all rounds is opened with one master key.
            server = Mintery(place / (engine if url else f"{engine}-{number}"), database_url=url)
            server.run("db", "migrate")
            rate, delayed = import_beside(server.start(), file)
            server.stop()
            print(f"   {number + 1}/{rounds} {engine:9} {rate:.0f}/s, refused after {delayed} ms", flush=True)
            rates.append(rate)
            delays += delayed
        rate, worst = statistics.median(rates), max(delays)
        report.row(f"clients imported a second, {engine}", f"{rate:.0f}", f"≥ {must:,}", rate >= must)
        report.row(f"disabled meanwhile, {engine}", f"refused after {worst} ms", "≤ 1,000 ms", worst <= 1000)
        report.save(f"import-{engine}", {
            "clients": IMPORTED, "rates": rates, "clients_per_second": rate, "refused_after_ms": delays,
            "worst_ms": worst, "ok": rate >= must and worst <= 1000,
        })
    if cluster:
        cluster.stop()


def million(place: Path) -> None:
    """tokens for 10,000 of 1,000,000 clients, against 1,000 clients stored"""
    pair = []
    for name, stored, asking in (("million", MILLION, ASKING), ("thousand", 1000, 1000)):
        # Those that ask have secrets that were made here; of the others there are hashes.
        known = [clients.generated() for _ in range(min(asking, stored))]
        lines = clients.mixed([clients.line(one) for one in known], clients.hashed(stored - len(known)))
        server = Mintery(place / name)
        server.start()
        began = time.monotonic()
        server.run("client", "import", clients.write(place / "clients.jsonl", lines), cores="all", seconds=3600)
        print(f"   {name}: {stored:,} clients imported in {time.monotonic() - began:.0f} s", flush=True)
        requests = [token_request(one) for one in known]
        pair.append(Candidate(server, requests, requests))
    # The one with a million is asked by each of its clients once before anything is measured.
    for request in pair[0].requests:
        pair[0].server.ask(request)
    compare("million", f"tokens, {ASKING:,} of {MILLION:,} clients / of 1,000", pair, 0.90)
    rss = machine.rss_mb(pair[0].server.pid)
    report.row(f"memory with {MILLION:,} clients", f"{rss:.1f} MB", "≤ 60 MB", rss <= 60)
    stop(*(candidate.server for candidate in pair))


ALL = {
    {"imports": "import"}.get(one.__name__, one.__name__): one
    for one in (
        token, eddsa, rs256, encode, rs256_encode, route, check, introspect, p99, guesses, slow, verify, crates, memory, unknown, start, changes, imports,
        million,
    )
}


def compare_tokens(place: Path, name: str, algorithm: str, must: float) -> None:
    ours, theirs = started(place, algorithm)
    request = token_request(ours.create_client())
    pair = [Candidate(server, [request], [request]) for server in (ours, theirs)]
    compare(name, f"tokens, {algorithm}: Mintery / yardstick", pair, must)
    stop(ours, theirs)


def compare_encode(place: Path, name: str, algorithm: str, must: float) -> None:
    what = f"tokens, {algorithm}: Mintery / the same with encode"
    if not machine.binary("mintery-encode").exists():
        report.skipped(what, "there is no mintery-encode")
        return
    pair = []
    for program in ("mintery", "mintery-encode"):
        server = Mintery(place / program, program, algorithm)
        server.start()
        request = token_request(server.create_client())
        pair.append(Candidate(server, [request], [request]))
    compare(name, what, pair, must)
    stop(*(candidate.server for candidate in pair))


def started(place: Path, algorithm: str = "ES256") -> tuple[Mintery, Yardstick]:
    ours = Mintery(place / "mintery", algorithm=algorithm)
    theirs = Yardstick(place / "yardstick", algorithm)
    ours.start()
    theirs.start()
    return ours, theirs


def stop(*servers: Server) -> None:
    for server in servers:
        server.stop()


def databases(place: Path, what: str) -> tuple[dict[str, str | None], postgres.Cluster | None]:
    """The URL of each engine (none for SQLite, which gets a file of its own), and the PostgreSQL to be stopped afterwards."""
    given = os.environ.get("BENCH_POSTGRES_URL")
    cluster = None if given else postgres.start(place / "postgres")
    url = given or (cluster and cluster.url)
    if not url:
        report.skipped(f"{what}, postgres", "no BENCH_POSTGRES_URL, and no initdb: apt-get install postgresql")
        return {"sqlite": None}, None
    return {"sqlite": None, "postgres": url}, cluster


def bearer(access_token: str) -> str:
    return f"Bearer {access_token}"


def compare(name: str, what: str, pair: list[Candidate], must: float) -> None:
    """Measures the first of the pair against the second, which `must` times its speed is asked of."""
    sizes = [candidate.server.ask(candidate.requests[0])[0] for candidate in pair]
    if abs(sizes[0] - sizes[1]) > 8:
        print(f"   the answers differ in size: {sizes[0]} and {sizes[1]} bytes", flush=True)
    runs = load.rounds(pair, CONNECTIONS)
    ratio = load.speed(*runs)
    mine, other = (load.medians(one)["rate"] for one in runs)
    report.row(what, f"{ratio:.2f} × ({mine:.0f} / {other:.0f} a second)", f"≥ {must:.2f} ×", ratio >= must)
    save_runs(name, pair, runs, ratio, must, ratio >= must)


def save_runs(name: str, pair: list[Candidate], runs: list, ratio: float, must: float, ok: bool) -> None:
    for candidate, slices in zip(pair, runs):
        load.show("median", candidate.server.name, slices)
    candidates = [
        {"server": candidate.server.name, "median": load.medians(slices), "slices": [asdict(one) for one in slices]}
        for candidate, slices in zip(pair, runs)
    ]
    report.save(name, {
        "rounds": load.ROUNDS, "slices_a_round": load.SECONDS,
        "ratio": ratio, "must_reach": must, "ok": ok, "candidates": candidates,
    })


def sample_memory(server: Server, requests: Path) -> list[float]:
    """Resident memory every two seconds while the server is under load."""
    process = load.start(server, requests, CONNECTIONS, MEMORY_SECONDS)
    samples = sample(server, process, MEMORY_SECONDS + 60)
    load.result(server, process, 1)
    return samples


def sample(server: Server, process, seconds: float) -> list[float]:
    """Resident memory of the server until the process ends, but no longer than so many seconds."""
    end = time.monotonic() + seconds
    samples = []
    while process.poll() is None and time.monotonic() < end:
        samples.append(machine.rss_mb(server.pid))
        time.sleep(2 if MEMORY_SECONDS >= 20 else 0.5)
    return samples


def growth_of(samples: list[float]) -> float:
    """The first quarter fills what is bounded; from then on nothing may grow."""
    quarter = max(1, len(samples) // 4)
    return max(samples[-quarter:]) - max(samples[quarter : 2 * quarter])


def time_start(server: Mintery) -> float:
    """Milliseconds, the start of the process included; the server is stopped again."""
    began = time.perf_counter()
    server.spawn()
    while not server.is_ready():
        if time.perf_counter() - began > 30:
            raise Failed(f"{server.name} was not ready after 30 s: {server.log()}")
        server.check_alive()
    took = (time.perf_counter() - began) * 1000
    server.stop()
    return took


def report_start(what: str, times: list[float], most: float) -> None:
    middle = statistics.median(times)
    report.row(what, f"{middle:.1f} ms ({min(times):.1f}–{max(times):.1f})", f"≤ {most:.0f} ms", middle <= most)


def write_changes(place: Path, url: str) -> dict:
    argv = [machine.binary("bench-changes"), url]
    process = machine.start(argv, cores="all", cwd=place, stdout=-1, stderr=-1, text=True)
    out, _ = machine.finish(process, 120)
    return json.loads(out.strip().splitlines()[-1])


def import_beside(server: Mintery, file: Path) -> tuple[float, list[int]]:
    """Clients imported a second while the server runs, and for each client that was disabled meanwhile at the command
    line, how many milliseconds after the command began the server refused it."""
    victims = [server.create_client(f"victim-{number}") for number in range(20)]
    for one in victims:
        server.ask(token_request(one))
    delays: list[int] = []
    failures: list[Exception] = []
    done = threading.Event()

    def disable() -> None:
        try:
            for one in victims:
                if done.is_set():
                    return
                began = time.monotonic()
                server.run("client", "disable", one["client_id"])
                while server.status(token_request(one)) == 200:
                    if time.monotonic() - began > 30:
                        raise Failed("a client that was disabled still gets tokens after 30 s")
                delays.append(round((time.monotonic() - began) * 1000))
                done.wait(0.3)
        except (Failed, OSError) as error:
            failures.append(error)

    disabling = threading.Thread(target=disable)
    began = time.monotonic()
    process = machine.start(
        [machine.binary("mintery"), "client", "import", file], cores="all", cwd=server.directory,
        env=server.environment(), stdout=-1, stderr=-1, text=True,
    )
    disabling.start()
    try:
        machine.finish(process, 600)
        took = time.monotonic() - began
    finally:
        done.set()
        disabling.join()
    if failures:
        raise failures[0]
    return IMPORTED / took, delays
