// SPDX-License-Identifier: Apache-2.0
// SR: sender report (RFC 3550 section 6.4.1).
#pragma once

#include <span>

#include "proto/rtcp/compound.h"
#include "proto/rtcp/ntp.h"
#include "proto/rtcp/report_block.h"

namespace jb::rtcp {

struct SenderInfo {
  Ssrc ssrc;
  NtpTime ntp;
  rtp::Timestamp rtp_timestamp;
  std::uint32_t packet_count = 0;
  std::uint32_t octet_count = 0;  // payload bytes, without headers and padding
  friend bool operator==(const SenderInfo&, const SenderInfo&) = default;
};

struct SenderReport {
  SenderInfo info;
  ReportBlocks blocks;
  static Result<SenderReport, ParseError> Parse(const RawPacket& packet);
};

// At most kMaxReportBlocks blocks.
void WriteSenderReport(ByteWriter& out, const SenderInfo& info, std::span<const ReportBlock> blocks = {});

}  // namespace jb::rtcp
