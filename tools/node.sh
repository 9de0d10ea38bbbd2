#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Prints a directory with a `node` and an `npm` that can build and test the web app:
#
#   PATH="$(tools/node.sh):$PATH"
#
# The system's own Node when it is new enough for Vite; otherwise (Debian 12 has Node 18) one that comes as an npm
# package, kept in .cache/node. Once cached it needs no network. Messages go to stderr, only the directory to stdout.
set -euo pipefail

# Vite 7 needs ^20.19 || >=22.12; a system Node in between is treated as too old.
good='const [a, b] = process.versions.node.split(".").map(Number);
process.exit((a === 20 && b >= 19) || (a === 22 && b >= 12) || a > 22 ? 0 : 1)'
node_version=22.23.3
npm_version=10.9.9

system_node="$(command -v node || command -v nodejs || true)"
if [ -z "${JB_NODE_FETCH:-}" ] && [ -n "$system_node" ] && command -v npm >/dev/null && "$system_node" -e "$good"; then
  dirname "$(command -v node || readlink -f "$system_node")"
  exit 0
fi

case "$(uname -m)" in
  x86_64) arch=x64 ;;
  aarch64) arch=arm64 ;;
  *) echo "node.sh: no Node package for $(uname -m); install Node 20.19 or newer" >&2; exit 1 ;;
esac

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
home="${JB_CACHE:-$root/.cache}/node/v$node_version-$arch"
if [ -x "$home/bin/node" ] && [ -x "$home/bin/npm" ]; then
  echo "$home/bin"
  exit 0
fi

command -v npm >/dev/null || { echo "node.sh: npm is missing (Debian: apt-get install npm)" >&2; exit 1; }
echo "node.sh: fetching Node $node_version (the system has $("$system_node" -v 2>/dev/null || echo none))" >&2
mkdir -p "${home%/*}"
work="$(mktemp -d "${home%/*}/fetch.XXXXXX")"
trap 'rm -rf "$work"' EXIT
# npm checks the registry's sha512 of each tarball before it writes it; nothing from the packages is executed to install.
(cd "$work" && npm pack --silent --ignore-scripts "node-linux-$arch@$node_version" "npm@$npm_version" >&2)
mkdir -p "$work/home/bin" "$work/home/lib/npm"
tar -xzf "$work/node-linux-$arch-$node_version.tgz" -C "$work/home" --strip-components=1 package/bin/node
tar -xzf "$work/npm-$npm_version.tgz" -C "$work/home/lib/npm" --strip-components=1
ln -s ../lib/npm/bin/npm-cli.js "$work/home/bin/npm"
ln -s ../lib/npm/bin/npx-cli.js "$work/home/bin/npx"
chmod +x "$work/home/bin/node" "$work/home/lib/npm/bin/npm-cli.js" "$work/home/lib/npm/bin/npx-cli.js"
"$work/home/bin/node" -e "$good" || { echo "node.sh: the fetched Node does not run here" >&2; exit 1; }
# Two builds may fetch at once: whoever comes second keeps the first one's.
mv -T "$work/home" "$home" 2>/dev/null || [ -x "$home/bin/node" ]
echo "$home/bin"
