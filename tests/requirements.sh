#!/usr/bin/env bash
# usage: tests/requirements.sh [FILE]
#
# Prints the lines of FILE that no test names. FILE is docs/inside/requirements.md by default; a relative path begins at
# the root of the repository. A test names a line by its id in a comment: a doc comment above a test in src/ and crates/,
# any doc comment in tests/, any comment of a script there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

file=${1:-docs/inside/requirements.md}
requirements=$(realpath -e "$file" 2>/dev/null) || {
  echo "${0##*/}: no file $file; name the list of requirements: ${0##*/} FILE" >&2
  exit 1
}

id='([0-9]{4}|[A-Z]{3,})-[0-9]+'

# `ID text`, one a line, where an id begins an item or a sentence; elsewhere it is a reference.
required() {
  sed -nE "/^- $id /p" "$requirements" | sed -E "s/^- //; s/\. ($id) /.\n\1 /g"
}

# The comments that can name an id.
comments() {
  # In src/ and crates/ a doc comment counts when a test, or a module of tests, follows it.
  find src crates -name '*.rs' -exec awk '
    /^[ \t]*\/\/[\/!]/ { pending = pending $0 "\n"; next }
    /^[ \t]*#!?\[.*test/ { printf "%s", pending; pending = ""; next }
    /^[ \t]*#!?\[/ { next }
    { pending = "" }' {} +
  find tests -name '*.rs' -exec grep -hE '^[[:space:]]*//[/!]' {} +
  find tests \( -name '*.sh' -o -name '*.py' \) -exec grep -hE '^[[:space:]]*#' {} +
  find tests \( -name node_modules -prune \) -o \( -name '*.js' -o -name '*.mjs' -o -name '*.ts' \) \
    -exec grep -hE '^[[:space:]]*(//|/?\*)' {} +
}

named=$(comments | tr -c '[:alnum:]-' '\n' | grep -xE "$id" | sort -u || true)

required | awk -v named="$named" '
  BEGIN { split(named, list, "\n"); for (i in list) is_named[list[i]] = 1 }
  { total++; if ($1 in is_named) covered++; else print }
  END { printf "%d of %d lines are named by a test\n", covered, total }'
