#!/bin/sh
# Options and scripts are Node's; anything else is a command of its own.
set -e
if [ "${1#-}" != "$1" ] || ! command -v "$1" >/dev/null 2>&1; then
    set -- node "$@"
fi
exec "$@"
