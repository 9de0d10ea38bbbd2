// SPDX-License-Identifier: Apache-2.0
// Turns the signals of the overuse detector into a bitrate: additive or multiplicative increase, multiplicative
// decrease (draft-ietf-rmcat-gcc-02 section 5.5). Value type, no allocation.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "media/bwe/overuse_detector.h"

namespace jb::media {

inline constexpr std::uint64_t kStartBitrateBps = 600'000;
inline constexpr std::uint64_t kMinBitrateBps = 30'000;

class AimdRateControl {
 public:
  static constexpr double kBeta = 0.85;             // of what arrived, after overuse; section 5.5
  static constexpr double kIncreasePerSecond = 1.08;  // far from the capacity
  // The estimate grows no further above what arrives. libwebrtc has 1.5; what is layered stays at one rate for
  // minutes, and a guess that far above it would be tried out again and again. Probes go further.
  static constexpr double kMaxOverAcknowledged = 1.2;

  // `acknowledged_bps`: what arrives now, nullopt when nobody knows.
  void Update(BandwidthUsage usage, std::optional<std::uint64_t> acknowledged_bps, Duration round_trip, Time now);
  // A probe measured more.
  void Raise(std::uint64_t bitrate_bps, Time now);
  // Other reasons to send less.
  void Lower(std::uint64_t bitrate_bps);

  std::uint64_t bitrate_bps() const { return bitrate_; }
  // What the path carried when it was last overused.
  std::optional<std::uint64_t> capacity_bps() const;
  std::optional<Time> last_decrease() const { return last_decrease_; }

 private:
  void Decrease(std::uint64_t acknowledged_bps, Time now);
  void Increase(std::optional<std::uint64_t> acknowledged_bps, Duration round_trip, Duration elapsed);
  void NoteCapacity(double bps);
  bool IsNearCapacity(std::uint64_t bps) const;

  std::uint64_t bitrate_ = kStartBitrateBps;
  std::optional<double> capacity_;  // moving average, bps
  double deviation_ = kInitialDeviation;  // squared difference over capacity
  std::optional<Time> last_update_, last_decrease_;

  static constexpr double kInitialDeviation = 400;  // bps
};

}  // namespace jb::media
