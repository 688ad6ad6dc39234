#!/usr/bin/env bash
# Tries the two ways in which a checkout runs in production, in a copy of the last commit, with the system's Node.js:
# `npm ci --omit=dev && npm start`, and `NODE_ENV=production ./run-dev.sh`. It needs the npm registry.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# npm puts the checkout's own Node.js first.
PATH=$(printf '%s' "$PATH" | tr ':' '\n' | grep -v node_modules | paste -sd: -)

work=$(mktemp -d)
server=
stop() {
  [ -z "$server" ] || kill -TERM "$server" 2>/dev/null || true
  [ -z "$server" ] || wait "$server" 2>/dev/null || true
  server=
}
trap 'stop; rm -rf "$work"' EXIT

try() {
  local name=$1 port=$2
  shift 2
  PORT=$port DATA_DIR="$work/data-$name" "$@" >"$work/$name.log" 2>&1 &
  server=$!
  for _ in $(seq 600); do
    curl -sf -m 2 -o /dev/null "http://127.0.0.1:$port/health/ready" && break
    kill -0 "$server" 2>/dev/null || { cat "$work/$name.log"; echo "$name: the server ended"; exit 1; }
    sleep 0.2
  done
  local text='A queue holds work until a worker is free to take it. A worker takes the first task of the queue.'
  curl -sf -m 10 -o /dev/null -H 'content-type: application/json' -d "{\"text\":\"$text\"}" "http://127.0.0.1:$port/summarize" ||
    { cat "$work/$name.log"; echo "$name: no task was taken"; exit 1; }
  stop
  for _ in $(seq 100); do
    curl -s -m 2 -o /dev/null "http://127.0.0.1:$port/health/live" || break
    sleep 0.2
  done
  ! curl -s -m 2 -o /dev/null "http://127.0.0.1:$port/health/live" || { echo "$name: SIGTERM did not end the server"; exit 1; }
  echo "$name: works on Node.js $(node --version)"
}

copy() {
  mkdir "$work/$1"
  git archive HEAD | tar -x -C "$work/$1"
  cd "$work/$1"
}

port=$((20000 + $$ % 20000))
(
  copy omit-dev
  npm ci --omit=dev --no-fund --no-audit --silent
  [ ! -e node_modules/vitest ] || { echo 'development packages were installed'; exit 1; }
  try 'npm-start' "$port" npm start
)
(
  copy run-dev
  export NODE_ENV=production
  try 'run-dev' $((port + 1)) ./run-dev.sh --no-reload
)
