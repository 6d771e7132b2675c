#!/usr/bin/env bash
# Prints the lines of docs/inside/requirements.md that no test names, with their text. A test names a line where its comment has
# the id, alone or among others: a doc comment above a test in src/, any doc comment in tests/, any comment of a script
# there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

requirements=${REQUIREMENTS:-docs/inside/requirements.md}
[[ -e $requirements ]] || { echo "$requirements does not exist: REQUIREMENTS names the file" >&2; exit 1; }

id='([0-9]{4}|[A-Z]{3,})-[0-9]+'

# `ID text`, one a line, where an id begins an item or a sentence; elsewhere it is a reference.
required() {
  sed -nE "/^- $id /p" "$requirements" | sed -E "s/^- //; s/\. ($id) /.\n\1 /g"
}

# The comments that can name an id.
comments() {
  # In src/ a doc comment counts when a test, or a module of tests, follows it.
  find src -name '*.rs' -exec awk '
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
