// SPDX-License-Identifier: Apache-2.0
// Says whether the path is overused, by comparing the trend of the delay with a threshold that adapts to the
// path's noise (draft-ietf-rmcat-gcc-02 section 5.4). Value type.
#pragma once

#include <optional>

#include "base/time.h"

namespace jb::media {

enum class BandwidthUsage : std::uint8_t { kNormal, kOverusing, kUnderusing };

class OveruseDetector {
 public:
  static constexpr double kUp = 0.0087, kDown = 0.039;               // per ms; gains of the threshold
  static constexpr double kInitialThreshold = 12.5;                  // ms, section 5.4
  static constexpr double kMinThreshold = 6, kMaxThreshold = 600;    // ms
  static constexpr Duration kOverusingTime = std::chrono::milliseconds(10);  // longer than a glitch
  static constexpr double kMaxAdaptOffset = 15;                      // ms; a spike beyond it is no noise to adapt to

  BandwidthUsage HandleTrend(double modified_trend, Duration since_last_group, Time arrived_at);
  BandwidthUsage usage() const { return usage_; }
  double threshold() const { return threshold_; }
  void Reset() { *this = OveruseDetector(); }

 private:
  void Adapt(double modified_trend, Time arrived_at);

  double threshold_ = kInitialThreshold;
  double last_trend_ = 0;
  std::optional<Duration> overusing_for_;
  int overusing_groups_ = 0;
  std::optional<Time> adapted_at_;
  BandwidthUsage usage_ = BandwidthUsage::kNormal;
};

}  // namespace jb::media
