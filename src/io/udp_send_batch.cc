// SPDX-License-Identifier: Apache-2.0
#include "io/udp_send_batch.h"

#include <netinet/udp.h>

#include <cerrno>
#include <cstring>

#include "io/socket_util.h"

namespace jb::io {
namespace {

// The largest IPv4 payload; segments of one message are one datagram until the very end of the stack.
constexpr std::size_t kMaxMessage = 65507;

// Only tells most destinations apart quickly; equality is decided by comparison.
std::uint32_t Hash(const SocketAddress& a) {
  std::uint32_t h = a.port * 2654435761u;
  for (std::size_t i = 0; i < 16; i += 4) h = (h ^ LoadU32(a.ip.data() + i)) * 2246822519u;
  return h;
}

}  // namespace

UdpSendBatch::UdpSendBatch(bool socket_is_v6) : socket_is_v6_(socket_is_v6), buffers_(kCapacity * kMaxDatagram) {}

bool UdpSendBatch::Push(const SocketAddress& to, ByteView datagram) {
  std::memcpy(buffer(count_), datagram.data(), datagram.size());
  datagrams_[count_] = {to, Hash(to), datagram.size(), false};
  return ++count_ == kCapacity;
}

// One message: the first datagram and, while sizes allow, the ones behind it to the same destination. The
// last of a segmented message may be shorter; the first that does not fit ends it, or it would overtake.
void UdpSendBatch::AddMessage(std::size_t first, bool segment) {
  const std::size_t m = message_count_++;
  const std::size_t size = datagrams_[first].size;
  const std::size_t first_vector = vector_count_;
  std::size_t total = 0;
  for (std::size_t i = first; i < count_; ++i) {
    Datagram& d = datagrams_[i];
    if (d.done || d.hash != datagrams_[first].hash || d.to != datagrams_[first].to) continue;
    if (i != first && (!segment || size == 0 || d.size == 0 || d.size > size || total + d.size > kMaxMessage)) break;
    d.done = true;
    total += d.size;
    sources_[vector_count_] = i;
    vectors_[vector_count_++] = {buffer(i), d.size};
    if (d.size < size) break;
  }
  msghdr& header = messages_[m].msg_hdr;
  header = {};
  header.msg_name = &names_[m];
  header.msg_namelen = ToSockaddr(datagrams_[first].to, socket_is_v6_, names_[m]);
  header.msg_iov = &vectors_[first_vector];
  header.msg_iovlen = vector_count_ - first_vector;
  if (header.msg_iovlen == 1) return;
  header.msg_control = controls_[m].bytes;
  header.msg_controllen = sizeof controls_[m].bytes;
  cmsghdr* control = CMSG_FIRSTHDR(&header);
  control->cmsg_level = SOL_UDP;
  control->cmsg_type = UDP_SEGMENT;
  control->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
  const auto segment_size = static_cast<std::uint16_t>(size);
  std::memcpy(CMSG_DATA(control), &segment_size, sizeof segment_size);
}

void UdpSendBatch::Build(bool segment) {
  message_count_ = vector_count_ = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    if (!datagrams_[i].done) AddMessage(i, segment);
  }
}

void UdpSendBatch::Flush(int fd, UdpStats& stats) {
  for (bool segment = segment_; count_ > 0; segment = false) {
    Build(segment);
    const std::size_t refused = Send(fd, stats);
    if (refused == message_count_) break;
    // From that message on, once more without segments.
    for (std::size_t m = refused; m < message_count_; ++m) {
      const auto first = static_cast<std::size_t>(messages_[m].msg_hdr.msg_iov - vectors_.data());
      for (std::size_t v = first; v < first + messages_[m].msg_hdr.msg_iovlen; ++v) {
        datagrams_[sources_[v]].done = false;
      }
    }
  }
  count_ = 0;
}

// Answers the message that failed for want of segmentation, or message_count_.
std::size_t UdpSendBatch::Send(int fd, UdpStats& stats) {
  std::size_t at = 0;
  while (at < message_count_) {
    const int n = sendmmsg(fd, messages_.data() + at, static_cast<unsigned>(message_count_ - at), MSG_DONTWAIT);
    if (n > 0) {
      for (int i = 0; i < n; ++i) stats.sent += messages_[at++].msg_hdr.msg_iovlen;
      continue;
    }
    const bool segmented = messages_[at].msg_hdr.msg_iovlen > 1;
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
      // Media that waits is worse than media that is lost.
      for (; at < message_count_; ++at) stats.send_dropped += messages_[at].msg_hdr.msg_iovlen;
      break;
    }
    // No checksum offload on the way out: this machine cannot.
    if (segmented && (errno == EIO || errno == EOPNOTSUPP)) {
      segment_ = false;
      return at;
    }
    // Segments above the MTU of this destination's path: whole datagrams may be fragmented, segments not.
    if (segmented && (errno == EINVAL || errno == EMSGSIZE)) return at;
    stats.send_dropped += messages_[at++].msg_hdr.msg_iovlen;  // this destination only: no route, not permitted
  }
  return message_count_;
}

}  // namespace jb::io
