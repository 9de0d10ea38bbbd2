#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs the Debian packages that are still missing, without a prompt: tools/setup.sh run|test|bench|peers
# Does nothing, and needs no root, when everything is there.
set -euo pipefail

build=(
  cmake ninja-build g++ make pkg-config ccache ca-certificates
  libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev
  libssl-dev libopus-dev libspeexdsp-dev libwebrtc-audio-processing-dev libpocketsphinx-dev
  libtomlplusplus-dev libcli11-dev prometheus-cpp-dev
)
# ipsec-mb exists for x86-64 only; elsewhere SRTP runs on OpenSSL EVP.
[ "$(uname -m)" = x86_64 ] && build+=(libipsec-mb-dev)

# The embedded speech backends, and the decoder of uploads.
run=(
  pocketsphinx-en-us espeak-ng ffmpeg apertium apertium-separable apertium-recursive apertium-anaphora
  apertium-lex-tools cg3 lttoolbox hfst
  apertium-afr-nld apertium-arg-cat apertium-bel-rus apertium-br-fr apertium-cat-ita apertium-cat-srd
  apertium-dan-nor apertium-en-gl apertium-eng-cat apertium-eng-spa apertium-eo-ca apertium-eo-en
  apertium-eo-es apertium-eo-fr apertium-es-gl apertium-es-pt apertium-es-ro apertium-eu-en apertium-eu-es
  apertium-fr-es apertium-fra-cat apertium-fra-frp apertium-hbs-eng apertium-hbs-mkd apertium-hbs-slv
  apertium-ind-zlm apertium-isl-eng apertium-isl-swe apertium-mkd-bul apertium-mkd-eng apertium-nno-nob
  apertium-oc-ca apertium-oc-es apertium-oci-fra apertium-pol-szl apertium-por-cat apertium-pt-gl
  apertium-rus-ukr apertium-spa-arg apertium-spa-ast apertium-spa-cat apertium-spa-ita apertium-srd-ita
  apertium-swe-dan apertium-swe-nor apertium-urd-hin
)
test=(libgtest-dev libgmock-dev libsrtp2-dev chromium firefox-esr flite clang-16 libclang-rt-16-dev curl iproute2 coturn)
bench=(libbenchmark-dev)
# What mediasoup's worker is built with, and the libraries of Debian's janus (bench/peers/prepare.sh unpacks janus itself,
# since the package would start a server).
peers=(
  ninja-build g++ pkg-config meson libssl-dev libuv1-dev libabsl-dev libflatbuffers-dev flatbuffers-compiler
  libconfig9 libcurl4 libglib2.0-0 libjansson4 libnice10 libsrtp2-1 libusrsctp2 libwebsockets17
)

case "${1:-run}" in
  run) wanted=("${build[@]}" "${run[@]}") ;;
  test) wanted=("${build[@]}" "${run[@]}" "${test[@]}") ;;
  bench) wanted=("${build[@]}" "${run[@]}" "${test[@]}" "${bench[@]}") ;;
  peers) wanted=("${peers[@]}") ;;
  *) echo "usage: tools/setup.sh run|test|bench|peers" >&2; exit 2 ;;
esac
# Debian's Node only where there is none at all: any Node that can run npm will do (tools/node.sh).
command -v npm >/dev/null || wanted+=(nodejs npm)

missing=()
for package in "${wanted[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

give_up() {
  echo "setup: $1. As root, run this and start again:" >&2
  echo "  apt-get update && apt-get install -y --no-install-recommends ${missing[*]}" >&2
  exit 1
}

as_root=(env DEBIAN_FRONTEND=noninteractive)
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || give_up "${#missing[@]} Debian packages are missing, and here is neither root nor sudo"
  # A password would be asked for: make run and make test do not stop at a prompt.
  sudo -n true 2>/dev/null || give_up "${#missing[@]} Debian packages are missing, and sudo wants a password"
  as_root=(sudo -n "${as_root[@]}")
fi
# Another apt may be at work, as after the first boot of a new machine: it is waited for.
apt_get() { "${as_root[@]}" apt-get -q -o DPkg::Lock::Timeout=300 "$@"; }

echo "setup: installing ${#missing[@]} Debian packages"
# Twice, since mirrors hiccup. The lock on the lists is not among those that apt-get waits for.
apt_get update || { sleep 15; apt_get update; } || give_up "apt-get update failed"
apt_get install -y --no-install-recommends "${missing[@]}" || give_up "apt-get could not install what is missing"
