// SPDX-License-Identifier: Apache-2.0
// Copies of datagrams from here and there on their way out, put in order by destination when they leave: for what
// comes one at a time. Fan-out does not pass here: see UdpSocket::SendAll. For the .cc files of jb::io only.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/socket_address.h"
#include "io/udp_sender.h"
#include "io/udp_socket.h"

namespace jb::io {

class UdpSendBatch {
 public:
  static constexpr std::size_t kCapacity = 64;  // datagrams

  UdpSendBatch() : buffers_(kCapacity * kMaxDatagram) {}
  // `datagram` has at most kMaxDatagram bytes. True when the batch is then full.
  bool Push(const SocketAddress& to, ByteView datagram);
  bool empty() const { return count_ == 0; }
  // Sends all; what the kernel refuses is dropped. The order within a destination is kept.
  void Flush(int fd, UdpSender& sender, UdpStats& stats);

 private:
  struct Datagram {
    SocketAddress to;
    std::uint32_t hash = 0;
    std::size_t size = 0;
    bool taken = false;
  };

  std::uint8_t* buffer(std::size_t i) { return buffers_.data() + i * kMaxDatagram; }

  std::vector<std::uint8_t> buffers_;
  std::array<Datagram, kCapacity> datagrams_;
  std::size_t count_ = 0;
  std::array<UdpOutgoing, kCapacity> ordered_;
};

}  // namespace jb::io
