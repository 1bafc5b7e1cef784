#!/bin/bash
# demo.sh BINARY [--once]: the sidecar at work, on this machine, with stock clients.
# `./dev demo` builds the binary and calls this.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."

binary=$1
case "${2:-}" in
  "" | --once) once=${2:-} ;;
  *)
    echo "demo: it takes --once only, not '$2'" >&2
    exit 2
    ;;
esac

state=$(mktemp -d)
pids=()
stop() {
  trap - EXIT INT TERM
  if [ ${#pids[@]} -gt 0 ]; then
    kill -TERM "${pids[@]}" 2>/dev/null || true
    for _ in {1..100}; do
      kill -0 "${pids[@]}" 2>/dev/null || break
      sleep 0.05
    done
    kill -KILL "${pids[@]}" 2>/dev/null || true
    wait || true
  fi
  rm -rf "$state"
}
trap stop EXIT
trap 'exit 0' INT TERM

bold='' plain=''
[ ! -t 1 ] || bold=$'\033[1m' plain=$'\033[0m'
title() { printf '\n%s== %s%s\n' "$bold" "$*" "$plain"; }
give_up() {
  echo "demo: $*" >&2
  tail -n 20 "$state"/*.log >&2 || true
  exit 1
}
wait_for() { # wait_for PID WHAT COMMAND...: until the command succeeds, 10 s at most
  local pid=$1 what=$2 tries=200
  shift 2
  until "$@" >/dev/null 2>&1; do
    kill -0 "$pid" 2>/dev/null || give_up "$what ended by itself"
    ((--tries)) || give_up "$what did not get ready in 10 s"
    sleep 0.05
  done
}

# The ports of the file where they are free, others where not.
read -r app inbound admin < <(/usr/bin/python3 - 8080 10000 9901 <<'PY'
import socket, sys
held = []
for wanted in map(int, sys.argv[1:]):
    held.append(socket.socket())
    held[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held[-1].bind(("127.0.0.1", wanted))
    except OSError:
        held[-1].bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in held))
PY
)
sed -e "s/port_value: 8080/port_value: $app/" -e "s/port_value: 10000/port_value: $inbound/" \
  -e "s/port_value: 9901/port_value: $admin/" docs/examples/sidecar.yaml >"$state/sidecar.yaml"

h2=(curl --silent --show-error --max-time 10 --http2-prior-knowledge)

title "Starting the echo upstream on port $app and the sidecar (docs/examples/sidecar.yaml) on $inbound"
"$binary" echo --listen "127.0.0.1:$app" >"$state/echo.log" 2>&1 &
pids+=($!)
wait_for $! "the echo upstream" "${h2[@]}" "http://127.0.0.1:$app/"
"$binary" run -c "$state/sidecar.yaml" --drain-time-s 1 >"$state/access.log" 2>"$state/sidecar.log" &
sidecar=$!
pids+=("$sidecar")
wait_for "$sidecar" "the sidecar" curl --silent --fail "http://127.0.0.1:$admin/ready"
echo "ready: process $sidecar"

title "A request through the sidecar: curl --http2-prior-knowledge http://127.0.0.1:$inbound/hello"
"${h2[@]}" --include --fail -d 'body of the request' "http://127.0.0.1:$inbound/hello" |
  tee "$state/answer"
grep -q '^HTTP/2 200' "$state/answer" || give_up "that was not a 200"

title "Two thousand more: h2load -n 2000 -c 4 -m 16"
h2load -n 2000 -c 4 -m 16 "http://127.0.0.1:$inbound/" >"$state/load" || give_up "h2load failed"
grep -E '^(finished|requests|status|time for request)' "$state/load"
grep -q ' 2000 succeeded, 0 failed' "$state/load" || give_up "requests failed"

title "What the sidecar says of it"
curl --silent "http://127.0.0.1:$admin/stats?usedonly&filter=^(http.inbound.downstream_rq_(total|2xx)|cluster.app.upstream_(rq_total|cx_total))$"
sed -n '1s/^/access log: /p' "$state/access.log"

title "Its threads, from /proc/$sidecar/task"
role_of() {
  case "$1" in
    data:*) echo "requests: accept, HTTP/2, route, upstream" ;;
    control:*) echo "configuration, admin, health, log" ;;
    sysmon) echo "watches for coroutines that run too long" ;;
    main) echo "starts the rest, waits for signals" ;;
    *) echo "(a library's)" ;;
  esac
}
printf '  %-8s %-12s %-6s %s\n' TID NAME CPUS ROLE
for task in /proc/"$sidecar"/task/*; do
  name=$(<"$task/comm")
  cpus=$(sed -n 's/^Cpus_allowed_list:\t//p' "$task/status")
  printf '  %-8s %-12s %-6s %s\n' "${task##*/}" "$name" "$cpus" "$(role_of "$name")"
done

[ -z "$once" ] || exit 0
title "It stays up. Try, from another terminal"
cat <<TEXT
  curl --http2-prior-knowledge http://127.0.0.1:$inbound/anything
  h2load -n 100000 -c 16 -m 32 http://127.0.0.1:$inbound/
  curl http://127.0.0.1:$admin/stats      also: /cpu /scheduler /clusters /config_dump /server_info
Ctrl-C ends it.
TEXT
wait "$sidecar" || give_up "the sidecar ended by itself"
