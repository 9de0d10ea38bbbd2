// SPDX-License-Identifier: Apache-2.0
#include "proto/rtcp/pli.h"

namespace jb::rtcp {

//  0                   1                   2                   3
// |V=2|P|  FMT=1  |    PT=206     |          length = 2           |
// |                     SSRC of packet sender                     |
// |                      SSRC of media source                     |
Result<Pli, ParseError> Pli::Parse(const RawPacket& packet) {
  if (!packet.IsFeedback(PacketType::kPayloadFeedback, kFormatPli)) return Fail(ParseError::kBadFormat);
  if (packet.body.size() < 8) return Fail(ParseError::kTruncated);
  return Pli{Ssrc(LoadU32(packet.body.data())), Ssrc(LoadU32(packet.body.data() + 4))};
}

void WritePli(ByteWriter& out, const Pli& pli) {
  WriteHeader(out, PacketType::kPayloadFeedback, kFormatPli, 8);
  out.U32(pli.sender_ssrc.value());
  out.U32(pli.media_ssrc.value());
}

}  // namespace jb::rtcp
