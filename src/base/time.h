// SPDX-License-Identifier: Apache-2.0
// Time as cores see it: monotonic, given by the caller, never read. io/clock.h has the only now().
#pragma once

#include <chrono>
#include <cstdint>

namespace jb {

struct CoreClock {
  using duration = std::chrono::microseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<CoreClock>;
  static constexpr bool is_steady = true;
  // Deliberately no now(): calling it must not compile.
};
using Time = CoreClock::time_point;
using Duration = CoreClock::duration;

// Microseconds since 1970-01-01 UTC, for what leaves the machine (NTP, JSON, token expiry).
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

inline constexpr Time kNever = Time::max();

inline constexpr std::int64_t ToMs(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}
inline constexpr double ToSeconds(Duration d) { return std::chrono::duration<double>(d).count(); }

}  // namespace jb
