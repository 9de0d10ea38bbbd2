// SPDX-License-Identifier: Apache-2.0
#include "proto/rtcp/remb.h"

#include <algorithm>

namespace jb::rtcp {
namespace {

constexpr std::uint32_t kRembId = 0x52454D42;  // "REMB"
constexpr std::size_t kFixedSize = 16;
constexpr std::uint32_t kMaxMantissa = 0x3FFFF;  // 18 bits

}  // namespace

bool Remb::IsRemb(const RawPacket& packet) {
  return packet.IsFeedback(PacketType::kPayloadFeedback, kFormatAfb) && packet.body.size() >= 12 &&
         LoadU32(packet.body.data() + 8) == kRembId;
}

//  0                   1                   2                   3
// |V=2|P| FMT=15  |    PT=206     |             length            |
// |                     SSRC of packet sender                     |
// |                 SSRC of media source, unused: 0               |
// |                   unique identifier "REMB"                    |
// |   num SSRC    |  BR exp   |            BR mantissa            |
// |                       SSRC, num SSRC times                ....|
Result<Remb, ParseError> Remb::Parse(const RawPacket& packet) {
  if (!IsRemb(packet)) return Fail(ParseError::kBadFormat);
  const ByteView body = packet.body;
  if (body.size() < kFixedSize) return Fail(ParseError::kTruncated);
  const std::size_t ssrcs_size = std::size_t{4} * body[12];
  if (body.size() - kFixedSize < ssrcs_size) return Fail(ParseError::kBadCount);
  const unsigned exponent = body[13] >> 2;
  const std::uint64_t mantissa = LoadU24(body.data() + 13) & kMaxMantissa;
  const std::uint64_t bitrate = mantissa << exponent;
  if (bitrate >> exponent != mantissa) return Fail(ParseError::kBadCount);
  return Remb{Ssrc(LoadU32(body.data())), bitrate, body.subspan(kFixedSize, ssrcs_size)};
}

void WriteRemb(ByteWriter& out, Ssrc sender_ssrc, std::uint64_t bitrate_bps, std::span<const Ssrc> ssrcs) {
  ssrcs = ssrcs.first(std::min<std::size_t>(ssrcs.size(), 255));
  std::uint32_t exponent = 0;
  while (bitrate_bps > kMaxMantissa) {
    bitrate_bps >>= 1;
    ++exponent;
  }
  WriteHeader(out, PacketType::kPayloadFeedback, kFormatAfb, kFixedSize + 4 * ssrcs.size());
  out.U32(sender_ssrc.value());
  out.U32(0);
  out.U32(kRembId);
  out.U8(static_cast<std::uint8_t>(ssrcs.size()));
  out.U24((exponent << 18) | static_cast<std::uint32_t>(bitrate_bps));
  for (const Ssrc ssrc : ssrcs) out.U32(ssrc.value());
}

}  // namespace jb::rtcp
