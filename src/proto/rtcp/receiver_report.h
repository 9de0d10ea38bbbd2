// SPDX-License-Identifier: Apache-2.0
// RR: receiver report (RFC 3550 section 6.4.2).
#pragma once

#include <span>

#include "proto/rtcp/compound.h"
#include "proto/rtcp/report_block.h"

namespace jb::rtcp {

struct ReceiverReport {
  Ssrc sender_ssrc;
  ReportBlocks blocks;
  static Result<ReceiverReport, ParseError> Parse(const RawPacket& packet);
};

// At most kMaxReportBlocks blocks.
void WriteReceiverReport(ByteWriter& out, Ssrc sender_ssrc, std::span<const ReportBlock> blocks);

}  // namespace jb::rtcp
