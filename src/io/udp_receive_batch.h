// SPDX-License-Identifier: Apache-2.0
// The arrays that recvmmsg wants for kSize datagrams, each entry pointing at its own buffer. Reads one batch at a time;
// what is done with the datagrams is the caller's. Single-threaded, fixed size. Internal to io.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/socket_address.h"
#include "io/socket_util.h"
#include "io/udp_socket.h"

namespace jb::io {

// kControl: bytes of ancillary data per datagram.
template <std::size_t kSize, std::size_t kControl = 0>
class UdpReceiveBatch {
 public:
  UdpReceiveBatch() : buffers_(kSize * kMaxDatagram) {
    for (std::size_t i = 0; i < kSize; ++i) {
      vectors_[i] = {buffers_.data() + i * kMaxDatagram, kMaxDatagram};
      messages_[i].msg_hdr = {};
      messages_[i].msg_hdr.msg_iov = &vectors_[i];
      messages_[i].msg_hdr.msg_iovlen = 1;
      messages_[i].msg_hdr.msg_name = &names_[i];
    }
  }
  UdpReceiveBatch(const UdpReceiveBatch&) = delete;
  UdpReceiveBatch& operator=(const UdpReceiveBatch&) = delete;

  // What is there now, without waiting: how many datagrams; 0 on errors too.
  std::size_t Read(int fd) {
    for (std::size_t i = 0; i < kSize; ++i) {
      msghdr& header = messages_[i].msg_hdr;
      header.msg_namelen = sizeof names_[i];
      if constexpr (kControl > 0) {
        header.msg_control = controls_[i].bytes;
        header.msg_controllen = kControl;
      }
    }
    const int n = recvmmsg(fd, messages_.data(), kSize, MSG_DONTWAIT, nullptr);
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }

  bool truncated(std::size_t i) const { return (messages_[i].msg_hdr.msg_flags & MSG_TRUNC) != 0; }
  SocketAddress from(std::size_t i) const { return FromSockaddr(names_[i]); }
  ByteSpan bytes(std::size_t i) { return ByteSpan(buffers_.data() + i * kMaxDatagram, messages_[i].msg_len); }
  msghdr& header(std::size_t i) { return messages_[i].msg_hdr; }

 private:
  union Control {
    char bytes[kControl > 0 ? kControl : 1];
    cmsghdr align;
  };

  std::vector<std::uint8_t> buffers_;
  std::array<sockaddr_storage, kSize> names_{};
  std::array<iovec, kSize> vectors_{};
  std::array<mmsghdr, kSize> messages_{};
  std::array<Control, (kControl > 0 ? kSize : 0)> controls_{};
};

}  // namespace jb::io
