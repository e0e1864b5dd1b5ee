#!/bin/bash
# Starts PostgreSQL as the official image does: makes the database cluster at the first start, from the variables POSTGRES_…, and
# hands over to the server. Any other command is run as it is.
set -euo pipefail

# A variable's value, or the content of the file that the variable with _FILE names. Both at once would leave open which one counts.
value() { # name default
    local file_variable="$1_FILE"
    if [ -n "${!1:-}" ] && [ -n "${!file_variable:-}" ]; then
        refuse "$1 and $file_variable are both set; set one."
    fi
    if [ -n "${!file_variable:-}" ]; then
        cat "${!file_variable}"
    else
        printf '%s' "${!1:-$2}"
    fi
}

refuse() {
    echo "docker-entrypoint.sh: $1" >&2
    exit 1
}

initialise() {
    if [ -z "$password" ] && [ "${POSTGRES_HOST_AUTH_METHOD:-}" != trust ]; then
        refuse "set POSTGRES_PASSWORD: the superuser needs a password before the database is made."
    fi
    # Where everybody is trusted, nobody needs to know the password, and initdb wants one. The options of POSTGRES_INITDB_ARGS are several words.
    # shellcheck disable=SC2086
    initdb --username="$user" --pwfile=<(printf '%s\n' "${password:-$(head -c 32 /dev/urandom | base64)}") ${POSTGRES_INITDB_ARGS:-}
    printf '\nhost all all all %s\n' "${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}" >> "$PGDATA/pg_hba.conf"
}

# While it is filled, the server listens on its socket alone: nobody sees it half-made.
populate() { # server arguments…
    export PGPASSWORD=$password PGUSER=$user
    unset PGHOST PGPORT
    pg_ctl --pgdata="$PGDATA" --wait --options="$(printf '%q ' "${@:2}" -c listen_addresses= -p 5432)" start
    if [ "$database" != postgres ]; then
        psql --no-psqlrc --set=ON_ERROR_STOP=1 --dbname=postgres --set=name="$database" <<< 'CREATE DATABASE :"name";'
    fi
    local file
    for file in /docker-entrypoint-initdb.d/*; do
        run_script "$file"
    done
    pg_ctl --pgdata="$PGDATA" --wait --mode=fast stop
}

run_script() {
    local psql=(psql --no-psqlrc --set=ON_ERROR_STOP=1 --no-password --dbname="$database")
    case $1 in
        *.sh)
            echo "docker-entrypoint.sh: $1"
            # As with the official image, a script that cannot be executed becomes part of this one.
            if [ -x "$1" ]; then "$1"; else . "$1"; fi
            ;;
        *.sql) echo "docker-entrypoint.sh: $1"; "${psql[@]}" --file="$1" ;;
        *.sql.gz) echo "docker-entrypoint.sh: $1"; gunzip --stdout "$1" | "${psql[@]}" ;;
        *.sql.xz) echo "docker-entrypoint.sh: $1"; xz --decompress --stdout "$1" | "${psql[@]}" ;;
        *.sql.zst) echo "docker-entrypoint.sh: $1"; zstd --decompress --stdout "$1" | "${psql[@]}" ;;
        */\*) ;; # The folder is empty.
        *) echo "docker-entrypoint.sh: left alone: $1" ;;
    esac
}

[ "${1:0:1}" = - ] && set -- postgres "$@"
if [ "$1" != postgres ]; then
    exec "$@"
fi

mkdir -p "$PGDATA"
if [ "$(id -u)" = 0 ]; then
    mkdir -p /var/run/postgresql
    chmod 03775 /var/run/postgresql
    find "$PGDATA" /var/run/postgresql \! -user postgres -exec chown postgres {} +
    chmod 00700 "$PGDATA"
    exec setpriv --reuid=postgres --regid=postgres --init-groups -- "$BASH_SOURCE" "$@"
fi
chmod 00700 "$PGDATA" 2> /dev/null || true

# initdb and psql want a name for whoever runs them.
if ! getent passwd "$(id -u)" > /dev/null; then
    names=$(mktemp --directory)
    printf 'postgres:x:%s:%s:PostgreSQL:%s:/bin/false\n' "$(id -u)" "$(id -g)" "$PGDATA" > "$names/passwd"
    printf 'postgres:x:%s:\n' "$(id -g)" > "$names/group"
    export NSS_WRAPPER_PASSWD=$names/passwd NSS_WRAPPER_GROUP=$names/group
    LD_PRELOAD=$(find /usr/lib -name libnss_wrapper.so -print -quit)
    export LD_PRELOAD
fi

if [ ! -s "$PGDATA/PG_VERSION" ]; then
    user=$(value POSTGRES_USER postgres)
    password=$(value POSTGRES_PASSWORD "")
    database=$(value POSTGRES_DB "$user")
    initialise
    populate "$@"
fi
unset LD_PRELOAD NSS_WRAPPER_PASSWD NSS_WRAPPER_GROUP PGPASSWORD PGUSER
exec "$@"
