// SPDX-License-Identifier: Apache-2.0
// Sends datagrams from where they lie, with as few system calls and as few passes through the kernel's stack as their
// destinations allow: sendmmsg, and UDP_SEGMENT (udp(7), Linux 4.18) for runs of equal size to one destination.
// For the .cc files of jb::io only.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <span>

#include "io/udp_socket.h"

namespace jb::io {

class UdpSender {
 public:
  explicit UdpSender(bool socket_is_v6) : socket_is_v6_(socket_is_v6) {}

  // What the kernel refuses is dropped and counted. Runs are what stands together in `datagrams`; their order is
  // kept within a destination.
  void Send(int fd, std::span<const UdpOutgoing> datagrams, UdpStats& stats);

 private:
  static constexpr std::size_t kMessages = 64;  // per system call
  static constexpr std::size_t kVectors = 128;
  // Room for one UDP_SEGMENT value.
  union Control {
    char bytes[CMSG_SPACE(sizeof(std::uint16_t))];
    cmsghdr align;
  };

  std::size_t Build(std::span<const UdpOutgoing> datagrams, bool segment);
  std::size_t AddMessage(std::span<const UdpOutgoing> datagrams, std::size_t run);
  std::size_t SendMessages(int fd, UdpStats& stats);

  const bool socket_is_v6_;
  bool segment_ = true;  // until the kernel says that it cannot at all

  // One system call's worth, by Build().
  std::array<mmsghdr, kMessages> messages_{};
  std::array<sockaddr_storage, kMessages> names_{};
  std::array<std::size_t, kMessages> runs_{};  // datagrams in each
  std::array<iovec, kVectors> vectors_{};
  std::array<Control, kMessages> controls_{};
  std::size_t message_count_ = 0, vector_count_ = 0;
};

}  // namespace jb::io
