#!/usr/bin/env bash
# Everything that must hold before a change lands, the cheapest first; stops at the first failure.
# BAILIWICK_TEST_DATABASES=sqlite (or postgres) runs the integration tests on that one only.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_PROGRESS_WHEN=never
export BAILIWICK_TEST_DATABASES=${BAILIWICK_TEST_DATABASES:-sqlite,postgres}

log=$(mktemp)
summary=()
finish() {
  local code=$?
  printf '\n--- summary\n'
  printf '%s\n' "${summary[@]}"
  count
  rm -f "$log"
  [ $code = 0 ] && echo "all green (databases: $BAILIWICK_TEST_DATABASES)" || echo "FAILED"
}
trap finish EXIT

# step NAME COMMAND...
step() {
  local name=$1 start=$SECONDS
  shift
  printf '\n--- %s\n' "$name"
  summary+=("FAIL  $name")
  "$@"
  summary[-1]="ok    $name ($((SECONDS - start)) s)"
}

tests() {
  cargo test --workspace --no-fail-fast 2>&1 | tee "$log"
}

# A throw-away PostgreSQL for the store's own tests; it stops when this script ends, however it
# ends, because its standard input closes then. Integration tests start their own.
postgres() {
  local port line sql
  port=$((20000 + RANDOM % 20000))
  while (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
  coproc PG { exec sh tests/harness/throwaway.sh postgres "$port"; }
  read -r line <&"${PG[0]}" && [ "$line" = ready ]
  for role in owner app system; do
    sql="CREATE ROLE bailiwick_$role LOGIN"
    psql -qX -h 127.0.0.1 -p "$port" -U postgres -c "$sql"
    export "BAILIWICK_TEST_PG_${role^^}_URL=postgres://bailiwick_$role@127.0.0.1:$port/unit"
  done
  psql -qX -h 127.0.0.1 -p "$port" -U postgres -c 'CREATE DATABASE unit OWNER bailiwick_owner'
}

# Adds up the closing lines of every test binary.
count() {
  awk '/^test result:/ { p += $4; f += $6; i += $8; n++ }
    END { if (n) printf "      %d passed, %d failed, %d ignored\n", p, f, i }' "$log"
}

step "setup" bash scripts/setup.sh test
step "format" cargo fmt --all --check
step "lint" cargo clippy --workspace --all-targets --quiet -- -D warnings
case $BAILIWICK_TEST_DATABASES in
  *postgres*) step "postgres" postgres ;;
esac
step "tests" tests
