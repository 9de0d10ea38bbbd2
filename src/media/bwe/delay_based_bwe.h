// SPDX-License-Identifier: Apache-2.0
// The bitrate at which no queue grows on the path: delay-based control of Google Congestion Control
// (draft-ietf-rmcat-gcc-02 section 5), and what it lacks for a sender without a pacer: a queue that has been built
// up is emptied at once, by sending less than arrives until it is gone.
// Sans-IO, single-threaded, no allocation.
#pragma once

#include <optional>

#include "media/bwe/acknowledged_bitrate_estimator.h"
#include "media/bwe/aimd_rate_control.h"
#include "media/bwe/feedback_adapter.h"
#include "media/bwe/inter_arrival.h"
#include "media/bwe/overuse_detector.h"
#include "media/bwe/queueing_delay.h"
#include "media/bwe/trendline_estimator.h"

namespace jb::media {

class DelayBasedBwe {
 public:
  // A trend alone may be noise; with so much of a queue it is overuse.
  static constexpr Duration kMinQueue = std::chrono::milliseconds(15);
  // Less than so much of what the path is believed to carry fills no queue, unless the path has become another one: then the
  // queue is soon long. A short one is a receiver that was slow to read.
  static constexpr double kLimited = 0.85;
  // So much is overuse without waiting for the trend.
  static constexpr Duration kLongQueue = std::chrono::milliseconds(80);
  // A longer queue than this is drained; a shorter one goes by itself, since beta leaves room.
  static constexpr Duration kDrainFrom = std::chrono::milliseconds(60);
  static constexpr Duration kDrainedAt = std::chrono::milliseconds(25);
  // A queue of so much, or more, is drained with all that there is but the least.
  static constexpr Duration kFullDrain = std::chrono::milliseconds(300);
  // A queue that does not go away while we send little is not ours.
  static constexpr Duration kMaxDrain = std::chrono::milliseconds(1500);

  void HandleFeedback(const FeedbackResult& feedback, Time now);
  // A probe found room.
  void Raise(std::uint64_t bitrate_bps, Time now) { rate_.Raise(bitrate_bps, now); }
  void Lower(std::uint64_t bitrate_bps) { rate_.Lower(bitrate_bps); }

  // What may be sent in the long run, and what may be sent now: less while a queue is drained.
  std::uint64_t bitrate_bps() const { return rate_.bitrate_bps(); }
  std::uint64_t target_bps() const;
  // So long a queue takes seconds to go by smoothness alone: the picture has to become smaller, too.
  static constexpr Duration kVeryLongQueue = std::chrono::milliseconds(200);
  // But one large frame of a low frame rate may make such a queue, and be gone before the next.
  static constexpr Duration kOneFrame = std::chrono::milliseconds(250);
  bool draining_hard(Time now) const {
    return draining() && now - *draining_since_ >= kOneFrame && queue_.standing() > kVeryLongQueue;
  }
  bool draining() const { return draining_since_.has_value(); }
  BandwidthUsage usage() const { return usage_; }
  Duration queueing_delay() const { return queue_.standing(); }
  std::optional<std::uint64_t> acknowledged_bps() const { return acknowledged_.bitrate_bps(); }
  Duration round_trip() const { return round_trip_; }
  std::optional<Time> last_decrease() const { return rate_.last_decrease(); }

 private:
  void HandlePackets(const FeedbackResult& feedback);
  BandwidthUsage JudgeUsage();
  bool IsApplicationLimited() const;
  std::optional<std::uint64_t> DeliveredNow() const;
  void UpdateDrain(bool overusing, Time now);

  InterArrival inter_arrival_;
  TrendlineEstimator trendline_;
  OveruseDetector detector_;
  QueueingDelay queue_;
  AcknowledgedBitrateEstimator acknowledged_;
  AimdRateControl rate_;
  double arriving_ = 1;  // share of what is sent
  BandwidthUsage usage_ = BandwidthUsage::kNormal;
  Duration round_trip_ = std::chrono::milliseconds(200);  // until one is measured
  std::optional<Time> draining_since_;
  Duration drained_from_{};  // the queue when it began
  Duration queue_before_{};  // as of the feedback before
};

}  // namespace jb::media
