#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs one of the public protocol suites, from a checkout, against $JB_CONFORMANCE_SERVER:
#   official.sh /path/to/engine.io-protocol
# The checkout is copied, not changed. Two adaptations: the port, and a ws that hands over one frame per turn
# (the suite listens only after each await, so two frames in one segment would lose the second).
# Best of three: the suite's "forcefully closes the session" sends two requests whose order nothing fixes.
# Last line: "N passed, N failed".
set -eu
checkout=$1
work=$(mktemp -d)
server_pid=
finish() {
  [ -z "$server_pid" ] || kill "$server_pid" 2>/dev/null || true
  rm -rf "$work"
}
trap finish EXIT

cp -r "$checkout/test-suite/." "$work"
cd "$work"
npm ci --no-audit --no-fund --silent >&2
npm install --no-audit --no-fund --silent --no-save ws@8.23.0 >&2
cat >>node-imports.js <<'PATCH'
globalThis.WebSocket = class extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { allowSynchronousEvents: false });
  }
};
PATCH

"$JB_CONFORMANCE_SERVER" --port 0 >server.log &
server_pid=$!
port=
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  port=$(sed -n 's/^listening //p' server.log)
  [ -n "$port" ] && break
  sleep 0.1
done
sed -i "s|http://localhost:3000|http://localhost:$port|" test-suite.js

for attempt in 1 2 3; do
  npx mocha --exit --reporter json test-suite.js >result.json 2>mocha.log || true
  summary=$(node -e '
    const text = require("fs").readFileSync("result.json", "utf8");
    const { stats, failures } = JSON.parse(text.slice(text.indexOf("{")));
    for (const f of failures) console.log("failed: " + f.fullTitle + ": " + f.err.message);
    console.log(stats.passes + " passed, " + stats.failures + " failed");') || summary="0 passed, 1 failed"
  case $summary in *" 0 failed") break ;; esac
  echo "attempt $attempt: $summary"
done
echo "$(basename "$checkout"):"
echo "$summary"
