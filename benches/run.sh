#!/bin/sh
# What `make bench` calls: builds, then measures what the arguments name (all when there are none).
# README.md, beside this file, says how and why so.
set -eu
cd "$(dirname "$0")/.."

for command in cargo python3; do
    command -v "$command" >/dev/null || { echo "bench: $command is missing" >&2; exit 1; }
done
if ! command -v wrk >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "bench: installing wrk" >&2
        apt-get install -y --no-install-recommends wrk >&2 ||
            { apt-get update >&2 && apt-get install -y --no-install-recommends wrk >&2; }
    else
        echo "bench: wrk is missing; get it with: apt-get install wrk (as root), or from https://github.com/wg/wrk" >&2
        exit 1
    fi
fi

# One after the other: in one build the benches' features of shared dependencies would be in Mintery too.
cargo build --release -p mintery
cargo build --release -p mintery-benches

PYTHONDONTWRITEBYTECODE=1 exec python3 benches/driver/main.py "$@"
