#!/usr/bin/env bash
# Installs what is missing, and says nothing when nothing is.
#   scripts/setup.sh run    what building and running need
#   scripts/setup.sh bench  that, and a load generator
#   scripts/setup.sh test   what running needs, and what the tests need: PostgreSQL, Redis, Chromium, Python, client libraries
# Python packages go to $BAILIWICK_TEST_CACHE/python when BAILIWICK_TEST_CACHE is set, else beside the tests.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
# Debian keeps the server's binaries off the PATH.
have_postgres() { have postgres || compgen -G '/usr/lib/postgresql/*/bin/postgres' >/dev/null; }

packages=()
need() { packages+=("$@"); }

missing_to_run() {
  { have cc && have make; } || need build-essential
  # cargo and npm fetch over TLS.
  [ -e /etc/ssl/certs/ca-certificates.crt ] || need ca-certificates
}

missing_to_test() {
  have_postgres || need postgresql
  have redis-server || need redis-server
  # A real browser for the hosted pages.
  have chromium || have chromium-browser || have google-chrome || need chromium
  # A node whose clock is wrong.
  have faketime || need faketime
  # psql, for the store's own tests.
  have psql || need postgresql-client
  if ! have python3; then
    need python3 python3-venv python3-pip
  elif ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    need python3-venv python3-pip
  fi
}

install_packages() {
  [ ${#packages[@]} -gt 0 ] || return 0
  if ! have apt-get; then
    die "missing: install what Debian calls ${packages[*]}, then run this again"
  elif [ "$(id -u)" != 0 ]; then
    die "missing: run  apt-get install ${packages[*]}  as root, then run this again"
  fi
  say "installing ${packages[*]}"
  local log
  log=$(mktemp)
  if ! { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -qy \
      --no-install-recommends -o DPkg::Lock::Timeout=300 "${packages[@]}"; } \
      >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    die "apt-get could not install ${packages[*]}"
  fi
  rm -f "$log"
}

require_rust() {
  have cargo || die "missing: Rust $(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml) or newer, with cargo"
}

require_node() {
  { have node && have npm; } || die "missing: Node.js 20 or newer, with npm"
  [ "$(node -p 'process.versions.node.split(".")[0]')" -ge 20 ] ||
    die "Node.js $(node -v) is too old: 20 or newer is needed"
}

# up_to_date STAMP FILE: whether STAMP was written for this content of FILE.
up_to_date() { [ -e "$1" ] && [ "$(cat "$1")" = "$(sha256sum <"$2")" ]; }

node_packages() {
  local dir=tests/clients/node
  up_to_date $dir/node_modules/.stamp $dir/package-lock.json && return 0
  say "installing the Node packages of the client tests"
  npm ci --prefix $dir --ignore-scripts --no-audit --no-fund --silent </dev/null
  sha256sum <$dir/package-lock.json >$dir/node_modules/.stamp
}

python_packages() {
  local list=tests/clients/python/requirements.txt
  local venv=${BAILIWICK_TEST_CACHE:+$BAILIWICK_TEST_CACHE/python}
  venv=${venv:-tests/clients/python/.venv}
  up_to_date "$venv/.stamp" $list && "$venv/bin/python" -c '' 2>/dev/null && return 0
  say "installing the Python packages of the client tests"
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check --no-deps -r $list </dev/null
  sha256sum <$list >"$venv/.stamp"
}

case "${1:-}" in
  run)
    missing_to_run
    install_packages
    require_rust
    ;;
  bench)
    missing_to_run
    missing_to_test
    have wrk || need wrk
    install_packages
    require_rust
    ;;
  test)
    missing_to_run
    missing_to_test
    install_packages
    require_rust
    require_node
    node_packages
    python_packages
    ;;
  *)
    die "usage: scripts/setup.sh run|bench|test"
    ;;
esac
