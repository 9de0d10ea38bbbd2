// SPDX-License-Identifier: Apache-2.0
#include "hostile/stranger.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/result.h"

namespace jb::hostile {

Stranger::Stranger(io::UdpFleet& sockets, const SocketAddress& server, std::string kind, std::vector<Bytes> datagrams)
    : server_(server), kind_(std::move(kind)), datagrams_(std::move(datagrams)) {
  JB_CHECK(!datagrams_.empty());
  for (const Bytes& datagram : datagrams_) largest_ = std::max(largest_, datagram.size());
  SocketAddress any;
  any.is_v6 = server.is_v6;
  auto socket = sockets.Open(any, [this](const SocketAddress&, ByteSpan datagram) {
    ++received_;
    bytes_received_ += datagram.size();
    largest_received_ = std::max(largest_received_, datagram.size());
  });
  JB_CHECK(socket.ok());
  socket_ = std::move(socket).value();
}

void Stranger::Throw() {
  std::array<io::UdpOutgoing, kVolley> volley;
  for (io::UdpOutgoing& out : volley) {
    const Bytes& datagram = datagrams_[next_++ % datagrams_.size()];
    out = {&server_, datagram};
    bytes_sent_ += datagram.size();
  }
  sent_ += kVolley;
  socket_->SendAll(volley);
}

bool Stranger::Amplified() const {
  return bytes_received_ > bytes_sent_ || received_ > sent_ || largest_received_ > largest_;
}

}  // namespace jb::hostile
