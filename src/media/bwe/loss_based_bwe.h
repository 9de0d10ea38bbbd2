// SPDX-License-Identifier: Apache-2.0
// A bound on the bitrate from the losses that transport-wide feedback reports, which are those of this link alone
// (receiver reports also count what never reached us). Where a queue is short or a policer cuts, overuse shows as
// loss only. Loss that does not go away when less is sent is the link's own, and no reason to send less: it is
// learned, and only what exceeds it counts.
// Value type, no allocation.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "media/bwe/feedback_adapter.h"

namespace jb::media {

class LossBasedBwe {
 public:
  static constexpr double kHigh = 0.10;  // draft-ietf-rmcat-gcc-02 section 6: above, less is sent
  static constexpr double kLow = 0.02;   // below, more
  static constexpr Duration kInterval = std::chrono::milliseconds(1000);
  static constexpr std::uint32_t kMinPackets = 20;  // in an interval; fewer make no percentage
  static constexpr double kDecrease = 0.9;          // of what arrives
  static constexpr double kMostAtOnce = 0.5;        // of the bound: while a burst is lost, what arrives says little
  static constexpr double kIncrease = 1.08;         // section 6

  // `target_bps`: what the other parts allow; a bound above it is lifted.
  void HandleFeedback(const FeedbackResult& feedback, std::optional<std::uint64_t> acknowledged_bps,
                      std::uint64_t target_bps, Time now);
  // What was lost lately, and what is reported now, says nothing about the bound.
  void SkipInterval() {
    interval_began_.reset();
    lost_ = received_ = 0;
  }
  // A probe went through.
  void Raise(std::uint64_t bitrate_bps);

  std::optional<std::uint64_t> bound_bps() const { return bound_; }
  double loss() const { return loss_; }                    // of the last interval
  double inherent_loss() const { return inherent_loss_; }  // what the link loses however little is sent

 private:
  void JudgeInterval(std::optional<std::uint64_t> acknowledged_bps, std::uint64_t target_bps);

  std::optional<Time> interval_began_;
  std::uint32_t lost_ = 0, received_ = 0;
  double loss_ = 0, inherent_loss_ = 0;
  double uncertainty_ = 0;  // of loss_
  std::optional<std::uint64_t> bound_;
  struct Trial {  // less is sent to see whether it helps
    double loss_before = 0;
    std::optional<std::uint64_t> bound_before;
    int intervals = 0;
  };
  std::optional<Trial> trial_;
};

}  // namespace jb::media
