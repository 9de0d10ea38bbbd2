// SPDX-License-Identifier: Apache-2.0
#include "proto/rtcp/sender_report.h"

#include <algorithm>

namespace jb::rtcp {
namespace {

constexpr std::size_t kSenderInfoSize = 24;  // SSRC included

}  // namespace

//  0                   1                   2                   3
// |V=2|P|    RC   |    PT=200     |             length            |
// |                         SSRC of sender                        |
// |              NTP timestamp, most significant word             |
// |              NTP timestamp, least significant word            |
// |                         RTP timestamp                         |
// |                     sender's packet count                     |
// |                      sender's octet count                     |
// |                   report blocks, RC times                 ....|
Result<SenderReport, ParseError> SenderReport::Parse(const RawPacket& packet) {
  if (!packet.Is(PacketType::kSenderReport)) return Fail(ParseError::kBadFormat);
  const ByteView body = packet.body;
  if (body.size() < kSenderInfoSize) return Fail(ParseError::kTruncated);
  const std::size_t blocks_size = packet.count * kReportBlockSize;
  if (body.size() - kSenderInfoSize < blocks_size) return Fail(ParseError::kBadCount);
  const std::uint8_t* p = body.data();
  return SenderReport{
      .info = {.ssrc = Ssrc(LoadU32(p)),
               .ntp = {LoadU32(p + 4), LoadU32(p + 8)},
               .rtp_timestamp = rtp::Timestamp(LoadU32(p + 12)),
               .packet_count = LoadU32(p + 16),
               .octet_count = LoadU32(p + 20)},
      .blocks = ReportBlocks(body.subspan(kSenderInfoSize, blocks_size)),
  };
}

void WriteSenderReport(ByteWriter& out, const SenderInfo& info, std::span<const ReportBlock> blocks) {
  blocks = blocks.first(std::min(blocks.size(), kMaxReportBlocks));
  WriteHeader(out, PacketType::kSenderReport, static_cast<std::uint8_t>(blocks.size()),
              kSenderInfoSize + blocks.size() * kReportBlockSize);
  out.U32(info.ssrc.value());
  out.U32(info.ntp.seconds);
  out.U32(info.ntp.fraction);
  out.U32(info.rtp_timestamp.value());
  out.U32(info.packet_count);
  out.U32(info.octet_count);
  for (const ReportBlock& block : blocks) block.Write(out);
}

}  // namespace jb::rtcp
