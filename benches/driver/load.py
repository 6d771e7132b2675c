"""wrk, and rounds in which the candidates alternate."""

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import machine
from machine import Failed
from servers import Request, Server

ROUNDS = machine.setting("BENCH_ROUNDS", 5, 1, 100)
SECONDS = machine.setting("BENCH_SECONDS", 5, 1, 60)
CONNECTIONS = 64
FEW_CONNECTIONS = 8
SCRIPT = Path(__file__).parents[1] / "wrk" / "requests.lua"

# A server less busy than this was not the limit of what was measured.
SATURATED = 0.95
# More than this of the machine used by others spoils a round.
QUIET = 0.03


@dataclass(frozen=True)
class Run:
    """What one run of wrk says about one server."""

    rate: float
    p50_us: int
    p99_us: int
    max_us: int
    cpu_us: float
    """Processor time of the server for each request."""
    busy: float
    """How much of its core the server used."""
    others: float
    """How much of the machine was used by anything else."""
    rss_mb: float
    requests: int
    sent: int
    """How many requests of the file were sent, when it has more than one."""


@dataclass
class Candidate:
    server: Server
    requests: list[Request]
    warm_up: list[Request]
    """Sent for a second before the first slice, and after each `prepare`."""
    prepare: Callable[[], None] | None = None
    """Called before each slice."""
    once: bool = False
    """No request may be sent twice within a slice."""

    def file(self) -> Path:
        return self.server.directory / "requests"

    def begin(self) -> None:
        run(self.server, write(self.warm_up, self.server.directory / "warm-up"), FEW_CONNECTIONS, 1)

    def slice(self, connections: int) -> "Run":
        if self.prepare:
            self.prepare()
            self.begin()
        one = run(self.server, self.file(), connections, 1)
        if self.once and one.sent > len(self.requests):
            raise Failed(f"{one.sent} requests sent, but only {len(self.requests)} are different")
        return one


def write(requests: list[Request], path: Path) -> Path:
    with open(path, "w", encoding="ascii") as file:
        file.writelines(request.line() + "\n" for request in requests)
    return path


def start(server: Server, requests: Path, connections: int, seconds: int):
    return machine.start(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "--latency",
         "-s", SCRIPT, server.url, "--", requests],
        cores="load", stdout=-1, stderr=-1, text=True,
    )


def result(server: Server, process, seconds: float) -> dict:
    """What requests.lua printed; anything but 2xx, and any broken connection, is an error."""
    out, _ = machine.finish(process, seconds + 60)
    server.check_alive()
    found = json.loads(out.strip().splitlines()[-1])
    if found["not_2xx"] or found["socket_errors"] or not found["requests"]:
        raise Failed(f"{server.name} under load: {found}; {server.log()}")
    return found


def run(server: Server, requests: Path, connections: int, seconds: int) -> Run:
    began = time.monotonic()
    all_before, cpu_before, load_before = machine.busy_seconds(), machine.cpu_seconds(server.pid), _load_seconds()
    found = result(server, start(server, requests, connections, seconds), seconds)
    cpu = machine.cpu_seconds(server.pid) - cpu_before
    others = machine.busy_seconds() - all_before - cpu - (_load_seconds() - load_before)
    return Run(
        rate=found["requests"] / found["seconds"],
        p50_us=found["p50_us"],
        p99_us=found["p99_us"],
        max_us=found["max_us"],
        cpu_us=cpu * 1e6 / found["requests"],
        busy=cpu / found["seconds"],
        others=max(0.0, others / (time.monotonic() - began) / machine.cores()),
        rss_mb=machine.rss_mb(server.pid),
        requests=found["requests"],
        sent=found["sent"],
    )


def _load_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    own = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime + own.ru_utime + own.ru_stime


def rounds(candidates: list[Candidate], connections: int) -> list[list[Run]]:
    """The slices of each candidate. A round is as many slices of a second as BENCH_SECONDS says; the candidates take
    turns slice by slice, each first as often as last, so that what disturbs the machine for seconds disturbs both."""
    for candidate in candidates:
        write(candidate.requests, candidate.file())
        candidate.begin()
    runs = [[] for _ in candidates]
    for number in range(ROUNDS):
        for turn in range(SECONDS):
            order = list(range(len(candidates)))
            for index in order if (number * SECONDS + turn) % 2 == 0 else reversed(order):
                runs[index].append(candidates[index].slice(connections))
        for candidate, slices in zip(candidates, runs):
            show(f"{number + 1}/{ROUNDS}", candidate.server.name, slices[-SECONDS:])
    return runs


def show(label: str, name: str, runs: list[Run]) -> None:
    one = medians(runs)
    print(
        f"   {label:6} {name:14} {one['rate']:8.0f}/s"
        f"  p50 {one['p50_us'] / 1000:.2f} ms  p99 {one['p99_us'] / 1000:.2f} ms"
        f"  {one['cpu_us']:5.1f} µs CPU  {one['busy']:4.0%} of its core  {one['rss_mb']:.1f} MB",
        flush=True,
    )
    if one["others"] > QUIET:
        print(f"   others use {one['others']:.0%} of this machine: the figures will not be good", file=sys.stderr)


def medians(runs: list[Run]) -> dict:
    return {name: statistics.median(asdict(one)[name] for one in runs) for name in asdict(runs[0])}


def ratio(ours: list[Run], theirs: list[Run], name: str) -> float:
    """The median of the ratios of slices that were neighbours in time."""
    return statistics.median(getattr(mine, name) / getattr(other, name) for mine, other in zip(ours, theirs))


def speed(ours: list[Run], theirs: list[Run]) -> float:
    """How fast ours is in comparison. Where the load generator was the limit the rates say too little: then the worse
    of rate and processor time counts."""
    by_rate = ratio(ours, theirs, "rate")
    if min(medians(ours)["busy"], medians(theirs)["busy"]) >= SATURATED:
        return by_rate
    return min(by_rate, ratio(theirs, ours, "cpu_us"))
