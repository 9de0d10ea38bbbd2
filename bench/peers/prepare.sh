#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Gets one peer of the benchmarks ready under .cache/peers and prints what serve.mjs has to know of it, as lines for the
# shell: bench/peers/prepare.sh mediasoup|janus. Once there it needs no network. When it cannot be had, one line on
# stderr says why, and the exit status is 1.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD
peers=$root/bench/peers
cache=${JB_CACHE:-$root/.cache}/peers
mkdir -p "$cache"

give_up() {
  echo "$peer: $1" >&2
  exit 1
}
# Runs a step with its output in a log; the last line of that is what is said when it fails.
step() {
  local what=$1 log="$cache/$peer.log"
  shift
  "$@" >"$log" 2>&1 || give_up "$what failed: $(grep -iE 'error|failed|cannot|not found' "$log" | tail -1 || true) (all of it in ${log#"$root"/})"
}

# The npm packages of bench/peers, as locked. Nothing in them is executed to install.
node_modules() {
  cmp -s "$peers/package-lock.json" "$peers/node_modules/installed.json" && return
  echo "$peer: fetching npm packages" >&2
  step 'npm ci' npm --prefix "$peers" ci --ignore-scripts --no-audit --no-fund
  cp "$peers/package-lock.json" "$peers/node_modules/installed.json"
}

# Debian's source package of libsrtp2, for a library on OpenSSL; its binary one is built on NSS. apt checks the
# signatures; its lists for this are kept apart, so that no root is needed.
libsrtp_source() {
  local home="$cache/libsrtp2"
  [ -f "$home/src/meson.build" ] && return
  mkdir -p "$home"/{lists/partial,cache/archives/partial,src}
  apt-get indextargets --format 'deb-src $(SITE) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' | grep -i debian | sort -u >"$home/sources.list"
  local apt=(apt-get -q -o Dir::Etc::sourcelist="$home/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$home/lists" -o Dir::Cache="$home/cache" -o APT::Sandbox::User=)
  step 'apt-get update for source packages' "${apt[@]}" update
  (cd "$home" && step 'apt-get source libsrtp2' "${apt[@]}" source --download-only libsrtp2)
  tar -xzf "$home"/libsrtp2_*.orig.tar.gz -C "$home/src" --strip-components=1
  rm -rf "$home/lists" "$home/cache"
}

mediasoup() {
  local version home binary
  version=$(sed -n 's/.*"mediasoup": "\(.*\)".*/\1/p' "$peers/package.json")
  home=$cache/mediasoup-$version
  binary=$home/build/mediasoup-worker
  node_modules
  if [ ! -x "$binary" ]; then
    command -v meson >/dev/null || give_up 'meson is missing (Debian: apt-get install meson)'
    libsrtp_source
    # The worker's source comes with the npm package; what it would fetch from elsewhere stands in subprojects.
    rm -rf "$home" && mkdir -p "$home"
    cp -r "$peers/node_modules/mediasoup/worker" "$home/source"
    rm -f "$home"/source/subprojects/*.wrap
    cp -r "$peers"/mediasoup/subprojects/* "$home/source/subprojects/"
    cp -r "$cache/libsrtp2/src" "$home/source/subprojects/libsrtp2"
    # Debian 12 has meson 1.0; nothing newer is used.
    sed -i "s/meson_version: '>= [0-9.]*'/meson_version: '>= 1.0'/" "$home/source/meson.build"
    # Its BIO callback answers 1 to every question of OpenSSL; where OpenSSL knows KTLS, as Debian's does and the one that
    # it would download does not, that says yes to the kernel doing the encryption, and the first handshake crashes.
    sed -i 's/(operationType == BIO_CB_RETURN)/((operationType \& BIO_CB_RETURN) != 0)/' "$home/source/src/RTC/DtlsTransport.cpp"
    grep -q 'operationType & BIO_CB_RETURN' "$home/source/src/RTC/DtlsTransport.cpp" || give_up 'DtlsTransport.cpp is not as expected'
    echo "mediasoup: building the worker of $version, once; several minutes" >&2
    step 'meson setup' meson setup --buildtype release -Db_ndebug=true "$home/build" "$home/source"
    step 'the build' ninja -C "$home/build" mediasoup-worker
  fi
  echo "export MEDIASOUP_WORKER_BIN='$binary'"
  echo "peer_version='mediasoup $version'"
}

janus() {
  local home=$cache/janus libraries=$cache/libsrtp2/build missing
  node_modules
  if [ -x /usr/bin/janus ]; then
    home=
  elif [ ! -x "$home/usr/bin/janus" ]; then
    # Unpacked instead of installed: the package would start a server on this machine, and at every start of it.
    mkdir -p "$home"
    (cd "$home" && step 'apt-get download janus' apt-get -q -o APT::Sandbox::User= download janus)
    dpkg-deb -x "$home"/janus_*.deb "$home"
  fi
  missing=$(ldd "$home/usr/bin/janus" | sed -n 's/ => not found//p' | xargs)
  [ -z "$missing" ] || give_up "libraries are missing: $missing (tools/setup.sh bench installs them)"
  if [ ! -f "$libraries/libsrtp2.so.1" ]; then
    command -v meson >/dev/null || give_up 'meson is missing (Debian: apt-get install meson)'
    libsrtp_source
    step 'meson setup of libsrtp2' meson setup --buildtype release -Dcrypto-library=openssl -Dcrypto-library-kdf=disabled -Dtests=disabled \
      -Dpcap-tests=disabled -Ddoc=disabled -Ddefault_library=shared "$libraries" "$cache/libsrtp2/src"
    step 'the build of libsrtp2' ninja -C "$libraries"
  fi
  step 'the build of ice_lite.c' cc -O2 -Wall -shared -fPIC -o "$cache/ice_lite.so" "$peers/janus/ice_lite.c"
  echo "export JB_JANUS_HOME='$home' JB_JANUS_LIBRARIES='$libraries' JB_JANUS_ICE_LITE='$cache/ice_lite.so'"
  echo "peer_version='Janus $("$home/usr/bin/janus" --version 2>/dev/null | grep -oE '[0-9]+\.[0-9]+\.[0-9]+' | head -1)'"
}

peer=${1:-}
case $peer in
  mediasoup | janus) PATH="$(tools/node.sh):$PATH" && "$peer" ;;
  *) echo "usage: bench/peers/prepare.sh mediasoup|janus" >&2; exit 2 ;;
esac
