# shellcheck shell=bash disable=SC2154 # `scratch` is lib.sh's.
# The commands of README.md and of the book work as they stand. Every block
#
#     <!-- test: NAME -->
#     ```sh
#     …
#     ```
#
# of README.md and of the pages below docs/ is run with bash, in order, beside a server at 127.0.0.1:8080, with `mintery`
# in PATH and a client's CLIENT_ID and CLIENT_SECRET in the environment. Where `<!-- shows -->` and a ```json block
# follow, every member named there is in what the last command printed. tests/interop runs the pages on API keys, with
# their clients.

blocks=$scratch/blocks
mkdir "$blocks"

# NNN.name, NNN.sh and NNN.json for every block, in the order of the pages.
extract_blocks() {
  local pages
  mapfile -t pages < <(find "$REPOSITORY/docs" -name '*.md' ! -name 'api-keys*.md' | sort)
  awk -v blocks="$blocks" '
    FNR == 1 { page = FILENAME; sub(/.*\//, "", page) }
    function path(suffix) { return sprintf("%s/%03d.%s", blocks, count, suffix) }
    inside && /^```$/ { close(file); inside = 0; awaited = ""; next }
    inside { print > file; next }
    awaited && $0 == "```" awaited { file = path(awaited); printf "" > file; inside = 1; next }
    awaited && NF { printf "%s:%d: no ```%s block follows the comment\n", page, FNR, awaited; failed = 1; exit }
    /^<!-- test: .* -->$/ {
      count++
      name = $0
      gsub(/^<!-- test: | -->$/, "", name)
      print page ": " name > path("name")
      close(path("name"))
      awaited = "sh"
      next
    }
    /^<!-- shows -->$/ { awaited = "json" }
    END { exit failed || awaited != "" }' "$REPOSITORY/README.md" "${pages[@]}"
}

# The members (at any depth) of the block that the output lacks.
missing_members() {
  jq -rn --slurpfile shown "$1" --slurpfile printed "$2" \
    '[$shown[0] | paths] - [$printed[-1] | paths] | map(map(tostring) | join(".")) | join(", ")'
}

it 'has blocks to test'
expect extract_blocks
expect test -e "$blocks/001.sh"

# The page says 8080, so nothing else will do.
if port_is_taken 8080; then
  it 'can be tried where it says'
  fail 'something else listens at 127.0.0.1:8080'
else
  start_server MINTERY_LISTEN=127.0.0.1:8080
  create_client readme 'read write'

  for block in "$blocks"/*.sh; do
    [[ -e $block ]] || continue
    it "$(cat "${block%.sh}.name")"
    # curl's own defaults, like the reader's; a proxy is not for the loopback address.
    if ! no_proxy='*' timeout 120 bash -euo pipefail "$block" >"$scratch/out" 2>"$scratch/err" </dev/null; then
      fail 'the block failed' "$(cat "$block" "$scratch/out" "$scratch/err")"
    elif [[ -e ${block%.sh}.json ]]; then
      if ! missing=$(missing_members "${block%.sh}.json" "$scratch/out" 2>&1); then
        fail "not JSON: $missing" "$(cat "$scratch/out")"
      elif [[ -n $missing ]]; then
        fail "not in what it printed: $missing" "$(cat "$scratch/out")"
      fi
    fi
    expect true
  done
fi
