#!/usr/bin/env bash
# Walks through the dashboard with a real browser, against the binary TEST_BINARY. `run.sh walk` runs one file, and
# `run.sh screenshots` takes the pictures of README.md instead.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=${here%/tests/browser}
TEST_BINARY=$(realpath "${TEST_BINARY:-$repository/target/debug/mintery}")
BROWSER_MODULES=$(realpath -m "${BROWSER_MODULES:-$repository/target/browser}")
export TEST_BINARY BROWSER_MODULES
[[ -x $TEST_BINARY ]] || { echo "$TEST_BINARY is not there: cargo build makes it" >&2; exit 1; }

# Exactly the packages of the lock file, once.
if ! cmp -s "$here/package-lock.json" "$BROWSER_MODULES/installed"; then
  mkdir -p "$BROWSER_MODULES"
  cp "$here/package.json" "$here/package-lock.json" "$BROWSER_MODULES"
  if ! npm ci --prefix "$BROWSER_MODULES" --ignore-scripts --no-audit --no-fund >"$BROWSER_MODULES/log" 2>&1; then
    tail -n 5 "$BROWSER_MODULES/log" >&2
    echo "SKIP: what tests/browser/package-lock.json names cannot be installed, see above: npm ci"
    [[ ${CI:-} != true ]]
    exit
  fi
  cp "$here/package-lock.json" "$BROWSER_MODULES/installed"
fi
[[ ${1:-} != screenshots ]] || exec node "$here/screenshots.mjs"
exec node "$here/main.mjs" "$@"
