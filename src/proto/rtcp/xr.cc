// SPDX-License-Identifier: Apache-2.0
#include "proto/rtcp/xr.h"

namespace jb::rtcp {
namespace {

constexpr std::size_t kRrtrSize = 8;
constexpr std::size_t kDlrrItemSize = 12;

}  // namespace

//  0                   1                   2                   3
// |V=2|P|reserved |    PT=207     |             length            |
// |                             SSRC                              |
// |  block type   | type-specific | block length in words         |   repeated
// |                    block contents                         ....|
//
// RRTR, block type 4:           DLRR, block type 5, repeated:
// |      NTP timestamp      |   |           SSRC          |
// |        (64 bits)        |   |       last RR (LRR)     |
//                               | delay since LRR (DLRR)  |
Result<ExtendedReport, ParseError> ExtendedReport::Parse(const RawPacket& packet) {
  if (!packet.Is(PacketType::kExtendedReport)) return Fail(ParseError::kBadFormat);
  ByteReader in(packet.body);
  ExtendedReport report;
  report.sender_ssrc = Ssrc(in.U32());
  while (in.ok() && in.remaining() > 0) {
    const std::uint8_t type = in.U8();
    in.Skip(1);
    const ByteView block = in.Take(std::size_t{4} * in.U16());
    if (!in.ok()) break;
    if (type == kXrRrtr) {
      if (block.size() != kRrtrSize) return Fail(ParseError::kBadCount);
      report.rrtr = NtpTime{LoadU32(block.data()), LoadU32(block.data() + 4)};
    } else if (type == kXrDlrr) {
      if (block.size() % kDlrrItemSize != 0) return Fail(ParseError::kBadCount);
      report.dlrr = block;
    }
  }
  if (!in.ok()) return Fail(ParseError::kTruncated);
  return report;
}

DlrrItem ExtendedReport::dlrr_item(std::size_t i) const {
  const std::uint8_t* p = dlrr.data() + i * kDlrrItemSize;
  return {Ssrc(LoadU32(p)), LoadU32(p + 4), LoadU32(p + 8)};
}

void WriteRrtr(ByteWriter& out, Ssrc sender_ssrc, NtpTime now) {
  WriteHeader(out, PacketType::kExtendedReport, 0, 4 + 4 + kRrtrSize);
  out.U32(sender_ssrc.value());
  out.U8(kXrRrtr);
  out.U8(0);
  out.U16(kRrtrSize / 4);
  out.U32(now.seconds);
  out.U32(now.fraction);
}

void WriteDlrr(ByteWriter& out, Ssrc sender_ssrc, std::span<const DlrrItem> items) {
  const std::size_t size = items.size() * kDlrrItemSize;
  WriteHeader(out, PacketType::kExtendedReport, 0, 4 + 4 + size);
  out.U32(sender_ssrc.value());
  out.U8(kXrDlrr);
  out.U8(0);
  out.U16(static_cast<std::uint16_t>(size / 4));
  for (const DlrrItem& item : items) {
    out.U32(item.ssrc.value());
    out.U32(item.last_rr);
    out.U32(item.delay_since_last_rr);
  }
}

}  // namespace jb::rtcp
