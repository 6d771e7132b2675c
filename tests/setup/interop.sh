#!/usr/bin/env bash
# Installs, into the directory that is the argument, the client libraries with which tests/interop calls: those of npm and
# of PyPI, exactly the ones in its lock files. What is there already is left alone.
#
# What cannot be installed is named on a line of its own, `SKIP: …`, which `tests/run.sh` counts; with CI=true that is a failure.
set -euo pipefail

directory=${1:?usage: ${0##*/} DIRECTORY}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
locks=${here%/setup}/interop
mkdir -p "$directory"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0

# install NAME LOCK COMMAND…: runs the command unless it was done with this very lock file and this very program.
install() {
  local name=$1 lock=$2 stamp=$directory/$1.installed wanted
  wanted=$(cat "$lock" <(command -v "$name") <("$name" --version) | sha256sum)
  [[ ! -e $stamp || $(cat "$stamp") != "$wanted" ]] || return 0
  rm -f "$stamp"
  echo "installing ${lock#"$locks"/} of tests/interop"
  if "${@:3}" >"$log" 2>&1; then
    echo "$wanted" >"$stamp"
  else
    tail -n 5 "$log" >&2
    echo "SKIP: what tests/interop/${lock##*/} names cannot be installed, see above: tests/setup/interop.sh $directory"
    [[ ${CI:-} != true ]] || status=1
  fi
}

# Called by name.
# shellcheck disable=SC2317
npm_packages() {
  cp "$locks/package.json" "$locks/package-lock.json" "$directory"
  npm ci --prefix "$directory" --ignore-scripts --no-audit --no-fund
}

# shellcheck disable=SC2317 # The same.
# It gets its name when it is whole: what is tried with it is then tried, or not at all.
python_packages() {
  rm -rf "$directory/venv" "$directory/venv.half"
  python3 -m venv "$directory/venv.half" &&
    "$directory/venv.half/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary=:all: \
      --require-hashes --requirement "$locks/requirements.txt" &&
    mv "$directory/venv.half" "$directory/venv"
}

# Without the program itself packages.sh has said so.
! command -v npm >/dev/null || install npm "$locks/package-lock.json" npm_packages
! python3 -c 'import ensurepip, venv' 2>/dev/null || install python3 "$locks/requirements.txt" python_packages
exit "$status"
