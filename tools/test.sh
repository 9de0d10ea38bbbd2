#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs, builds and runs every test; prints "N passed, N failed" last and fails when one failed.
# tools/test.sh [step...] runs only those: unit web conformance load e2e netns.
set -uo pipefail
cd "$(dirname "$0")/.."
steps=("$@")
[ ${#steps[@]} -gt 0 ] || steps=(unit web conformance load e2e netns)
passed=0
failed=0
mkdir -p tests/artifacts

add() { passed=$((passed + $1)); failed=$((failed + $2)); }

# Runs a command, shows and keeps its output, and counts by its last "N passed, N failed" line.
counted() {
  local name=$1 log="tests/artifacts/$1.log" line status
  shift
  printf '\n== %s\n' "$name"
  "$@" 2>&1 | tee "$log"
  status=${PIPESTATUS[0]}
  line=$(grep -E '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -1)
  if [ -n "$line" ]; then
    add "$(cut -d' ' -f1 <<<"$line")" "$(cut -d' ' -f3 <<<"$line")"
    if [ "$status" -ne 0 ] && [ "$(cut -d' ' -f3 <<<"$line")" -eq 0 ]; then add 0 1; fi
  else
    echo "$name: no result line (exit status $status)"
    add 0 1
  fi
}

# ctest has its own closing line: "97% tests passed, 1 tests failed out of 40".
unit() {
  local log=tests/artifacts/unit.log line total bad
  printf '\n== unit, scenario, golden and fuzz tests under ASan and UBSan\n'
  cmake --preset asan >"$log" 2>&1 && cmake --build --preset asan >>"$log" 2>&1 || {
    grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking)' "$log" | tail -40
    echo "unit: the sanitized build failed"
    add 0 1
    return
  }
  ctest --test-dir build/asan --output-on-failure -j2 2>&1 | tee "$log"
  line=$(grep -E 'tests passed, [0-9]+ tests failed out of [0-9]+' "$log" | tail -1)
  total=$(sed -E 's/.*out of ([0-9]+).*/\1/' <<<"$line")
  bad=$(sed -E 's/.*, ([0-9]+) tests failed.*/\1/' <<<"$line")
  if [ -z "$line" ]; then add 0 1; else add $((total - bad)) "$bad"; fi
}

# The link emulator is built with the sanitizers, as everything of the tests is.
netns() {
  { [ -f build/asan/build.ninja ] || cmake --preset asan; } >/dev/null && cmake --build build/asan --target netns_link >/dev/null || {
    echo "netns: the link emulator could not be built"
    echo "0 passed, 1 failed"
    return 1
  }
  tests/netns/run.sh build build/asan
}

# Sanitized, and built here for whoever runs this step alone.
load() {
  { [ -f build/asan/build.ninja ] || cmake --preset asan; } >/dev/null && cmake --build build/asan --target jbcalling hostile >/dev/null || {
    echo "load: jbcalling or hostile could not be built"
    echo "0 passed, 1 failed"
    return 1
  }
  tests/load/run.sh build/asan
}

tools/setup.sh test && make --no-print-directory native web || { echo "0 passed, 1 failed"; exit 1; }

for step in "${steps[@]}"; do
  case $step in
    unit) unit ;;
    web) counted web tools/web_test.sh ;;
    conformance) counted conformance tests/conformance/run.sh build/asan ;;
    load) counted load load ;;
    e2e) counted e2e tests/e2e/run.sh build ;;
    netns) counted netns netns ;;
    *) echo "unknown step: $step" >&2; exit 2 ;;
  esac
done

echo
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
