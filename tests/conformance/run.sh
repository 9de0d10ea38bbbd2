#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the Engine.IO and Socket.IO protocol tests, and those of docs/protocol.md, against the programs of a
# build folder:
#   tests/conformance/run.sh build/dev
# JB_PROTOCOL_SUITES: a folder with checkouts of socketio/engine.io-protocol and socketio/socket.io-protocol;
# when set, their public suites run as well.
# Last line: "N passed, N failed". Exit: 0 all passed, 1 not, 77 the packages cannot be installed (no network).
set -u
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "${1:?usage: run.sh BUILD_DIR}" && pwd)
server=$(find "$build" -name socketio_conformance_server -type f -perm -u+x | head -n 1)
[ -n "$server" ] || { echo "no socketio_conformance_server in $build" >&2; exit 1; }
[ -x "$build/jbcalling" ] || { echo "no jbcalling in $build" >&2; exit 1; }
export JB_CONFORMANCE_SERVER="$server" JB_BINARY="$build/jbcalling"
node=$("$here/../../tools/node.sh") || { echo "there is no Node; skipped" >&2; exit 77; }
export PATH="$node:$PATH"

cd "$here" || exit 1
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
  npm ci --no-audit --no-fund --silent || { echo "npm ci failed; skipped" >&2; exit 77; }
fi

passed=0
failed=0
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# One file at a time: the timing tests want the machine.
for suite in *.test.mjs; do
  # Heartbeats are checked to some milliseconds: best of three, the rule of the official suite too.
  for try in 1 2 3; do
    node --test --test-reporter=tap "$suite" >"$log" 2>&1 && break
  done
  grep -B1 -A30 '^ *not ok' "$log"
  p=$(awk '/^# pass /{n=$3} END{print n+0}' "$log")
  f=$(awk '/^# fail /{n=$3} END{print n+0}' "$log")
  [ $((p + f)) -gt 0 ] || { cat "$log"; f=1; }
  echo "$suite: $p passed, $f failed"
  passed=$((passed + p))
  failed=$((failed + f))
done

if [ -n "${JB_PROTOCOL_SUITES:-}" ]; then
  for suite in engine.io-protocol socket.io-protocol; do
    result=$("$here/official.sh" "$JB_PROTOCOL_SUITES/$suite") || true
    echo "$result"
    set -- $(echo "$result" | tail -n 1 | tr -cd '0-9 ')
    passed=$((passed + ${1:-0}))
    failed=$((failed + ${2:-1}))
  done
fi

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
