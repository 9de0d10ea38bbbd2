// SPDX-License-Identifier: Apache-2.0
// Tells apart what shares one port: STUN, DTLS, RTP and RTCP (RFC 7983, RFC 5761). Looks at the
// first two bytes and the length only; whoever gets the datagram parses it. Pure function, any
// thread.
#pragma once

#include "base/bytes.h"

namespace jb::proto {

enum class PacketKind : std::uint8_t { kStun, kDtls, kRtp, kRtcp, kUnknown };

// The shortest datagrams that can be what their first byte says; a shorter one is kUnknown.
inline constexpr std::size_t kMinStunSize = 20;  // RFC 8489 section 5: the header
inline constexpr std::size_t kMinDtlsSize = 13;  // RFC 6347 section 4.1: the record header
inline constexpr std::size_t kMinRtpSize = 12;   // RFC 3550 section 5.1
inline constexpr std::size_t kMinRtcpSize = 8;   // RFC 3550 section 6: header and one SSRC

// RFC 7983 section 7 by the first byte: 0-3 STUN, 20-63 DTLS, 128-191 RTP or RTCP. ZRTP (16-19),
// TURN channels (64-79) and everything else are kUnknown: we do not speak them. RFC 5761 section 4:
// it is RTCP when the second byte is 192-223 (RTP payload types 64-95 stay unused).
constexpr PacketKind Classify(ByteView datagram) {
  if (datagram.size() < 2) return PacketKind::kUnknown;
  const std::uint8_t first = datagram[0];
  const auto at_least = [&](std::size_t size, PacketKind kind) {
    return datagram.size() >= size ? kind : PacketKind::kUnknown;
  };
  if (first <= 3) return at_least(kMinStunSize, PacketKind::kStun);
  if (first >= 20 && first <= 63) return at_least(kMinDtlsSize, PacketKind::kDtls);
  if (first < 128 || first > 191) return PacketKind::kUnknown;
  if (datagram[1] >= 192 && datagram[1] <= 223) return at_least(kMinRtcpSize, PacketKind::kRtcp);
  return at_least(kMinRtpSize, PacketKind::kRtp);
}

}  // namespace jb::proto
