// SPDX-License-Identifier: Apache-2.0
// Is the queue of the path growing? Fits a line through the last delays by least squares; its slope is how much
// delay grows per time (Carlucci et al., "Congestion Control for Web Real-Time Communication", IEEE/ACM ToN 2017,
// with the line that libwebrtc uses in place of the Kalman filter). Value type, no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "media/bwe/inter_arrival.h"

namespace jb::media {

class TrendlineEstimator {
 public:
  static constexpr std::size_t kWindow = 20;      // groups of packets
  static constexpr double kSmoothing = 0.9;       // weight of the past in the smoothed delay
  static constexpr double kThresholdGain = 4.0;   // scales the slope so that thresholds are about milliseconds
  static constexpr int kMaxDeltas = 60;           // the slope of few groups counts less

  // The modified trend, to be compared with the detector's threshold; nullopt before two groups.
  std::optional<double> HandleDeltas(const InterArrival::Deltas& deltas);
  // Delay growth per time: 0.1 means 100 ms more queue after a second.
  double slope() const { return slope_; }
  void Reset() { *this = TrendlineEstimator(); }

 private:
  struct Point {
    double arrival_ms = 0;
    double delay_ms = 0;
  };
  void FitLine();

  std::array<Point, kWindow> points_{};  // ring, `next_` is the oldest once full
  std::size_t next_ = 0, size_ = 0;
  int deltas_ = 0;
  std::optional<Time> first_arrival_;
  double accumulated_ms_ = 0, smoothed_ms_ = 0;
  double slope_ = 0;
};

}  // namespace jb::media
