// SPDX-License-Identifier: Apache-2.0
#include "proto/rtcp/fir.h"

namespace jb::rtcp {

//  0                   1                   2                   3
// |V=2|P|  FMT=4  |    PT=206     |             length            |
// |                     SSRC of packet sender                     |
// |                 SSRC of media source, unused: 0               |
// |                             SSRC                              |   repeated
// |     seq nr    |                  reserved                     |
Result<Fir, ParseError> Fir::Parse(const RawPacket& packet) {
  if (!packet.IsFeedback(PacketType::kPayloadFeedback, kFormatFir)) return Fail(ParseError::kBadFormat);
  const ByteView body = packet.body;
  if (body.size() < 16) return Fail(ParseError::kTruncated);
  if (body.size() % 8 != 0) return Fail(ParseError::kBadCount);
  return Fir{Ssrc(LoadU32(body.data())), body.subspan(8)};
}

void WriteFir(ByteWriter& out, Ssrc sender_ssrc, std::span<const FirEntry> entries) {
  WriteHeader(out, PacketType::kPayloadFeedback, kFormatFir, 8 + 8 * entries.size());
  out.U32(sender_ssrc.value());
  out.U32(0);
  for (const FirEntry& entry : entries) {
    out.U32(entry.ssrc.value());
    out.U8(entry.sequence);
    out.U24(0);
  }
}

}  // namespace jb::rtcp
