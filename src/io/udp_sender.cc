// SPDX-License-Identifier: Apache-2.0
#include "io/udp_sender.h"

#include <netinet/udp.h>

#include <cerrno>
#include <cstring>

#include "io/socket_util.h"

namespace jb::io {
namespace {

// The largest IPv4 payload; segments of one message are one datagram until the very end of the stack.
constexpr std::size_t kMaxMessage = 65507;
constexpr std::size_t kMaxSegments = 64;  // UDP_MAX_SEGMENTS of Linux before 6.9

// How many of the first datagrams can be one message: the same destination, the same size, of which the last may
// fall short.
std::size_t RunLength(std::span<const UdpOutgoing> datagrams) {
  const UdpOutgoing& first = datagrams[0];
  const std::size_t size = first.bytes.size();
  if (size == 0) return 1;
  std::size_t n = 1, total = size;
  while (n < datagrams.size() && n < kMaxSegments) {
    const UdpOutgoing& next = datagrams[n];
    total += next.bytes.size();
    if (next.bytes.empty() || next.bytes.size() > size || total > kMaxMessage) break;
    if (next.to != first.to && *next.to != *first.to) break;
    ++n;
    if (next.bytes.size() < size) break;
  }
  return n;
}

}  // namespace

void UdpSender::Send(int fd, std::span<const UdpOutgoing> datagrams, UdpStats& stats) {
  // Datagrams before this one go without segments: a path did not take them.
  std::size_t plain_until = 0, at = 0;
  while (at < datagrams.size()) {
    const bool segment = segment_ && at >= plain_until;
    const std::size_t built = Build(datagrams.subspan(at, segment ? datagrams.size() - at : plain_until - at), segment);
    const std::size_t done = SendMessages(fd, stats);
    if (done == message_count_) {
      at += built;
      continue;
    }
    for (std::size_t m = 0; m < done; ++m) at += runs_[m];
    plain_until = segment_ ? at + runs_[done] : datagrams.size();
  }
}

// Answers how many datagrams the messages hold.
std::size_t UdpSender::Build(std::span<const UdpOutgoing> datagrams, bool segment) {
  message_count_ = vector_count_ = 0;
  std::size_t at = 0;
  while (at < datagrams.size() && message_count_ < kMessages) {
    const std::size_t run = segment ? RunLength(datagrams.subspan(at)) : 1;
    if (kVectors - vector_count_ < run) break;
    at += AddMessage(datagrams.subspan(at), run);
  }
  return at;
}

std::size_t UdpSender::AddMessage(std::span<const UdpOutgoing> datagrams, std::size_t run) {
  const std::size_t m = message_count_++;
  const std::size_t first_vector = vector_count_;
  for (const UdpOutgoing& datagram : datagrams.first(run)) {
    auto* base = const_cast<std::uint8_t*>(datagram.bytes.data());  // iovec is for both ways
    iovec* last = vector_count_ > first_vector ? &vectors_[vector_count_ - 1] : nullptr;
    if (last && static_cast<std::uint8_t*>(last->iov_base) + last->iov_len == base) {
      last->iov_len += datagram.bytes.size();
    } else {
      vectors_[vector_count_++] = {base, datagram.bytes.size()};
    }
  }
  runs_[m] = run;
  msghdr& header = messages_[m].msg_hdr;
  header = {};
  header.msg_name = &names_[m];
  header.msg_namelen = ToSockaddr(*datagrams[0].to, socket_is_v6_, names_[m]);
  header.msg_iov = &vectors_[first_vector];
  header.msg_iovlen = vector_count_ - first_vector;
  if (run == 1) return run;
  header.msg_control = controls_[m].bytes;
  header.msg_controllen = sizeof controls_[m].bytes;
  cmsghdr* control = CMSG_FIRSTHDR(&header);
  control->cmsg_level = SOL_UDP;
  control->cmsg_type = UDP_SEGMENT;
  control->cmsg_len = CMSG_LEN(sizeof(std::uint16_t));
  const auto segment_size = static_cast<std::uint16_t>(datagrams[0].bytes.size());
  std::memcpy(CMSG_DATA(control), &segment_size, sizeof segment_size);
  return run;
}

// Answers the message that failed for want of segmentation, or message_count_.
std::size_t UdpSender::SendMessages(int fd, UdpStats& stats) {
  std::size_t at = 0;
  while (at < message_count_) {
    const int n = sendmmsg(fd, messages_.data() + at, static_cast<unsigned>(message_count_ - at), MSG_DONTWAIT);
    if (n > 0) {
      for (int i = 0; i < n; ++i) stats.sent += runs_[at++];
      continue;
    }
    const bool segmented = runs_[at] > 1;
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS) {
      // Media that waits is worse than media that is lost.
      for (; at < message_count_; ++at) stats.send_dropped += runs_[at];
      break;
    }
    // No checksum offload on the way out: this machine cannot.
    if (segmented && (errno == EIO || errno == EOPNOTSUPP)) {
      segment_ = false;
      return at;
    }
    // Segments above the MTU of this destination's path: whole datagrams may be fragmented, segments not.
    if (segmented && (errno == EINVAL || errno == EMSGSIZE)) return at;
    stats.send_dropped += runs_[at++];  // this destination only: no route, not permitted
  }
  return message_count_;
}

}  // namespace jb::io
