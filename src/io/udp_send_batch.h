// SPDX-License-Identifier: Apache-2.0
// Datagrams on their way out, sent with as few system calls and as few passes through the kernel's stack as
// their destinations allow: sendmmsg, and UDP_SEGMENT (udp(7), Linux 4.18) for runs of equal size to one
// destination. For the .cc files of jb::io only.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/socket_address.h"
#include "io/udp_socket.h"

namespace jb::io {

class UdpSendBatch {
 public:
  static constexpr std::size_t kCapacity = 64;  // datagrams

  explicit UdpSendBatch(bool socket_is_v6);
  // `datagram` has at most kMaxDatagram bytes. True when the batch is then full.
  bool Push(const SocketAddress& to, ByteView datagram);
  bool empty() const { return count_ == 0; }
  // Sends all; what the kernel refuses is dropped. The order within a destination is kept.
  void Flush(int fd, UdpStats& stats);

 private:
  struct Datagram {
    SocketAddress to;
    std::uint32_t hash = 0;
    std::size_t size = 0;
    bool done = false;  // in a message, sent or given up
  };
  // Room for one UDP_SEGMENT value.
  union Control {
    char bytes[CMSG_SPACE(sizeof(std::uint16_t))];
    cmsghdr align;
  };

  void Build(bool segment);
  void AddMessage(std::size_t first, bool segment);
  std::size_t Send(int fd, UdpStats& stats);
  std::uint8_t* buffer(std::size_t i) { return buffers_.data() + i * kMaxDatagram; }

  const bool socket_is_v6_;
  bool segment_ = true;  // until the kernel says that it cannot at all
  std::vector<std::uint8_t> buffers_;
  std::array<Datagram, kCapacity> datagrams_;
  std::size_t count_ = 0;

  // One system call's worth, by Build().
  std::array<mmsghdr, kCapacity> messages_{};
  std::array<sockaddr_storage, kCapacity> names_{};
  std::array<iovec, kCapacity> vectors_{};
  std::array<Control, kCapacity> controls_{};
  std::array<std::size_t, kCapacity> sources_{};  // which datagram each vector is
  std::size_t message_count_ = 0, vector_count_ = 0;
};

}  // namespace jb::io
