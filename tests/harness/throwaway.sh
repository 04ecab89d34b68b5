#!/bin/sh
# throwaway.sh postgres|postgres-durable|redis PORT
# Serves from a folder of its own until standard input closes, then stops and removes the folder.
# Whoever started this holds the other end of that pipe, so however it ends, by a crash too,
# nothing stays behind. Prints "ready" once, when it serves. Then it reads commands, a line each,
# and answers each with "done": stop, start (again, on the same data), pause (as a machine that
# stands still) and resume.
set -eu
kind=$1
port=$2
# A Ctrl-C is for the tests; we learn of it when the pipe closes.
trap '' INT TERM HUP

# Folders of runs that were killed so hard that not even this script could clean up.
for old in /tmp/bailiwick-test.*; do
  pid=${old#/tmp/bailiwick-test.}
  kill -0 "${pid%%.*}" 2>/dev/null || rm -rf "$old" 2>/dev/null || true
done
# Not $TMPDIR: the path of a Unix socket is at most 107 bytes, and the server runs as another user.
dir=$(mktemp -d "/tmp/bailiwick-test.$$.XXXXXX")
log=$dir/log

# PostgreSQL refuses to run as root. The server dies with this script, should that be killed.
as=
if [ "$(id -u)" = 0 ]; then
  user=nobody
  id postgres >/dev/null 2>&1 && user=postgres
  chown "$user" "$dir"
  as="setpriv --reuid=$user --regid=$(id -g "$user") --clear-groups --pdeathsig=INT"
fi

fail() {
  cat "$log" >&2
  echo "throwaway: $kind did not start on port $port" >&2
  rm -rf "$dir"
  exit 1
}

cd "$dir"
case $kind in
  postgres | postgres-durable)
    # Tests need no disk; what is measured must have one.
    forget='-c fsync=off -c synchronous_commit=off -c full_page_writes=off'
    [ "$kind" = postgres ] || forget=
    # Debian keeps the server's binaries off the PATH.
    for bin in /usr/lib/postgresql/*/bin; do PATH=$bin:$PATH; done
    $as initdb --pgdata="$dir/data" --username=postgres --auth=trust --encoding=UTF8 \
      --locale=C --no-sync >"$log" 2>&1 || fail
    serve() {
      $as postgres -D "$dir/data" -p "$port" -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories="$dir" -c max_connections=400 -c shared_buffers=64MB \
        $forget >"$log" 2>&1 &
      server=$!
    }
    ready() { grep -q 'ready to accept connections' "$log"; }
    ;;
  redis)
    serve() {
      $as redis-server --port "$port" --bind 127.0.0.1 --save '' --appendonly no --dir "$dir" \
        >"$log" 2>&1 &
      server=$!
    }
    ready() { grep -q 'Ready to accept connections' "$log"; }
    ;;
esac

start() {
  serve
  until ready; do
    kill -0 "$server" 2>/dev/null || fail
    sleep 0.05
  done
}

# SIGINT: PostgreSQL drops its clients and stops in order; Redis stops.
stop() {
  kill -INT "$server" 2>/dev/null || true
  wait "$server" || true
}

# signal NAME: to the server, so that it starts no further children, then to those it has.
signal() {
  kill "-$1" "$server"
  for stat in /proc/[0-9]*/stat; do
    { read -r pid _ _ parent _ <"$stat"; } 2>/dev/null || continue
    [ "$parent" != "$server" ] || kill "-$1" "$pid" 2>/dev/null || true
  done
}

start
echo ready
while read -r command; do
  case $command in
    stop) stop ;;
    start) start ;;
    pause) signal STOP ;;
    resume) signal CONT ;;
  esac
  echo done
done
signal CONT 2>/dev/null || true
stop
rm -rf "$dir"
