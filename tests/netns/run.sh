#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Real packets through bad networks: tests/netns/run.sh BUILD_DIR LINK_BUILD_DIR [test file...]
# BUILD_DIR holds the `jbcalling` binary, LINK_BUILD_DIR the `netns_link` one; the web app must be built (make web).
# Prints "N passed, N failed" last. Figures are left in tests/artifacts/netns-*.json, logs beside them.
# Needs network namespaces and TUN devices: as root, or with user namespaces that allow both. Where there are none it says so:
# a failure for root, nothing counted for others.
set -uo pipefail
root="$(cd "$(dirname "$0")/../.." && pwd)"
build="$(cd "${1:-$root/build}" && pwd)" || { echo "0 passed, 1 failed"; exit 1; }
link_build="$(cd "${2:-$root/build/asan}" && pwd)" || { echo "0 passed, 1 failed"; exit 1; }
shift $(($# < 2 ? $# : 2))

# Tries what the tests need; prints the reason when it cannot be had.
probe='mkdir -p /run/netns && ip netns add jbns-probe && ip -netns jbns-probe tuntap add dev probe mode tun; s=$?; ip netns delete jbns-probe; exit $s'
if [ -z "${JB_NETNS_INSIDE:-}" ] && [ "$(id -u)" -ne 0 ]; then
  reason="$(unshare -Urnm --propagation private sh -c "mount -t tmpfs tmpfs /run && $probe" 2>&1)" || {
    echo "netns: not run: this user cannot make network namespaces and TUN devices (${reason//$'\n'/; })"
    echo "0 passed, 0 failed"
    exit 0
  }
  JB_NETNS_INSIDE=1 exec unshare -Urnm --propagation private --kill-child --fork \
    sh -c 'mount -t tmpfs tmpfs /run && mkdir -p /run/netns && exec "$0" "$@"' "$root/tests/netns/run.sh" "$build" "$link_build" "$@"
fi
reason="$(sh -c "$probe" 2>&1)" || {
  echo "netns: not run: no network namespaces or TUN devices here (${reason//$'\n'/; })"
  echo "0 passed, 1 failed"
  exit 1
}

PATH="$("$root/tools/node.sh"):$PATH"
export PATH JB_BINARY="$build/jbcalling" JB_LINK="$link_build/netns_link" JB_ARTIFACTS="$root/tests/artifacts"
mkdir -p "$JB_ARTIFACTS"
cd "$root/tests/e2e"
if [ ! -d node_modules/playwright-core ] || [ package-lock.json -nt node_modules ]; then
  npm ci --no-audit --no-fund --loglevel=error || { echo "0 passed, 1 failed"; exit 1; }
fi
cd "$root/tests/netns"
files=("$@")
[ ${#files[@]} -gt 0 ] || files=(*.test.mjs)

log="$JB_ARTIFACTS/netns-results.txt"
node --test --test-concurrency=1 --test-reporter=../e2e/lib/reporter.mjs "${files[@]}" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
grep -qE '^[0-9]+ passed, [0-9]+ failed' <(tail -1 "$log") || { echo "0 passed, 1 failed"; status=1; }
exit "$status"
