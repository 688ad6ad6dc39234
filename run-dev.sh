#!/usr/bin/env bash
# Installs when needed, starts the server with reload, waits until it is ready, and says how to use it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

usage() {
  cat <<'USAGE'
Usage: ./run-dev.sh [options]

  --port N       port to listen on (default: PORT, from the environment or .env, else 8001)
  --host ADDR    address to listen on (default: HOST, else 127.0.0.1; others than loopback need tokens)
  --no-reload    do not restart when a source file changes
  --help         this text

Every other setting is an environment variable: see .env.example.
USAGE
}

fail() {
  echo "run-dev: $1" >&2
  exit "${2:-1}"
}

reload=yes
while [ $# -gt 0 ]; do
  case "$1" in
    --port | --host)
      [ $# -ge 2 ] || fail "$1 needs a value (see --help)" 2
      if [ "$1" = --port ]; then export PORT="$2"; else export HOST="$2"; fi
      shift 2
      ;;
    --port=*) export PORT="${1#*=}"; shift ;;
    --host=*) export HOST="${1#*=}"; shift ;;
    --no-reload) reload=no; shift ;;
    --help | -h) usage; exit 0 ;;
    *) fail "unknown option '$1' (see --help)" 2 ;;
  esac
done

command -v npm >/dev/null || fail "npm is missing: install Node.js 20 or newer, which brings it (https://nodejs.org)"

# The lock file of the last install stands in node_modules; a newer one means that packages have changed.
if [ ! -x node_modules/.bin/node ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  echo "run-dev: installing packages (once)…"
  npm ci --no-fund --no-audit || fail "the packages could not be installed: see the lines above"
fi

node=node_modules/.bin/node
export LOG_FORMAT="${LOG_FORMAT:-pretty}"
# Compiled code is kept, so that the next start is faster.
export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$PWD/node_modules/.cache/headgate}"
flags=(--conditions=headgate-source)

# Settings are read and the port is tried first, so that a mistake gives one line and nothing is started.
where=$("$node" "${flags[@]}" src/main.ts --check) || exit $?
export PORT="${where##*:}"

if [ "$reload" = yes ]; then
  flags+=(--watch-path=src --watch-preserve-output)
  [ -n "${TASKS_FILE:-}" ] && flags+=("--watch-path=$TASKS_FILE")
  # A restart for a changed line does not wait for running tasks as a real stop does.
  grep -qs '^STOP_WAIT_SECONDS=' .env || export STOP_WAIT_SECONDS="${STOP_WAIT_SECONDS:-1}"
fi
# The page of the dashboard is built anew when it changes.
web=
if [ "$reload" = yes ] && [ "${WEB:-on}" != off ] && [ -f node_modules/vite/bin/vite.js ]; then
  "$node" node_modules/vite/bin/vite.js build --watch --config src/web/vite.config.ts --logLevel error &
  web=$!
fi
"$node" "${flags[@]}" src/main.ts &
server=$!
probe=
stop() {
  trap - INT TERM EXIT
  [ -z "$web" ] || kill -TERM "$web" 2>/dev/null || true
  [ -z "$probe" ] || kill -TERM "$probe" 2>/dev/null || true
  kill -TERM "$server" 2>/dev/null || true
  wait "$server" 2>/dev/null || true
}
trap stop INT TERM EXIT

# One process asks until the server is ready, has ended, or 30 s have passed.
"$node" -e "
const [, url, pid] = process.argv
const until = Date.now() + 30_000
async function ask() {
  try { process.kill(Number(pid), 0) } catch { process.exit(1) }
  const reply = await fetch(url + '/health/ready').catch(() => null)
  if (reply?.ok) process.exit(0)
  if (Date.now() > until) process.exit(2)
  setTimeout(ask, 50)
}
ask()
" "$where" "$server" &
probe=$!
if wait "$probe"; then
  cat <<READY

  Headgate is ready at $where

  Dashboard: $where/ui/

  Try it:
    curl -F file=@README.md '$where/analyze-document?priority=2'
    curl $where/api/queue/stats

READY
elif ! kill -0 "$server" 2>/dev/null; then
  fail "the server ended while it started: see the lines above"
fi

wait "$server"
