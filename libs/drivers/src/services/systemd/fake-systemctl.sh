#!/bin/bash
# Stands in for systemctl where systemd does not run: units are files with a script, below
# $FAKE_UNITS.
# Answers the properties that systemctl.ts asks for, and starts, stops and kills real processes.
unit="${*: -1}"
file="$FAKE_UNITS/$unit"
pid=$(cat "$file.pid" 2>/dev/null || echo 0)
alive() { [ "$pid" != 0 ] && kill -0 "$pid" 2>/dev/null && ! grep -q ') [ZX] ' "/proc/$pid/stat"; }

case "$1" in
show)
  load=loaded active=inactive main=0 code=0 status=0
  [ -e "$file" ] || load=not-found
  if alive; then active=active main=$pid
  elif [ -e "$file.end" ]; then
    active=failed status=$(cat "$file.end") code=1
    if [ "$status" -gt 128 ]; then code=2 status=$((status - 128)); fi
  elif [ "$pid" != 0 ]; then active=deactivating
  fi
  echo "LoadState=$load"; echo "ActiveState=$active"; echo "Result=exit-code"; echo "MainPID=$main"
  echo "ExecMainStatus=$status"; echo "ExecMainCode=$code"
  ;;
start)
  [ -e "$file" ] || { echo "Unit $unit not found." >&2; exit 5; }
  if alive; then exit 0; fi
  rm -f "$file.end" "$file.pid" "$file.wish"
  # Started from here, not by the driver, so that it is nobody's child there.
  setsid bash -c '
    sh "$0" & echo $! > "$0.pid.part"; mv "$0.pid.part" "$0.pid"
    wait $!; status=$?
    if [ -e "$0.wish" ]; then rm -f "$0.pid"; exit; fi
    echo $status > "$0.end.part"; mv "$0.end.part" "$0.end"
  ' "$file" >/dev/null 2>&1 </dev/null &
  until [ -e "$file.pid" ] || [ -e "$file.end" ]; do sleep 0.01; done
  ;;
stop)
  alive || { rm -f "$file.pid" "$file.end"; exit 0; }
  touch "$file.wish"
  kill -TERM "$pid"
  while alive; do sleep 0.01; done
  rm -f "$file.pid" "$file.end"
  ;;
kill) touch "$file.wish"; if alive; then kill -KILL "$pid"; fi ;;
reset-failed) rm -f "$file.end" ;;
*) echo "unknown verb $1" >&2; exit 1 ;;
esac
