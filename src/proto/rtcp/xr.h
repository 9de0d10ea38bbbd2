// SPDX-License-Identifier: Apache-2.0
// XR: extended reports (RFC 3611). Of the blocks RRTR (section 4.4) and DLRR (section 4.5) are read
// and written; the others are stepped over. They let a receiver that sends no SR measure the round
// trip.
#pragma once

#include <optional>
#include <span>

#include "proto/rtcp/compound.h"
#include "proto/rtcp/ntp.h"

namespace jb::rtcp {

inline constexpr std::uint8_t kXrRrtr = 4;
inline constexpr std::uint8_t kXrDlrr = 5;

struct DlrrItem {
  Ssrc ssrc;                              // the receiver that sent the RRTR
  std::uint32_t last_rr = 0;              // compact NTP of that RRTR
  std::uint32_t delay_since_last_rr = 0;  // 1/65536 s
  friend bool operator==(const DlrrItem&, const DlrrItem&) = default;
};

struct ExtendedReport {
  Ssrc sender_ssrc;
  std::optional<NtpTime> rrtr;
  ByteView dlrr;  // 12 bytes each
  std::size_t dlrr_count() const { return dlrr.size() / 12; }
  DlrrItem dlrr_item(std::size_t i) const;
  static Result<ExtendedReport, ParseError> Parse(const RawPacket& packet);
};

void WriteRrtr(ByteWriter& out, Ssrc sender_ssrc, NtpTime now);
void WriteDlrr(ByteWriter& out, Ssrc sender_ssrc, std::span<const DlrrItem> items);

}  // namespace jb::rtcp
