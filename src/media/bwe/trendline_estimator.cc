// SPDX-License-Identifier: Apache-2.0
#include "media/bwe/trendline_estimator.h"

#include <algorithm>

namespace jb::media {

std::optional<double> TrendlineEstimator::HandleDeltas(const InterArrival::Deltas& deltas) {
  if (!first_arrival_) first_arrival_ = deltas.arrived_at;
  deltas_ = std::min(deltas_ + 1, kMaxDeltas);
  accumulated_ms_ += static_cast<double>(deltas.variation().count()) / 1000;
  smoothed_ms_ = kSmoothing * smoothed_ms_ + (1 - kSmoothing) * accumulated_ms_;
  points_[next_] = {static_cast<double>((deltas.arrived_at - *first_arrival_).count()) / 1000, smoothed_ms_};
  next_ = (next_ + 1) % kWindow;
  size_ = std::min(size_ + 1, kWindow);
  if (size_ < 2) return std::nullopt;
  FitLine();
  return deltas_ * slope_ * kThresholdGain;
}

void TrendlineEstimator::FitLine() {
  double mean_x = 0, mean_y = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    mean_x += points_[i].arrival_ms;
    mean_y += points_[i].delay_ms;
  }
  mean_x /= static_cast<double>(size_);
  mean_y /= static_cast<double>(size_);
  double numerator = 0, denominator = 0;
  for (std::size_t i = 0; i < size_; ++i) {
    const double dx = points_[i].arrival_ms - mean_x;
    numerator += dx * (points_[i].delay_ms - mean_y);
    denominator += dx * dx;
  }
  if (denominator > 0) slope_ = numerator / denominator;
}

}  // namespace jb::media
