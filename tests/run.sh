#!/usr/bin/env bash
# Runs the tests, part by part: all parts, or those that are named. A part that fails does not keep the next from
# running. The last line of the output counts the tests that passed, failed and were skipped. A line above it counts
# those that do not apply to the engine of their part.
#
# A Rust test that ends early appends a line to the file in TEST_OUTCOMES, because the harness reports it as passed
# (`only_on!` in tests/support/engine.rs, `skip_unless!` in tests/cli/support/skip.rs). With CI=true the run fails if a
# test was skipped, or applied neither to SQLite nor to PostgreSQL.
#
# A new part is a function `part_NAME` and its name in `all_parts`.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 1

all_parts=(sqlite postgres curl interop browser)
target_dir=${CARGO_TARGET_DIR:-target}
cargo_flags=()
# Continuous integration tests exactly what was committed.
[[ ${CI:-} != true ]] || cargo_flags+=(--locked)

part_sqlite() {
  TEST_ENGINE=sqlite cargo test "${cargo_flags[@]}" --no-fail-fast -p mintery -p mintery-verifier
}

part_postgres() {
  needs initdb || [[ -n ${TEST_POSTGRES_URL:-} ]] || return "$not_run"
  local server
  server=$(tests/setup/postgres.sh start) || return 1
  eval "$server"
  # A part runs in a subshell of its own, so this is at the end of the part, however it ends.
  trap 'tests/setup/postgres.sh stop' EXIT
  # The command line tests run it beside the server.
  cargo build "${cargo_flags[@]}" --example resource_server || return 1
  TEST_ENGINE=postgres cargo test "${cargo_flags[@]}" --no-fail-fast --test api --test cli
}

part_curl() {
  needs curl && needs jq || return "$not_run"
  if [[ -z ${TEST_BINARY:-} ]]; then
    cargo build "${cargo_flags[@]}" --bin mintery || return 1
    export TEST_BINARY=$target_dir/debug/mintery
  fi
  bash tests/curl/run.sh
}

part_interop() {
  needs curl && needs jq && needs node || return "$not_run"
  cargo build "${cargo_flags[@]}" --bin mintery --example demo_api || return 1
  export TEST_BINARY=${TEST_BINARY:-$target_dir/debug/mintery} TEST_DEMO_API=$target_dir/debug/examples/demo_api
  INTEROP_CLIENTS=$target_dir/interop bash tests/interop/run.sh
}

part_browser() {
  needs node && needs npm && needs curl && needs chromium || return "$not_run"
  if [[ -z ${TEST_BINARY:-} ]]; then
    cargo build "${cargo_flags[@]}" --bin mintery || return 1
    export TEST_BINARY=$target_dir/debug/mintery
  fi
  BROWSER_MODULES=$target_dir/browser bash tests/browser/run.sh
}

# A part returns this when a program is missing; packages.sh has said which, in a line that counts.
not_run=77

needs() {
  command -v "$1" >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/$1" >/dev/null
}

logs=$(mktemp -d)
outcomes=$(mktemp -d)
trap 'rm -rf "$logs" "$outcomes"' EXIT
failed_parts=()

# Runs a part with its output on the terminal and in a log, from which the results are counted.
run() {
  local name=$1 status
  shift
  printf '\n== %s\n' "$name"
  : >"$outcomes/$name"
  ( export TEST_OUTCOMES=$outcomes/$name; "$@" ) 2>&1 | tee "$logs/$name"
  status=${PIPESTATUS[0]}
  if [[ $status -eq $not_run ]]; then
    echo "not run: see the lines that begin with SKIP"
  elif [[ $status -ne 0 ]]; then
    failed_parts+=("$name")
  fi
}

# The sum of what stands before WORD in the lines of a log that say how a suite ended: cargo's
# `test result: ok. 12 passed; 0 failed; 1 ignored; …`, and `12 passed, 0 failed` of the others.
count() {
  cat "${@:2}" | awk -v word="$1" '
    /^test result: / || /^[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?$/ {
      fields = split($0, field, /[ ;,]+/)
      for (i = 2; i <= fields; i++) if (field[i] == word) sum += field[i - 1]
    }
    END { print sum + 0 }'
}

parts=("$@")
[[ $# -gt 0 ]] || parts=("${all_parts[@]}")
for part in "${parts[@]}"; do
  if ! declare -F "part_$part" >/dev/null; then
    echo "${0##*/}: no such part: $part (there are: ${all_parts[*]})" >&2
    exit 2
  fi
done

run packages tests/setup/packages.sh
for part in "${parts[@]}"; do
  run "$part" "part_$part"
done

# The names of the tests that do not apply to the engine of a part.
inapplicable() {
  sed -n 's/^NOT APPLICABLE: //p' "$outcomes/$1" 2>/dev/null | sort -u
}

ended_early=$(cat "$outcomes"/* | grep -c '^SKIP: ')
not_applicable=$(cat "$outcomes"/* | grep -c '^NOT APPLICABLE: ')
passed=$(($(count passed "$logs"/*) - ended_early - not_applicable))
failed=$(count failed "$logs"/*)
skipped=$(($(count ignored "$logs"/*) + $(count skipped "$logs"/*) + $(cat "$logs"/* | grep -c '^SKIP: ') + ended_early))
# A part that failed before it counted anything, because it did not compile, say, is a failure too.
for part in "${failed_parts[@]}"; do
  [[ $(count failed "$logs/$part") -gt 0 ]] || failed=$((failed + 1))
done

printf '\n'
[[ ${#failed_parts[@]} -eq 0 ]] || echo "failed: ${failed_parts[*]}"
if [[ $skipped -gt 0 ]]; then
  cat "$logs"/* "$outcomes"/* | grep '^SKIP: '
  echo "$skipped skipped"
  if [[ ${CI:-} == true ]]; then
    echo 'with CI=true nothing may be skipped'
    failed_parts+=(skipped)
  fi
fi
nowhere=$(comm -12 <(inapplicable sqlite) <(inapplicable postgres))
if [[ -n $nowhere ]]; then
  sed 's/^/applies to no engine: /' <<<"$nowhere"
  if [[ ${CI:-} == true ]]; then
    echo 'with CI=true each test must apply to an engine'
    failed_parts+=(engines)
  fi
fi
[[ $not_applicable -eq 0 ]] || echo "$not_applicable not applicable on their engine"
echo "$passed passed, $failed failed, $skipped skipped"
[[ ${#failed_parts[@]} -eq 0 ]]
