"""Cores, processes and what /proc says about them."""

import atexit
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", "target")).absolute()

_cores: list[int] = []
_running: list[subprocess.Popen] = []


class Failed(Exception):
    """What was measured is not what was meant."""


def setting(name: str, default: int, least: int, most: int) -> int:
    """A whole number from the environment."""
    text = os.environ.get(name, str(default))
    if not text.isdigit() or not least <= int(text) <= most:
        raise SystemExit(f"bench: {name} must be a number from {least} to {most}, not {text!r}")
    return int(text)


def binary(name: str) -> Path:
    return TARGET / "release" / name


def divide_cores() -> None:
    """The first core is for the server under test, the last for this process and all else that it starts."""
    _cores[:] = sorted(os.sched_getaffinity(0))
    if len(_cores) < 2:
        raise SystemExit("bench: needs two cores, one for the server and one for the load")
    os.sched_setaffinity(0, {_cores[-1]})


def cores() -> int:
    return len(_cores)


def start(argv: list, *, cores: str = "server", **options) -> subprocess.Popen:
    """Starts a process on the `server` core, the `load` core or `all`; a child inherits its parent's cores."""
    wanted = {"server": {_cores[0]}, "load": {_cores[-1]}, "all": set(_cores)}[cores]
    os.sched_setaffinity(0, wanted)
    try:
        process = subprocess.Popen([str(word) for word in argv], stdin=subprocess.DEVNULL, **options)
    finally:
        os.sched_setaffinity(0, {_cores[-1]})
    _running.append(process)
    return process


def finish(process: subprocess.Popen, seconds: float) -> tuple[str, str]:
    """What the process printed; fails when it does, or when it takes too long."""
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        stop(process, signal.SIGKILL)
        raise Failed(f"{process.args[0]} did not end within {seconds:.0f} s") from None
    _running.remove(process)
    if process.returncode != 0:
        raise Failed(f"{' '.join(process.args)} ended with {process.returncode}: {(err or out or '').strip()}")
    return out or "", err or ""


def stop(process: subprocess.Popen, how: signal.Signals = signal.SIGTERM) -> None:
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(timeout=10)
    if process in _running:
        _running.remove(process)


def kill_everything() -> None:
    for process in list(_running):
        stop(process, signal.SIGINT if "postgres" in str(process.args[0]) else signal.SIGTERM)


def kill_everything_at_exit() -> None:
    atexit.register(kill_everything)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def cpu_seconds(pid: int) -> float:
    """User and system time of all threads of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rss_mb(pid: int) -> float:
    """Resident memory, in millions of bytes."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise Failed(f"process {pid} has no VmRSS")


def busy_seconds() -> float:
    """What all cores did besides waiting, since boot, time stolen by other guests included."""
    user, nice, system, _idle, _iowait, irq, softirq, steal = map(
        int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / TICKS


def describe() -> dict:
    model = next(
        (line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")),
        "unknown",
    )
    return {
        "processor": model,
        "cores": cores(),
        "kernel": os.uname().release,
        "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    }
