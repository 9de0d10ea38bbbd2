// SPDX-License-Identifier: Apache-2.0
// NTP time stamps (RFC 3550 section 4): seconds since 1900 and a 32-bit fraction. Pure values.
#pragma once

#include "base/time.h"

namespace jb::rtcp {

struct NtpTime {
  std::uint32_t seconds = 0;   // since 1900-01-01; wraps in 2036
  std::uint32_t fraction = 0;  // of 2^-32 s

  static NtpTime FromWall(WallTime wall);
  // Within the NTP era that contains 2036..2172 when the top bit is clear (RFC 4330 section 3).
  WallTime ToWall() const;
  // The middle 32 bits, 16.16 s: LSR and DLSR.
  std::uint32_t compact() const { return (seconds << 16) | (fraction >> 16); }
  bool is_zero() const { return seconds == 0 && fraction == 0; }
  friend bool operator==(const NtpTime&, const NtpTime&) = default;
};

// 16.16 s, as in DLSR and DLRR. Negative becomes 0; longer than 18.2 h saturates.
std::uint32_t ToCompact(Duration d);
Duration FromCompact(std::uint32_t units);

// A longer round trip is a stale or forged time stamp: not to be believed.
inline constexpr Duration kMaxPlausibleRtt = std::chrono::seconds(10);

// RFC 3550 section 6.4.1: now - LSR - DLSR, all compact. 0 for a peer whose answer would be older
// than its question; never negative.
Duration RoundTripTime(std::uint32_t now_compact, std::uint32_t last_sr, std::uint32_t delay_since_last_sr);

}  // namespace jb::rtcp
