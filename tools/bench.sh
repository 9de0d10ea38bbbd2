#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Measures, and writes what was measured to bench/results/DATE.md with the machine. See docs/benchmarks.md.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh bench
make --no-print-directory native
cmake -S . -B build/bench -G Ninja -DCMAKE_BUILD_TYPE=Release -DJB_BENCH=ON >/dev/null
cmake --build build/bench --target tap_and_inject allocation_check micro
PATH="$(tools/node.sh):$PATH"
# Without one of the peers the rest is measured all the same; the report says which is missing, and why.
tools/setup.sh peers || true
for peer in mediasoup janus; do bench/peers/prepare.sh $peer >/dev/null || true; done

mkdir -p bench/results
name="bench/results/$(date -u +%Y-%m-%dT%H%MZ)"
out="$name.md"
{
  echo "# $(date -u +%Y-%m-%d)"
  echo
  echo "$(grep -m1 'model name' /proc/cpuinfo | cut -d: -f2 | xargs), $(nproc) cores, $(free -g | awk '/Mem/ {print $2}') GiB; $(g++ --version | head -1); commit $(git rev-parse --short HEAD)"
  echo
  echo "## A translated call, two headless participants on loopback (bench/call.mjs)"
  echo
  echo '```'
  node bench/call.mjs build/jbcalling "${JB_BENCH_CALLS:-12}"
  echo '```'
  echo
  echo "## Tap and inject, without the services (bench/tap_and_inject.cc)"
  echo
  echo '```'
  build/bench/bench/tap_and_inject
  echo '  how: microphones over SRTP on loopback, a media loop and an interpreter loop as in the server; stt, translation and'
  echo '  tts answer in the same instant. tap: packet sent by the speaker → PCM for stt; voice: PCM of an utterance → its first'
  echo '  packet at the listener; inject: frame made → the same, every frame. The pacing of one frame per 20 ms is in none.'
  echo '```'
  echo
  echo "## One forwarded packet, SRTP on, without the sockets (tests/scenario/allocation_check.cc)"
  echo
  echo '```'
  build/bench/tests/scenario/allocation_check --gtest_filter='*WhatOneForwardedPacketCosts' | grep -E 'AES|fan-out'
  echo '  how: processor time of the SFU core, warm, in 32 batches of 256 packets of 1150 bytes: unprotect once, protect for each'
  echo '  listener. The first line is one encryption alone in the same minute: what a busy or slow machine does to all of it.'
  echo '```'
  echo
  echo "## The choices of the media path beside the simple forms they replaced (bench/micro)"
  echo
  build/bench/bench/micro
  echo
  echo 'how: processor time of one packet (timers: of one deadline moved and what became due), both forms in turns, median of 41 and of their ratios.'
  echo
  echo "## One meeting on one media worker and on two (bench/workers.mjs)"
  echo
  node bench/workers.mjs build/jbcalling || echo "Not measured: bench/workers.mjs failed."
  echo
  echo "## Beside mediasoup and Janus, one core each for SFU and generator (bench/sfu.mjs)"
  echo
  # A quarter of an hour; a peer that cannot be had is named in one line, and the rest goes on.
  node bench/sfu.mjs build/jbcalling --rounds "${JB_BENCH_TURNS:-5}" --rows "$name.sfu.json" --plots "$name.plots" || echo "Not measured: bench/sfu.mjs failed."
} | tee "$out"
echo "written to $out, plots to $name.plots"
