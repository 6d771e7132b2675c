#!/usr/bin/env bash
# What `make fuzz` calls: runs each target, or those that the arguments name, for FUZZ_SECONDS (60). The first argument
# is a directory for tools that are kept apart from the machine's own. What a target finds lies in fuzz/artifacts/;
# what it learned, in fuzz/corpus/, from where the next run goes on.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools=${1:?usage: ${0##*/} DIRECTORY [TARGET…]}
shift
targets=("$@")
[[ $# -gt 0 ]] || targets=(token claims key_set form)
PATH=$tools/bin:$PATH

# libFuzzer wants to know which code an input reaches; only a nightly compiler tells it.
if ! cargo +nightly --version >/dev/null 2>&1 &&
  ! rustup toolchain install nightly --profile minimal; then
  echo 'fuzz: a nightly compiler is missing: rustup toolchain install nightly --profile minimal' >&2
  echo 'fuzz: without one, cargo test --test library fuzz runs the same targets for a moment' >&2
  exit 1
fi
cargo fuzz --version >/dev/null 2>&1 || cargo install --locked --root "$tools" cargo-fuzz@0.13.2

# What is fuzzed are the versions that are shipped.
cp Cargo.lock fuzz/Cargo.lock

found=()
for target in "${targets[@]}"; do
  printf '\n== %s\n' "$target"
  mkdir -p "fuzz/corpus/$target"
  # Twice the longest token; a seed that is too long would be cut.
  cargo +nightly fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- \
    -max_total_time="${FUZZ_SECONDS:-60}" -max_len=32768 -dict=fuzz/json.dict -print_final_stats=1 ||
    found+=("$target")
done

printf '\n'
if [[ ${#found[@]} -gt 0 ]]; then
  echo "failed: ${found[*]}"
  exit 1
fi
echo "${#targets[@]} targets, nothing found"
