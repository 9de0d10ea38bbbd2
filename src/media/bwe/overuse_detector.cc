// SPDX-License-Identifier: Apache-2.0
#include "media/bwe/overuse_detector.h"

#include <algorithm>
#include <cmath>

namespace jb::media {

BandwidthUsage OveruseDetector::HandleTrend(double modified_trend, Duration since_last_group, Time arrived_at) {
  if (modified_trend > threshold_) {
    // The first group above counts half: the line may have been crossed anywhere since the one before.
    overusing_for_ = overusing_for_ ? *overusing_for_ + since_last_group : since_last_group / 2;
    ++overusing_groups_;
    if (*overusing_for_ > kOverusingTime && overusing_groups_ > 1 && modified_trend >= last_trend_) {
      overusing_for_ = Duration(0);
      overusing_groups_ = 0;
      usage_ = BandwidthUsage::kOverusing;
    }
  } else {
    overusing_for_.reset();
    overusing_groups_ = 0;
    usage_ = modified_trend < -threshold_ ? BandwidthUsage::kUnderusing : BandwidthUsage::kNormal;
  }
  last_trend_ = modified_trend;
  Adapt(modified_trend, arrived_at);
  return usage_;
}

void OveruseDetector::Adapt(double modified_trend, Time arrived_at) {
  const double size = std::fabs(modified_trend);
  if (!adapted_at_) adapted_at_ = arrived_at;
  if (size <= threshold_ + kMaxAdaptOffset) {
    const double gain = size < threshold_ ? kDown : kUp;
    const double elapsed_ms = std::clamp(static_cast<double>((arrived_at - *adapted_at_).count()) / 1000, 0.0, 100.0);
    threshold_ = std::clamp(threshold_ + gain * (size - threshold_) * elapsed_ms, kMinThreshold, kMaxThreshold);
  }
  adapted_at_ = arrived_at;
}

}  // namespace jb::media
