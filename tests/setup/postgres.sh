#!/usr/bin/env bash
# A PostgreSQL server for one run of the tests: its own cluster in a fresh directory, on a free port of the loopback
# address, gone without a trace afterwards.
#
#   out=$(tests/setup/postgres.sh start) && eval "$out"     # sets TEST_POSTGRES_URL
#   tests/setup/postgres.sh stop
#
# Where TEST_POSTGRES_URL is set already, that server is used, and neither started nor stopped.
set -euo pipefail

bin_dir() {
  local initdb
  # The newest version that Debian has installed, else whatever PATH finds.
  initdb=$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1) || true
  initdb=${initdb:-$(command -v initdb || true)}
  if [[ -z $initdb ]]; then
    echo 'PostgreSQL is missing: tests/setup/packages.sh installs it' >&2
    return 1
  fi
  dirname "$initdb"
}

# PostgreSQL refuses to run as root.
as_owner() {
  if [[ $(id -u) -eq 0 ]]; then
    runuser -u postgres -- "$@"
  else
    "$@"
  fi
}

# Below the range from which the kernel takes the ports of outgoing connections, so that none of these gets in between.
free_port() {
  local port
  for _ in {1..50}; do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      echo "$port"
      return
    fi
  done
  echo 'no free port' >&2
  return 1
}

start() {
  if [[ -n ${TEST_POSTGRES_URL:-} ]]; then
    printf 'export TEST_POSTGRES_URL=%q\n' "$TEST_POSTGRES_URL"
    return
  fi

  local bin port
  bin=$(bin_dir)
  # A short path: the name of a Unix socket has room for about a hundred characters.
  dir=$(mktemp -d /tmp/mintery-postgres.XXXXXX)
  trap 'rm -rf "$dir"' EXIT
  [[ $(id -u) -ne 0 ]] || chown postgres "$dir"
  cd "$dir"

  as_owner "$bin/initdb" --pgdata="$dir/data" --username=postgres --auth=trust --encoding=UTF8 --locale=C \
    --no-sync >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; return 1; }
  # Its data need not survive a crash, so nothing waits for the disk.
  as_owner tee -a "$dir/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
unix_socket_directories = '$dir'
max_connections = 300
fsync = off
synchronous_commit = off
full_page_writes = off
CONF

  # Between the look and the start somebody may take the port: then another one.
  for _ in 1 2 3; do
    port=$(free_port)
    if as_owner "$bin/pg_ctl" start --pgdata="$dir/data" --log="$dir/server.log" --options="-p $port" \
      --wait --timeout=60 --silent >&2; then
      trap - EXIT
      echo "export TEST_POSTGRES_DIR=$dir"
      echo "export TEST_POSTGRES_URL=postgres://postgres@127.0.0.1:$port/postgres"
      return
    fi
  done
  cat "$dir/server.log" >&2
  return 1
}

stop() {
  # Only what `start` made has a directory.
  local dir=${TEST_POSTGRES_DIR:-}
  [[ -n $dir && -d $dir/data ]] || return 0
  cd "$dir"
  as_owner "$(bin_dir)/pg_ctl" stop --pgdata="$dir/data" --mode=immediate --wait --silent >&2 || true
  cd /
  rm -rf "$dir"
}

case "${1:-}" in
  start | stop) "$1" ;;
  *) echo "usage: ${0##*/} start|stop" >&2; exit 2 ;;
esac
