#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The browser tests against a built server: tests/e2e/run.sh BUILD_DIR [test file...]
# BUILD_DIR holds the `jbcalling` binary; the web app must be built (make web). Prints "N passed, N failed" last.
# Screenshots, the server's log and what the browsers complained about are left in tests/artifacts/.
set -uo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
build="$(cd "${1:-$root/build}" && pwd)" || { echo "0 passed, 1 failed"; exit 1; }
shift || true
PATH="$("$root/tools/node.sh"):$PATH"
export PATH JB_BINARY="$build/jbcalling" JB_ARTIFACTS="$root/tests/artifacts"
mkdir -p "$JB_ARTIFACTS"

cd "$root/tests/e2e"
if [ ! -d node_modules/playwright-core ] || [ package-lock.json -nt node_modules ]; then
  npm ci --no-audit --no-fund --loglevel=error || { echo "0 passed, 1 failed"; exit 1; }
fi
files=("$@")
[ ${#files[@]} -gt 0 ] || files=(*.test.mjs)

log="$JB_ARTIFACTS/e2e-results.txt"
# One file at a time: each starts a server and several browsers, and the machine may have two cores.
node --test --test-concurrency=1 --test-reporter=./lib/reporter.mjs "${files[@]}" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
grep -qE '^[0-9]+ passed, [0-9]+ failed' <(tail -1 "$log") || { echo "0 passed, 1 failed"; status=1; }
exit "$status"
