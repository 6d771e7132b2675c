#!/usr/bin/env bash
# Tries what the pages docs/guides/api-keys*.md tell their readers to type, with the clients that they name, against the binary
# TEST_BINARY and the example that cargo puts beside it. `run.sh docs/guides/api-keys-bearer.md` tries that page alone.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export REPOSITORY=${here%/tests/interop}

TEST_BINARY=$(realpath "${TEST_BINARY:-$REPOSITORY/target/debug/mintery}")
TEST_DEMO_API=$(realpath "${TEST_DEMO_API:-${TEST_BINARY%/*}/examples/demo_api}")
INTEROP_CLIENTS=$(realpath -m "${INTEROP_CLIENTS:-$REPOSITORY/target/interop}")
export TEST_BINARY TEST_DEMO_API INTEROP_CLIENTS
for program in "$TEST_BINARY" "$TEST_DEMO_API"; do
  [[ -x $program ]] || { echo "$program is not there: cargo build --bin mintery --example demo_api makes it" >&2; exit 1; }
done

"$REPOSITORY/tests/setup/interop.sh" "$INTEROP_CLIENTS" || exit 1
exec node "$here/main.mjs" "$@"
