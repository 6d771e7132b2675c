"""A PostgreSQL of the benchmark's own, with its usual settings: nothing about durability is relaxed."""

import os
import shutil
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import machine
from machine import Failed


@dataclass
class Cluster:
    url: str
    process: Any

    def stop(self) -> None:
        machine.stop(self.process, signal.SIGINT)


def start(directory: Path) -> Cluster | None:
    """None when PostgreSQL is not installed."""
    programs = _programs()
    if programs is None:
        return None
    directory.mkdir()
    # PostgreSQL refuses to run as root.
    identity = {}
    if os.getuid() == 0:
        shutil.chown(directory, "postgres", "postgres")
        identity = {"user": "postgres", "group": "postgres", "extra_groups": []}

    data, port = directory / "data", machine.free_port()
    initdb = machine.start(
        [programs / "initdb", "-D", data, "-U", "bench", "--auth=trust", "--no-sync"],
        cores="all", cwd=directory, stdout=-1, stderr=-1, text=True, **identity,
    )
    machine.finish(initdb, 60)
    log_path = directory / "log"
    with open(log_path, "ab") as log:
        process = machine.start(
            [programs / "postgres", "-D", data, "-h", "127.0.0.1", "-p", port, "-k", directory],
            cores="all", cwd=directory, stdout=log, stderr=log, **identity,
        )
    _wait(port, process, log_path)
    return Cluster(f"postgres://bench@127.0.0.1:{port}/postgres", process)


def _programs() -> Path | None:
    """The newest installation, where Debian puts it or on the path."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    found = installed[-1] if installed else shutil.which("initdb")
    return Path(found).resolve().parent if found else None


def _wait(port: int, process: Any, log: Path) -> None:
    """Until the server has said that it takes connections."""
    end = time.monotonic() + 30
    while "ready to accept connections" not in log.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > end:
            raise Failed(f"PostgreSQL did not start: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)
    socket.create_connection(("127.0.0.1", port), timeout=5).close()
