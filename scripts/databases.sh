#!/usr/bin/env bash
# databases.sh COMMAND...: starts PostgreSQL and MariaDB, runs the command, stops them again.
#
# Both are throw-away servers of this script alone, on free ports of the loopback address, with nothing in them; the
# system's own are left alone. The command finds them in PLENUM_TEST_POSTGRES and PLENUM_TEST_MARIADB (HOST:PORT, user
# and password `plenum`). Both can encrypt: their certificate is good for 127.0.0.1 and comes from the authority whose
# certificate is in PLENUM_TEST_AUTHORITY; one that has nothing to do with them is in PLENUM_TEST_OTHER_AUTHORITY. A server that is not installed is left out with a word, and is a failure where CI=true.
set -uo pipefail

cd "$(dirname "$0")/.." || exit 1
mkdir -p target
folder=$(mktemp -d "$PWD/target/databases.XXXXXX") || exit 1
as_nobody=()
if [ "$(id -u)" = 0 ]; then
  # Neither server starts as root.
  as_nobody=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
  chown nobody:nogroup "$folder"
  if ! "${as_nobody[@]}" test -w "$folder"; then
    rmdir "$folder"
    folder=$(mktemp -d) || exit 1
    chown nobody:nogroup "$folder"
  fi
fi

# At once and without ceremony: nothing in them is worth keeping, and nobody may have to wait for them.
stop() {
  local pid
  [ -z "${postgres:-}" ] || kill -QUIT "$postgres" 2>/dev/null
  [ -z "${mariadb:-}" ] || kill -TERM "$mariadb" 2>/dev/null
  for pid in ${postgres:-} ${mariadb:-}; do timeout 10 tail --pid="$pid" -f /dev/null || kill -KILL "$pid"; done
  rm -rf "$folder"
}
trap stop EXIT
trap 'exit 130' INT TERM

# find PROGRAM FOLDER...: where it is, on the path or in one of the folders.
find_program() {
  local name=$1 place
  shift
  command -v "$name" && return
  for place in "$@"; do
    if [ -x "$place/$name" ]; then
      echo "$place/$name"
      return
    fi
  done
  return 1
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# until_says FILE TEXT PID: waits for a line of the server's log, at most a minute.
until_says() {
  local turn
  for turn in $(seq 600); do
    grep -q "$2" "$1" 2>/dev/null && return 0
    kill -0 "$3" 2>/dev/null || return 1
    sleep 0.1
  done
  return 1
}

absent() {
  if [ "${CI:-}" = true ]; then
    echo "$1 is not installed, and CI tests with it: scripts/bootstrap.sh test" >&2
    exit 1
  fi
  echo "-- $1 is not installed; its tests are skipped (scripts/bootstrap.sh test installs it)"
}

broken() {
  echo "$1 does not start:" >&2
  tail -n 30 "$2" >&2
  exit 1
}

# Two authorities, and a certificate of the first for both servers. They are gone when this script is.
make_certificates() {
  local name
  (
    cd "$folder" || exit 1
    for name in authority other; do
      openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=Plenum test $name" -keyout "$name.key" -out "$name.pem" \
        -addext keyUsage=critical,keyCertSign || exit 1
    done
    openssl req -newkey rsa:2048 -nodes -subj /CN=127.0.0.1 -keyout server.key -out server.csr || exit 1
    echo 'subjectAltName=IP:127.0.0.1' >server.ext
    openssl x509 -req -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial -days 2 -extfile server.ext \
      -out server.pem || exit 1
    # PostgreSQL takes a key that it alone can read.
    [ "$(id -u)" != 0 ] || chown nobody:nogroup server.key
    chmod 600 server.key
  ) >"$folder/certificates.log" 2>&1 || broken openssl "$folder/certificates.log"
  export PLENUM_TEST_AUTHORITY=$folder/authority.pem PLENUM_TEST_OTHER_AUTHORITY=$folder/other.pem
}

start_postgres() {
  local programs data=$folder/postgres log=$folder/postgres.log port attempt
  # The newest one: Debian keeps versions side by side and off the path.
  mapfile -t programs < <(printf '%s\n' /usr/lib/postgresql/*/bin | sort -Vr)
  local initdb server
  if ! initdb=$(find_program initdb "${programs[@]}") || ! server=$(find_program postgres "${programs[@]}"); then
    absent PostgreSQL
    return
  fi
  echo plenum >"$folder/password" && chmod 644 "$folder/password"
  (cd "$folder" && "${as_nobody[@]}" "$initdb" --pgdata="$data" --username=plenum --pwfile=password --auth=scram-sha-256 \
    --encoding=UTF8 --locale=C --no-sync) >"$log" 2>&1 || broken PostgreSQL "$log"
  for attempt in 1 2 3; do
    port=$(free_port)
    # Durable against a process that dies; nobody cuts the power of a test.
    (cd "$folder" && exec "${as_nobody[@]}" "$server" -D "$data" -p "$port" -k "$folder" -c listen_addresses=127.0.0.1 \
      -c fsync=off -c ssl=on -c ssl_cert_file="$folder/server.pem" -c ssl_key_file="$folder/server.key") >"$log" 2>&1 &
    if until_says "$log" 'ready to accept connections' $!; then
      postgres=$!
      export PLENUM_TEST_POSTGRES=127.0.0.1:$port
      return
    fi
    kill $! 2>/dev/null
  done
  broken PostgreSQL "$log"
}

start_mariadb() {
  local install server data=$folder/mariadb log=$folder/mariadb.log port attempt
  if ! install=$(find_program mariadb-install-db) || ! server=$(find_program mariadbd /usr/sbin); then
    absent MariaDB
    return
  fi
  (cd "$folder" && "${as_nobody[@]}" "$install" --no-defaults --datadir="$data" --auth-root-authentication-method=normal \
    --skip-test-db --skip-name-resolve) >"$log" 2>&1 || broken MariaDB "$log"
  echo "CREATE USER IF NOT EXISTS plenum@'127.0.0.1' IDENTIFIED BY 'plenum';
GRANT ALL ON *.* TO plenum@'127.0.0.1';" >"$folder/mariadb.sql" && chmod 644 "$folder/mariadb.sql"
  for attempt in 1 2 3; do
    port=$(free_port)
    (cd "$folder" && exec "${as_nobody[@]}" "$server" --no-defaults --datadir="$data" --port="$port" --skip-name-resolve \
      --ssl-cert="$folder/server.pem" --ssl-key="$folder/server.key" --bind-address=127.0.0.1 --socket="$folder/mariadb.sock" --pid-file="$folder/mariadb.pid" \
      --init-file="$folder/mariadb.sql") >"$log" 2>&1 &
    if until_says "$log" 'ready for connections' $!; then
      mariadb=$!
      export PLENUM_TEST_MARIADB=127.0.0.1:$port
      return
    fi
    kill $! 2>/dev/null
  done
  broken MariaDB "$log"
}

make_certificates
start_postgres
start_mariadb
"$@"
