"""Runs the measurements that the arguments name, all when there are none.

machine.py  cores, processes and what /proc says about them
servers.py  Mintery and the yardstick, each in a process of its own
clients.py  files of clients to import
load.py     wrk, and rounds in which the candidates alternate
measure.py  the measurements: one function each
revoking.py those of what is taken back
api_keys.py those of API keys
pages.py    those of the dashboard
report.py   rows, tables and JSON
"""

import shutil
import sys
import tempfile
from pathlib import Path

import api_keys
import machine
import measure
import pages
import report
import revoking

ALL = measure.ALL | revoking.ALL | api_keys.ALL | pages.ALL


def main() -> int:
    names = sys.argv[1:] or list(ALL)
    unknown = [name for name in names if name not in ALL]
    if unknown:
        print(f"bench: no measurement {', '.join(unknown)}; there are {', '.join(ALL)}", file=sys.stderr)
        return 2

    machine.divide_cores()
    machine.kill_everything_at_exit()
    # Not /tmp, which may be memory: the time of a change is that of a disk.
    directory = Path(tempfile.mkdtemp(prefix="mintery-bench-", dir="/var/tmp"))
    directory.chmod(0o755)
    try:
        for name in names:
            place = directory / name
            place.mkdir(exist_ok=True)
            print(f"\n== {name}: {ALL[name].__doc__.splitlines()[0]}", flush=True)
            ALL[name](place)
        report.print_rows()
    except (machine.Failed, OSError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    finally:
        machine.kill_everything()
        shutil.rmtree(directory, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
