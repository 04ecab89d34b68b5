#!/usr/bin/env bash
# The cluster of compose.yml without containers: two nodes on a PostgreSQL and a Redis of their own,
# for a trial. Ctrl-C stops everything, and the data is gone.
#   PORT             of the first node (default 8080); the second one is ten above it
#   PROFILE          cargo's build profile (default dev)
set -euo pipefail
cd "$(dirname "$0")/.."
bash scripts/setup.sh test
profile=${PROFILE:-dev}
cargo build --workspace --bin bailiwick --profile "$profile"
bailiwick=${CARGO_TARGET_DIR:-target}/$([ "$profile" = dev ] && echo debug || echo "$profile")/bailiwick
port=${PORT:-8080}
data=$(mktemp -d)
nodes=()
stop() {
  kill -TERM "${nodes[@]}" 2>/dev/null || true
  wait "${nodes[@]}" 2>/dev/null || true
  rm -rf "$data"
}
trap stop EXIT
trap 'exit 0' INT TERM

free_port() {
  local port=$((20000 + RANDOM % 20000))
  while (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
  echo "$port"
}
# Each stops when this script ends, however it ends, because its standard input closes then.
serve() { # KIND PORT DESCRIPTOR
  mkfifo "$data/$1.in" "$data/$1.out"
  sh tests/harness/throwaway.sh "$1" "$2" <"$data/$1.in" >"$data/$1.out" &
  eval "exec $3>\"$data/$1.in\""
  local line
  read -r line <"$data/$1.out" && [ "$line" = ready ]
}
pg=$(free_port)
serve postgres-durable "$pg" 7
redis=$(free_port)
serve redis "$redis" 8

sql() { psql -qX -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$pg" -U postgres -c "$1"; }
for role in owner app system; do sql "CREATE ROLE bailiwick_$role LOGIN NOSUPERUSER NOBYPASSRLS"; done
sql "CREATE DATABASE bailiwick OWNER bailiwick_owner"
url() { echo "postgres://bailiwick_$1@127.0.0.1:$pg/bailiwick"; }

export BAILIWICK_DATA_DIR=$data BAILIWICK_PUBLIC_URL=http://localhost:$port
BAILIWICK_DATABASE_URL=$(url app)
BAILIWICK_DATABASE_SYSTEM_URL=$(url system)
export BAILIWICK_DATABASE_URL BAILIWICK_DATABASE_SYSTEM_URL
export BAILIWICK_REDIS_URL=redis://127.0.0.1:$redis/0
(umask 077 && printf 'k1:%s\n' "$(head -c 32 /dev/urandom | base64)" >"$data/master.key")
BAILIWICK_DATABASE_OWNER_URL=$(url owner) "$bailiwick" migrate

ready() { # PORT
  local status
  { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
  printf 'GET /health/ready HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n' >&3
  read -r -t 5 status <&3 || status=
  exec 3>&-
  [[ $status == *" 200 "* ]]
}
for n in 1 2; do
  at=$((port + (n - 1) * 10))
  BAILIWICK_LISTEN=127.0.0.1:$at BAILIWICK_PRIVATE_LISTEN=127.0.0.1:$((at + 1)) \
    "$bailiwick" serve 2>"$data/node$n.log" </dev/null &
  nodes+=($!)
  until ready $at; do
    kill -0 "${nodes[-1]}" 2>/dev/null || { cat "$data/node$n.log" >&2; exit 1; }
    sleep 0.1
  done
done
export DEMO_WEB_SECRET=demo-web-secret-of-a-trial DEMO_MACHINE_SECRET=demo-machine-secret-of-a-trial
"$bailiwick" apply -f examples/demo.yaml >/dev/null
cat <<TXT

Two nodes are running; any of them serves any request.

  node 1   http://localhost:$port          metrics http://127.0.0.1:$((port + 1))/metrics
  node 2   http://localhost:$((port + 10))          metrics http://127.0.0.1:$((port + 11))/metrics
  issuer   $BAILIWICK_PUBLIC_URL/t/demo

Try next: a token from one node is known to the other, and dead there half a second after it is revoked.
  curl -u demo-machine:$DEMO_MACHINE_SECRET -d grant_type=client_credentials http://localhost:$((port + 10))/t/demo/oauth/token
  kill -9 ${nodes[0]}        kills node 1; node 2 goes on

Logs are $data/node1.log and node2.log. Ctrl-C stops everything.
TXT
wait "${nodes[@]}"
