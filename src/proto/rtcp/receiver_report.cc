// SPDX-License-Identifier: Apache-2.0
#include "proto/rtcp/receiver_report.h"

#include <algorithm>

namespace jb::rtcp {

//  0                   1                   2                   3
// |V=2|P|    RC   |    PT=201     |             length            |
// |                     SSRC of packet sender                     |
// |                   report blocks, RC times                 ....|
Result<ReceiverReport, ParseError> ReceiverReport::Parse(const RawPacket& packet) {
  if (!packet.Is(PacketType::kReceiverReport)) return Fail(ParseError::kBadFormat);
  const ByteView body = packet.body;
  if (body.size() < 4) return Fail(ParseError::kTruncated);
  const std::size_t blocks_size = packet.count * kReportBlockSize;
  if (body.size() - 4 < blocks_size) return Fail(ParseError::kBadCount);
  return ReceiverReport{Ssrc(LoadU32(body.data())), ReportBlocks(body.subspan(4, blocks_size))};
}

void WriteReceiverReport(ByteWriter& out, Ssrc sender_ssrc, std::span<const ReportBlock> blocks) {
  blocks = blocks.first(std::min(blocks.size(), kMaxReportBlocks));
  WriteHeader(out, PacketType::kReceiverReport, static_cast<std::uint8_t>(blocks.size()),
              4 + blocks.size() * kReportBlockSize);
  out.U32(sender_ssrc.value());
  for (const ReportBlock& block : blocks) block.Write(out);
}

}  // namespace jb::rtcp
