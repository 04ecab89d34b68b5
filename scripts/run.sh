#!/usr/bin/env bash
# Builds, starts the embedded server (one SQLite file, everything in this one process), loads the
# demonstration tenant and says what to try. Ctrl-C stops the server; the data stays.
#   BAILIWICK_DATA_DIR     where the data is kept      (default ./data)
#   BAILIWICK_LISTEN       address and port            (default 127.0.0.1:8080)
#   BAILIWICK_PUBLIC_URL   what browsers see           (default http://localhost:PORT)
#   PROFILE                cargo's build profile       (default dev)
set -euo pipefail
cd "$(dirname "$0")/.."

export BAILIWICK_DATA_DIR=${BAILIWICK_DATA_DIR:-$PWD/data}
export BAILIWICK_LISTEN=${BAILIWICK_LISTEN:-127.0.0.1:8080}
port=${BAILIWICK_LISTEN##*:}
export BAILIWICK_PUBLIC_URL=${BAILIWICK_PUBLIC_URL:-http://localhost:$port}
profile=${PROFILE:-dev}
log=$BAILIWICK_DATA_DIR/server.log

die() { printf '%s\n' "$*" >&2; exit 1; }

# A secret of the demonstration, made once and kept with the data.
secret() {
  local file=$BAILIWICK_DATA_DIR/$1.secret
  [ -s "$file" ] || head -c 24 /dev/urandom | base64 | tr '+/' '-_' >"$file"
  cat "$file"
}

# ready: asks /health/ready; needs no program but this shell.
ready() {
  local status
  { exec 3<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null || return 1
  printf 'GET /health/ready HTTP/1.0\r\nHost: 127.0.0.1:%s\r\n\r\n' "$port" >&3
  read -r -t 5 status <&3 || status=
  exec 3>&-
  [[ $status == *" 200 "* ]]
}

milliseconds() { echo $(($(date +%s%N) / 1000000)); }

bash scripts/setup.sh run
target=${CARGO_TARGET_DIR:-target}
# As the tests build it, so that neither builds the other's dependencies again.
cargo build --workspace --bin bailiwick --profile "$profile"
bailiwick=$target/$([ "$profile" = dev ] && echo debug || echo "$profile")/bailiwick

umask 077
mkdir -p "$BAILIWICK_DATA_DIR"
ready && die "port $port is taken: stop what listens there, or set BAILIWICK_LISTEN=127.0.0.1:PORT"

began=$(milliseconds)
"$bailiwick" serve >>"$log" 2>&1 </dev/null &
server=$!
stop() {
  kill -TERM "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
}
trap stop EXIT
trap 'exit 0' INT TERM
until ready; do
  if ! kill -0 "$server" 2>/dev/null; then
    tail -n 20 "$log" >&2
    die "the server did not start; the whole log is $log"
  fi
  [ $(($(milliseconds) - began)) -lt 30000 ] || die "the server is not ready after 30 s; see $log"
  sleep 0.02
done
took=$(($(milliseconds) - began))

DEMO_WEB_SECRET=$(secret demo-web)
DEMO_MACHINE_SECRET=$(secret demo-machine)
export DEMO_WEB_SECRET DEMO_MACHINE_SECRET
"$bailiwick" apply -f examples/demo.yaml --output json >"$BAILIWICK_DATA_DIR/demo.json" ||
  die "examples/demo.yaml could not be applied"

# The operator, made once, with a key of the management API that is kept with the data.
key=$BAILIWICK_DATA_DIR/api.key
if [ ! -s "$key" ]; then
  secret operator >/dev/null
  "$bailiwick" init --operator-email operator@example.com --output json \
    --operator-password-file "$BAILIWICK_DATA_DIR/operator.secret" |
    sed -n 's/.*"api_key": *"\([^"]*\)".*/\1/p' >"$key"
fi

memory=$(awk '/^VmRSS:/ { printf ", %d MB of memory", $2 / 1024 }' "/proc/$server/status" 2>/dev/null || true)
issuer=$BAILIWICK_PUBLIC_URL/t/demo
cat <<TXT

Bailiwick is running: ready after $took ms$memory.

  issuer        $issuer
  application   client_id demo-web, client_secret $DEMO_WEB_SECRET
                redirect URI http://127.0.0.1:3000/callback
  user          ada@example.com, password lovelace-demo-1843

Try next
  Sign in: point any OpenID Connect client at the issuer, or open
    $issuer/oauth/authorize?client_id=demo-web&response_type=code&scope=openid+email&redirect_uri=http%3A%2F%2F127.0.0.1%3A3000%2Fcallback&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256
  A token for a machine:
    curl -u demo-machine:$DEMO_MACHINE_SECRET -d grant_type=client_credentials $issuer/oauth/token
  Discovery      $issuer/.well-known/openid-configuration
  API documents  $BAILIWICK_PUBLIC_URL/docs
  Applications without a secret: demo-spa and demo-native (PKCE); all of them are in examples/demo.yaml.
  A key of the management API is in $key:
    curl -H "Authorization: Bearer \$(cat $key)" $issuer/api/v1/users
  Who may do what: the README's ten lines ask for a decision and see why.

The log is $log. Ctrl-C stops the server.
TXT
wait "$server"
