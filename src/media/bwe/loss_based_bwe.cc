// SPDX-License-Identifier: Apache-2.0
#include "media/bwe/loss_based_bwe.h"

#include <algorithm>
#include <cmath>

#include "media/bwe/aimd_rate_control.h"

namespace jb::media {
namespace {

constexpr int kTrialIntervals = 2;         // the first still has packets of before
constexpr double kHelped = 0.5;            // sending less helped when at least so much of the excess is gone
constexpr double kStandardErrors = 2;      // of a share among few packets: less than that may be chance
constexpr double kInherentWeight = 0.05;   // of a new low in the link's own loss: bursts leave it alone for a while

std::uint64_t Scaled(std::uint64_t bps, double by) {
  return static_cast<std::uint64_t>(static_cast<double>(bps) * by);
}

}  // namespace

void LossBasedBwe::HandleFeedback(const FeedbackResult& feedback, std::optional<std::uint64_t> acknowledged_bps,
                                  std::uint64_t target_bps, Time now) {
  if (!interval_began_) interval_began_ = now;
  lost_ += feedback.lost;
  lost_ -= std::min(lost_, feedback.recanted);
  received_ += static_cast<std::uint32_t>(feedback.received.size());
  if (now - *interval_began_ < kInterval || lost_ + received_ < kMinPackets) return;
  const double packets = lost_ + received_;
  loss_ = lost_ / packets;
  uncertainty_ = kStandardErrors * std::sqrt(loss_ * (1 - loss_) / packets);
  interval_began_ = now;
  lost_ = received_ = 0;
  JudgeInterval(acknowledged_bps, target_bps);
}

void LossBasedBwe::JudgeInterval(std::optional<std::uint64_t> acknowledged_bps, std::uint64_t target_bps) {
  const double excess = loss_ - inherent_loss_;
  if (excess < 0) inherent_loss_ += kInherentWeight * excess;
  if (trial_ && ++trial_->intervals >= kTrialIntervals) {
    const bool helped = excess < (1 - kHelped) * (trial_->loss_before - inherent_loss_);
    if (!helped) {
      inherent_loss_ = std::max(inherent_loss_, std::min(loss_, trial_->loss_before));
      bound_ = trial_->bound_before;
    }
    trial_.reset();
    return;
  }
  if (trial_) return;
  if (excess - uncertainty_ > std::max(kHigh, inherent_loss_)) {
    trial_ = Trial{loss_, bound_, 0};
    const std::uint64_t before = bound_.value_or(target_bps);
    const std::uint64_t arrives = std::min(acknowledged_bps.value_or(target_bps), before);
    bound_ = std::max({kMinBitrateBps, Scaled(arrives, kDecrease), Scaled(before, kMostAtOnce)});
  } else if (excess < kLow && bound_) {
    bound_ = Scaled(*bound_, kIncrease);
    if (*bound_ >= target_bps) bound_.reset();
  }
}

void LossBasedBwe::Raise(std::uint64_t bitrate_bps) {
  if (!bound_) return;
  if (bitrate_bps > *bound_) bound_ = bitrate_bps;
}

}  // namespace jb::media
