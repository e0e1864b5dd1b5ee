#!/bin/sh
# As much of systemctl as is asked for: units are scripts in a folder, and what they have started has its number beside them.
units=$(dirname "$0")/units
verb=$1
shift
while [ "${1#--}" != "$1" ]; do shift; done
unit=$1
runs() { [ -f "$units/$unit.pid" ] && kill -0 "$(cat "$units/$unit.pid")" 2>/dev/null; }
echo "$verb $unit" >> "$units/log"
case $verb in
    show)
        [ -x "$units/$unit" ] && echo LoadState=loaded || echo LoadState=not-found
        runs && echo ActiveState=active || echo ActiveState=inactive
        ;;
    start) runs || { setsid "$units/$unit" </dev/null >/dev/null 2>&1 & echo $! > "$units/$unit.pid"; } ;;
    stop) if runs; then kill "$(cat "$units/$unit.pid")"; while runs; do sleep 0.05; done; fi ;;
esac
