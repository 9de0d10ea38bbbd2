// SPDX-License-Identifier: Apache-2.0
#include "proto/rtcp/ntp.h"

#include <algorithm>

namespace jb::rtcp {
namespace {

constexpr std::int64_t kUnixEpochInNtp = 2'208'988'800;  // seconds from 1900-01-01 to 1970-01-01, RFC 868
constexpr std::int64_t kMicros = 1'000'000;

}  // namespace

NtpTime NtpTime::FromWall(WallTime wall) {
  const std::int64_t us = std::max<std::int64_t>(wall.time_since_epoch().count(), 0);
  const auto fraction_us = static_cast<std::uint64_t>(us % kMicros);
  return {static_cast<std::uint32_t>(us / kMicros + kUnixEpochInNtp),
          static_cast<std::uint32_t>((fraction_us << 32) / kMicros)};
}

WallTime NtpTime::ToWall() const {
  const std::int64_t era = (seconds & 0x80000000u) ? 0 : std::int64_t{1} << 32;
  const std::int64_t unix_seconds = era + seconds - kUnixEpochInNtp;
  const auto us = static_cast<std::int64_t>((std::uint64_t{fraction} * kMicros) >> 32);
  return WallTime(std::chrono::microseconds(unix_seconds * kMicros + us));
}

std::uint32_t ToCompact(Duration d) {
  const std::int64_t us = std::clamp<std::int64_t>(d.count(), 0, 65535 * kMicros);
  return static_cast<std::uint32_t>((us << 16) / kMicros);
}

Duration FromCompact(std::uint32_t units) {
  return Duration(static_cast<std::int64_t>((std::uint64_t{units} * kMicros) >> 16));
}

Duration RoundTripTime(std::uint32_t now_compact, std::uint32_t last_sr, std::uint32_t delay_since_last_sr) {
  const std::uint32_t rtt = now_compact - last_sr - delay_since_last_sr;
  return static_cast<std::int32_t>(rtt) < 0 ? Duration(0) : FromCompact(rtt);
}

}  // namespace jb::rtcp
