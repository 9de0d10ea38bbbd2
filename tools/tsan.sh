#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The thread sanitizer over all that has threads: the tests, and a server of two media workers under a load of people who
# come and go, in rooms that span both. Fails when it has something to say.
#   tools/tsan.sh [FIRST_PORT]    a hundred from there; 20000
set -euo pipefail
cd "$(dirname "$0")/.."
port="${1:-20000}"
tests=(base_test io_test services_test speech_test workers_test)

cmake --preset tsan >/dev/null
cmake --build --preset tsan --target "${tests[@]}" jbcalling
ctest --preset tsan -j 1 -R "^($(IFS='|'; echo "${tests[*]}"))\$"

reports="$(mktemp -d)"
server=
finish() {
  [ -z "$server" ] || kill -9 "$server" 2>/dev/null || true
  rm -rf "$reports"
}
trap finish EXIT
# The speech services are processes of their own, and languages of the load are none of theirs: the gateway alone.
TSAN_OPTIONS="log_path=$reports/tsan" build/tsan/jbcalling gateway --set gateway.host=127.0.0.1 --set gateway.port="$port" \
  --set gateway.workers=2 --set gateway.worker_full=1 --set media.port_min=$((port + 1)) --set media.port_max=$((port + 99)) \
  --set media.listen=127.0.0.1 --set media.announce=127.0.0.1 --set log.level=warn &
server=$!
for _ in $(seq 200); do
  curl -fs "http://127.0.0.1:$port/health" >/dev/null && break
  sleep 0.1
done
# Its exit status says whether a stream stood still, as they do for seconds while somebody joins at a tenth of the usual speed.
for kind in video simulcast; do
  build/tsan/jbcalling load --url "http://127.0.0.1:$port" --rooms 2 --participants 12 --publishers 4 --kind $kind --with-audio \
    --bitrate 200000 --churn 10 --ramp 4 --duration 15 >"$reports/load.json" || [ $? -eq 1 ]
  grep -o '"joined":[0-9]*\|"failed":[0-9]*\|"packetsReceived":[0-9]*' "$reports/load.json" | paste -sd ' '
done
metrics="$(curl -fs "http://127.0.0.1:$port/metrics")"
kill -TERM "$server"
wait "$server"
server=
awk '/^jbcalling_piped_total/ {n += $2} END {if (n == 0) {print "no room spanned both workers"; exit 1} print n " packets crossed"}' <<<"$metrics"
if compgen -G "$reports/tsan*" >/dev/null; then
  cat "$reports"/tsan*
  exit 1
fi
echo "the thread sanitizer has nothing to say"
