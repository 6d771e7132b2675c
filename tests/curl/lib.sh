# What the curl-driven tests are written with; sourced by run.sh, in a fresh working directory for each test file.
# shellcheck shell=bash
#
#   start_server [NAME=VALUE…] [FLAG…]   `mintery serve --dev` in the working directory, at $URL
#   create_client NAME [SCOPE]           sets CLIENT_ID and CLIENT_SECRET
#   it "does this"                       begins a case; it fails when one of its expectations does
#   expect_status CODE CURL-ARGUMENT…    sends a request; CODE may be a pattern, `400|415`
#   expect_header NAME REGEX             of the last answer; also expect_no_header NAME [REGEX]
#   expect_json FILTER [JQ-ARGUMENT…]    FILTER is true of the last answer
#   json FILTER                          what FILTER finds in the last answer
#   expect COMMAND…                      COMMAND succeeds

# The last answer, and programs for PATH, lie apart from the directory in which the server keeps its data.
scratch=$(mktemp -d)
mkdir "$scratch/bin"
ln -s "$TEST_BINARY" "$scratch/bin/mintery"
PATH=$scratch/bin:$PATH

# Settings of whoever runs the tests are not those of the server that is tested.
for variable in $(compgen -e | grep '^MINTERY_') RUST_LOG; do
  unset "$variable"
done

# Nor are the profiles of `mintery login` theirs.
export XDG_CONFIG_HOME=$scratch/config

case_name=
case_failed=0
expectations=0
server_pid=
finished=0
status=

it() {
  end_case
  case_name=$1
}

end_case() {
  [[ -n $case_name ]] || return 0
  [[ $expectations -gt 0 ]] || fail 'it expects nothing'
  if [[ $case_failed -eq 0 ]]; then
    echo "ok      $case_name"
    echo passed >>"$RESULTS"
  else
    echo "FAILED  $case_name"
    echo failed >>"$RESULTS"
  fi
  case_name=
  case_failed=0
  expectations=0
}

fail() {
  case_name=${case_name:-before the first case}
  case_failed=1
  expectations=$((expectations + 1))
  printf '%s\n' "$@" | sed 's/^/        /'
}

# Where in the test file the failed expectation stands, and what the last answer was.
last_answer() {
  local frame lines=()
  for frame in "${!BASH_SOURCE[@]}"; do
    [[ ${BASH_SOURCE[frame]} != *.test.sh ]] || lines+=("${BASH_LINENO[frame - 1]}")
  done
  echo "line ${lines[*]}: $last_request"
  cat "$scratch/curl.log"
  tr -d '\r' <"$scratch/headers"
  head -c 2000 "$scratch/body"
}

# Runs when a test file has been read to its end.
finish() {
  end_case
  if [[ -e $scratch/requests ]]; then
    it 'gives every answer an X-Request-Id'
    expectations=1
    [[ ! -e $scratch/nameless ]] || fail "$(cat "$scratch/nameless")"
    end_case
  fi
  finished=1
}

clean_up() {
  if [[ $finished -eq 0 ]]; then
    fail 'the test ended early'
    end_case
  fi
  stop_server
  rm -rf "$scratch"
}
trap clean_up EXIT

port_is_taken() {
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Below the range from which the kernel takes the ports of outgoing connections.
free_port() {
  local port
  while port=$((20000 + RANDOM % 12000)) && port_is_taken "$port"; do :; done
  echo "$port"
}

start_server() {
  stop_server
  local assignments=() flags=() argument
  export MINTERY_LISTEN
  MINTERY_LISTEN=127.0.0.1:$(free_port)
  for argument; do
    case $argument in
      MINTERY_LISTEN=*) MINTERY_LISTEN=${argument#*=} ;;
      [A-Z]*=*) assignments+=("$argument") ;;
      *) flags+=("$argument") ;;
    esac
  done
  URL=http://$MINTERY_LISTEN

  env "${assignments[@]}" mintery serve --dev "${flags[@]}" >"$scratch/server.log" 2>&1 </dev/null &
  server_pid=$!
  for _ in {1..300}; do
    curl -q --silent --fail --noproxy '*' --max-time 5 --output /dev/null "$URL/readyz" && return
    kill -0 "$server_pid" 2>/dev/null || break
    sleep 0.1
  done
  fail 'the server did not become ready' "$(cat "$scratch/server.log")"
  exit 1
}

stop_server() {
  [[ -n $server_pid ]] || return 0
  kill "$server_pid" 2>/dev/null || true
  for _ in {1..100}; do
    kill -0 "$server_pid" 2>/dev/null || break
    sleep 0.1
  done
  kill -KILL "$server_pid" 2>/dev/null || true
  wait "$server_pid" 2>/dev/null || true
  server_pid=
}

create_client() {
  local made
  if ! made=$(mintery client create --name "$1" ${2:+--scope "$2"} -o json 2>"$scratch/cli.log"); then
    fail "mintery client create failed" "$(cat "$scratch/cli.log")"
    exit 1
  fi
  CLIENT_ID=$(jq -er .client_id <<<"$made") && CLIENT_SECRET=$(jq -er .client_secret <<<"$made") || exit 1
  export CLIENT_ID CLIENT_SECRET
}

expect_status() {
  local wanted=$1
  shift
  expectations=$((expectations + 1))
  last_request="curl $*"
  : >"$scratch/headers"
  : >"$scratch/body"
  # A server that answers before it has read the body may make curl fail after it has the answer; the answer counts.
  status=$(curl -q --silent --show-error --noproxy '*' --max-time 30 --dump-header "$scratch/headers" \
    --output "$scratch/body" --write-out '%{http_code}' "$@" 2>"$scratch/curl.log") || true
  [[ $status =~ ^($wanted)$ ]] || fail "status $status, not $wanted" "$(last_answer)"

  [[ $status != 000 ]] || return 0
  echo "$last_request" >>"$scratch/requests"
  [[ -n $(header X-Request-Id) ]] || echo "none: $last_request" >>"$scratch/nameless"
}

# The values of a header in the last answer, a line each; of interim answers (100 Continue) none.
header() {
  awk -v name="${1,,}" '
    /^HTTP\// { values = ""; next }
    {
      sub(/\r$/, "")
      colon = index($0, ":")
      if (colon && tolower(substr($0, 1, colon - 1)) == name) {
        value = substr($0, colon + 1)
        sub(/^[ \t]+/, "", value)
        values = values value "\n"
      }
    }
    END { printf "%s", values }' "$scratch/headers"
}

expect_header() {
  expectations=$((expectations + 1))
  header "$1" | grep -qE -e "$2" || fail "no $1 that is $2" "$(last_answer)"
}

expect_no_header() {
  expectations=$((expectations + 1))
  ! header "$1" | grep -qE -e "${2:-.*}" || fail "$1 is there" "$(last_answer)"
}

json() {
  jq -r "$@" "$scratch/body" 2>/dev/null
}

expect_json() {
  expectations=$((expectations + 1))
  jq -e "$@" "$scratch/body" >/dev/null 2>&1 || fail "not true of the body: $1" "$(last_answer)"
}

expect() {
  expectations=$((expectations + 1))
  "$@" || fail "failed: $*"
}
