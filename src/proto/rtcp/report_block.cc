// SPDX-License-Identifier: Apache-2.0
#include "proto/rtcp/report_block.h"

#include <algorithm>

namespace jb::rtcp {

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// |                     SSRC reported on                          |
// | fraction lost |       cumulative number of packets lost       |
// |           extended highest sequence number received           |
// |                      interarrival jitter                      |
// |                         last SR (LSR)                         |
// |                   delay since last SR (DLSR)                  |
ReportBlock ReportBlock::Parse(ByteView bytes) {
  const std::uint32_t lost = LoadU24(bytes.data() + 5);
  ReportBlock block;
  block.ssrc = Ssrc(LoadU32(bytes.data()));
  block.fraction_lost = bytes[4];
  block.cumulative_lost = static_cast<std::int32_t>(lost << 8) >> 8;
  block.extended_highest_seq = LoadU32(bytes.data() + 8);
  block.jitter = LoadU32(bytes.data() + 12);
  block.last_sr = LoadU32(bytes.data() + 16);
  block.delay_since_last_sr = LoadU32(bytes.data() + 20);
  return block;
}

void ReportBlock::Write(ByteWriter& out) const {
  out.U32(ssrc.value());
  out.U8(fraction_lost);
  out.U24(static_cast<std::uint32_t>(std::clamp(cumulative_lost, -0x800000, 0x7FFFFF)) & 0xFFFFFF);
  out.U32(extended_highest_seq);
  out.U32(jitter);
  out.U32(last_sr);
  out.U32(delay_since_last_sr);
}

}  // namespace jb::rtcp
