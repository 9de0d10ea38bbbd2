#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Type check, unit tests and size budget of the web app; prints "N passed, N failed" last.
set -uo pipefail
cd "$(dirname "$0")/../web" || exit 1
PATH="$(../tools/node.sh):$PATH"
export PATH
[ -d node_modules ] || npm ci --no-audit --no-fund --loglevel=error
passed=0
failed=0
step() {
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}
step npm run --silent check
step npm run --silent budget

report=$(mktemp)
npx --no-install vitest run --reporter=default --reporter=json --outputFile.json="$report" || true
read -r good bad < <(node -e '
  const r = JSON.parse(require("fs").readFileSync(process.argv[1], "utf8") || "{}");
  console.log(r.numPassedTests ?? 0, r.numFailedTests ?? 1);
' "$report" 2>/dev/null || echo "0 1")
rm -f "$report"
[ "$good" -gt 0 ] || bad=$((bad > 0 ? bad : 1))
passed=$((passed + good))
failed=$((failed + bad))
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
