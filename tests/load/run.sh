#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Load, churn and hostile input over real sockets on loopback: tests/load/run.sh BUILD_DIR
# BUILD_DIR holds `jbcalling` and `tests/hostile/hostile`; a sanitized build finds the most. Prints "N passed, N failed"
# last. JB_SOAK_SECONDS is how long people come and go (25), JB_HOSTILE_RATE how much is thrown at the server (5000/s).
set -uo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
build="$(cd "${1:-$root/build/asan}" && pwd)" || { echo "0 passed, 1 failed"; exit 1; }
PATH="$("$root/tools/node.sh"):$PATH"
export PATH JB_BINARY="$build/jbcalling" JB_HOSTILE="$build/tests/hostile/hostile" JB_ARTIFACTS="$root/tests/artifacts"
mkdir -p "$JB_ARTIFACTS"
cd "$root/tests/load"
log="$JB_ARTIFACTS/load-results.txt"
node --test --test-concurrency=1 --test-reporter=../e2e/lib/reporter.mjs load.test.mjs 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
grep -qE '^[0-9]+ passed, [0-9]+ failed' <(tail -1 "$log") || { echo "0 passed, 1 failed"; status=1; }
exit "$status"
