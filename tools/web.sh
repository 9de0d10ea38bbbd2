#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Builds the web app into web/dist, unless nothing it is made of has changed since.
set -euo pipefail
cd "$(dirname "$0")/.."
PATH="$(tools/node.sh):$PATH"
export PATH

sources=$(find web -path web/node_modules -prune -o -path web/dist -prune -o -type f -print0 | sort -z |
  xargs -0 sha256sum | sha256sum | cut -d' ' -f1)
if [ -f web/dist/index.html ] && [ "$(cat web/dist/.sources 2>/dev/null)" = "$sources" ]; then exit 0; fi

cd web
[ -d node_modules ] && [ node_modules -nt package-lock.json ] || npm ci --no-audit --no-fund --loglevel=error
npm run --silent build
printf '%s' "$sources" >dist/.sources
