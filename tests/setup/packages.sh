#!/usr/bin/env bash
# Installs, with Debian's packages, the programs that the tests (or, with the argument `bench`, the benchmarks) call
# and this machine lacks. A machine that has them all is left alone, and asked for no rights.
#
# What cannot be installed is named on a line of its own, `SKIP: …`, which `tests/run.sh` counts; with CI=true that
# is a failure.
set -euo pipefail

declare -A package_of=()
case "${1:-test}" in
  test)
    package_of=([chromium]=chromium [curl]=curl [jq]=jq [nginx]=nginx [node]=nodejs [npm]=npm [openssl]=openssl [python3]=python3
      [python3-venv]=python3-venv [ruby]=ruby)
    ;;
  bench) package_of=([curl]=curl [jq]=jq [wrk]=wrk) ;;
  *) echo "usage: ${0##*/} [test|bench]" >&2; exit 2 ;;
esac

# The server's programs are outside PATH on Debian. Whoever brings a server of their own needs none.
if [[ ${1:-test} == test && -z ${TEST_POSTGRES_URL:-} ]]; then
  package_of[initdb]=postgresql
fi

present() {
  case $1 in
    # Two modules that Debian keeps apart from its Python.
    python3-venv) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
    # Outside the PATH of most users.
    nginx) command -v nginx >/dev/null || [[ -x /usr/sbin/nginx ]] ;;
    *) command -v "$1" >/dev/null || compgen -G "/usr/lib/postgresql/*/bin/$1" >/dev/null ;;
  esac
}

missing() {
  local program
  for program in "${!package_of[@]}"; do
    present "$program" || echo "${package_of[$program]}"
  done | sort
}

mapfile -t wanted < <(missing)
[[ ${#wanted[@]} -gt 0 ]] || exit 0

as_root=()
why_not=
if ! command -v apt-get >/dev/null; then
  why_not='there is no apt-get here'
elif [[ $(id -u) -ne 0 ]]; then
  if sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
  else
    why_not='this takes root'
  fi
fi

apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q -o DPkg::Lock::Timeout=300 "$@"
}

# Debian's package makes a cluster and starts it. The tests start one of their own, so none is to be left running
# here. The setting goes as it came: whoever installs another version of PostgreSQL later gets what they expect.
no_cluster=/etc/postgresql-common/createcluster.d/mintery-tests.conf
make_no_cluster() {
  "${as_root[@]}" mkdir -p "${no_cluster%/*}"
  echo 'create_main_cluster = false' | "${as_root[@]}" tee "$no_cluster" >/dev/null
}

# Debian's package of nginx starts a server on port 80. A policy keeps it stopped during the installation.
no_service=/usr/sbin/policy-rc.d
start_no_service() {
  [[ -e $no_service ]] && return
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$no_service" >/dev/null
  "${as_root[@]}" chmod 755 "$no_service"
  made+=("$no_service")
}

log=$(mktemp)
made=()
trap 'rm -f "$log"; [[ ${#made[@]} -eq 0 ]] || "${as_root[@]}" rm -f "${made[@]}"' EXIT
if [[ -z $why_not ]]; then
  echo "installing ${wanted[*]}"
  if [[ " ${wanted[*]} " == *' postgresql '* ]]; then
    made+=("$no_cluster")
    make_no_cluster
  fi
  [[ " ${wanted[*]} " != *' nginx '* ]] || start_no_service
  if ! { apt update && apt install --no-install-recommends "${wanted[@]}"; } >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    why_not='apt-get failed, see above'
  fi
fi

status=0
for package in $(missing); do
  echo "SKIP: $package is missing and cannot be installed (${why_not:-apt-get installed something else}):" \
    "apt-get install $package"
  [[ ${CI:-} != true ]] || status=1
done
exit "$status"
