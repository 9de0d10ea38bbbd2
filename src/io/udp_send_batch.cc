// SPDX-License-Identifier: Apache-2.0
#include "io/udp_send_batch.h"

#include <cstring>

namespace jb::io {
namespace {

// Only tells most destinations apart quickly; equality is decided by comparison.
std::uint32_t Hash(const SocketAddress& a) {
  std::uint32_t h = a.port * 2654435761u;
  for (std::size_t i = 0; i < 16; i += 4) h = (h ^ LoadU32(a.ip.data() + i)) * 2246822519u;
  return h;
}

}  // namespace

bool UdpSendBatch::Push(const SocketAddress& to, ByteView datagram) {
  if (!datagram.empty()) std::memcpy(buffer(count_), datagram.data(), datagram.size());
  datagrams_[count_] = {to, Hash(to), datagram.size(), false};
  return ++count_ == kCapacity;
}

void UdpSendBatch::Flush(int fd, UdpSender& sender, UdpStats& stats) {
  std::size_t n = 0;
  for (std::size_t first = 0; first < count_; ++first) {
    if (datagrams_[first].taken) continue;
    for (std::size_t i = first; i < count_; ++i) {
      Datagram& d = datagrams_[i];
      if (d.taken || d.hash != datagrams_[first].hash || d.to != datagrams_[first].to) continue;
      d.taken = true;
      ordered_[n++] = {&datagrams_[first].to, {buffer(i), d.size}};
    }
  }
  count_ = 0;
  sender.Send(fd, std::span(ordered_).first(n), stats);
}

}  // namespace jb::io
