#!/usr/bin/env bash
# Runs the curl-driven tests, `*.test.sh` beside this file or those that are named, against the binary TEST_BINARY.
# Each starts its servers in a fresh directory, with the functions of lib.sh.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export REPOSITORY=${here%/tests/curl}

TEST_BINARY=$(realpath "${TEST_BINARY:-$REPOSITORY/target/debug/mintery}")
export TEST_BINARY
[[ -x $TEST_BINARY ]] || { echo "$TEST_BINARY is not there: cargo build makes it" >&2; exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export RESULTS=$work/results
: >"$RESULTS"

tests=("$@")
[[ $# -gt 0 ]] || tests=("$here"/*.test.sh)
for test in "${tests[@]}"; do
  test=$(realpath "$test")
  name=$(basename "$test" .test.sh)
  echo "-- $name"
  mkdir "$work/$name"
  before=$(wc -l <"$RESULTS")
  # shellcheck disable=SC2016 # Its parameters are for the shell that is started.
  (cd "$work/$name" && bash -uo pipefail -c 'source "$1" && source "$2" && finish' "$name" "$here/lib.sh" "$test")
  # Whatever went wrong before it could be counted.
  [[ $(wc -l <"$RESULTS") -gt $before ]] || { echo "FAILED  $name ran no case"; echo failed >>"$RESULTS"; }
done

failed=$(grep -c failed "$RESULTS")
echo
echo "$(grep -c passed "$RESULTS") passed, $failed failed"
[[ $failed -eq 0 ]]
