// SPDX-License-Identifier: Apache-2.0
#include "io/admissions.h"

#include <algorithm>

namespace jb::io {
namespace {

SocketAddress PeerOf(const SocketAddress& remote) {
  SocketAddress peer = remote;
  peer.port = 0;
  if (peer.is_v6) std::fill(peer.ip.begin() + 8, peer.ip.end(), std::uint8_t{0});
  return peer;
}

}  // namespace

Admissions::Admissions(std::size_t most, std::size_t most_per_peer) : most_(most), most_per_peer_(most_per_peer) {}

std::shared_ptr<void> Admissions::Take(const SocketAddress& remote) {
  const bool unbounded = most_per_peer_ == 0 || remote.is_loopback();
  const SocketAddress peer = PeerOf(remote);
  const auto known = held_->per_peer.find(peer);
  const bool peer_full = !unbounded && known != held_->per_peer.end() && known->second >= most_per_peer_;
  if (held_->all >= most_ || peer_full) {
    ++refused_;
    return nullptr;
  }
  ++held_->all;
  ++held_->per_peer[peer];
  return std::shared_ptr<void>(held_.get(), [held = held_, peer](void*) {
    --held->all;
    const auto it = held->per_peer.find(peer);
    if (--it->second == 0) held->per_peer.erase(it);
  });
}

}  // namespace jb::io
