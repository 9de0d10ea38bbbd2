// SPDX-License-Identifier: Apache-2.0
// The report block of SR and RR (RFC 3550 section 6.4.1).
#pragma once

#include "proto/rtcp/compound.h"

namespace jb::rtcp {

inline constexpr std::size_t kReportBlockSize = 24;
inline constexpr std::size_t kMaxReportBlocks = 31;  // RFC 3550 section 6.4.1: RC has 5 bits

struct ReportBlock {
  Ssrc ssrc;                         // the stream that is reported on
  std::uint8_t fraction_lost = 0;    // of 256, since the last report
  std::int32_t cumulative_lost = 0;  // 24 bits signed; duplicates make it negative
  std::uint32_t extended_highest_seq = 0;
  std::uint32_t jitter = 0;               // in timestamp units
  std::uint32_t last_sr = 0;              // compact NTP; 0: none received
  std::uint32_t delay_since_last_sr = 0;  // 1/65536 s
  friend bool operator==(const ReportBlock&, const ReportBlock&) = default;

  static ReportBlock Parse(ByteView bytes);  // kReportBlockSize bytes
  void Write(ByteWriter& out) const;         // cumulative_lost saturates to 24 bits
};

// The blocks of a received report; borrows its bytes.
class ReportBlocks {
 public:
  ReportBlocks() = default;
  explicit ReportBlocks(ByteView bytes) : bytes_(bytes) {}
  std::size_t size() const { return bytes_.size() / kReportBlockSize; }
  ReportBlock operator[](std::size_t i) const {
    return ReportBlock::Parse(bytes_.subspan(i * kReportBlockSize, kReportBlockSize));
  }

 private:
  ByteView bytes_;
};

}  // namespace jb::rtcp
