// SPDX-License-Identifier: Apache-2.0
#include "media/bwe/aimd_rate_control.h"

#include <algorithm>
#include <cmath>

namespace jb::media {
namespace {

constexpr double kAverageWeight = 0.05;     // of a new capacity in the average; section 5.5: smoothing 0.95
constexpr double kMinDeviation = 400;       // of the normalized deviation
constexpr double kMaxDeviation = 2500;
constexpr double kNear = 3;                 // standard deviations
constexpr double kPacketBits = 1200 * 8;    // one packet more per response time, near the capacity
constexpr double kMinAdditiveBps = 4000;    // per second
constexpr double kResponseExtra_s = 0.1;    // what feedback takes beyond the round trip
constexpr double kMaxElapsed_s = 1;         // what was not asked for longer is not made up for
constexpr std::uint64_t kSlackBps = 10'000;  // so that little traffic can grow

std::uint64_t Rounded(double bps) { return static_cast<std::uint64_t>(std::llround(std::max(0.0, bps))); }

}  // namespace

std::optional<std::uint64_t> AimdRateControl::capacity_bps() const {
  if (!capacity_) return std::nullopt;
  return Rounded(*capacity_);
}

void AimdRateControl::Update(BandwidthUsage usage, std::optional<std::uint64_t> acknowledged_bps, Duration round_trip,
                             Time now) {
  const Duration elapsed = now - last_update_.value_or(now);
  last_update_ = now;
  switch (usage) {
    case BandwidthUsage::kOverusing:
      Decrease(acknowledged_bps.value_or(bitrate_), now);
      break;
    case BandwidthUsage::kUnderusing: break;  // the queue drains; wait
    case BandwidthUsage::kNormal: Increase(acknowledged_bps, round_trip, elapsed); break;
  }
  bitrate_ = std::max(bitrate_, kMinBitrateBps);
}

void AimdRateControl::Decrease(std::uint64_t acknowledged_bps, Time now) {
  const auto acknowledged = static_cast<double>(acknowledged_bps);
  // A capacity far below what was believed is another path, not noise.
  if (capacity_ && acknowledged < *capacity_ - kNear * std::sqrt(deviation_ * *capacity_)) capacity_.reset();
  NoteCapacity(acknowledged);
  bitrate_ = std::min(bitrate_, Rounded(kBeta * acknowledged));
  last_decrease_ = now;
}

void AimdRateControl::Increase(std::optional<std::uint64_t> acknowledged_bps, Duration round_trip, Duration elapsed) {
  const double seconds = std::min(ToSeconds(elapsed), kMaxElapsed_s);
  const auto now_bps = static_cast<double>(bitrate_);
  if (acknowledged_bps && capacity_) {
    const bool above = static_cast<double>(*acknowledged_bps) > *capacity_ + kNear * std::sqrt(deviation_ * *capacity_);
    if (above) capacity_.reset();
  }
  double increased = 0;
  if (IsNearCapacity(acknowledged_bps.value_or(bitrate_))) {
    const double response_s = ToSeconds(round_trip) + kResponseExtra_s;
    increased = now_bps + seconds * std::max(kMinAdditiveBps, kPacketBits / response_s);
  } else {
    increased = now_bps * std::pow(kIncreasePerSecond, seconds);
  }
  if (acknowledged_bps) {
    const double limit = kMaxOverAcknowledged * static_cast<double>(*acknowledged_bps) + static_cast<double>(kSlackBps);
    increased = std::min(increased, limit);
  }
  bitrate_ = std::max(bitrate_, Rounded(increased));
}

void AimdRateControl::Raise(std::uint64_t bitrate_bps, Time now) {
  if (bitrate_bps <= bitrate_) return;
  bitrate_ = bitrate_bps;
  last_update_ = now;
  if (capacity_ && static_cast<double>(bitrate_bps) > *capacity_) capacity_.reset();
}

void AimdRateControl::Lower(std::uint64_t bitrate_bps) {
  bitrate_ = std::max(kMinBitrateBps, std::min(bitrate_, bitrate_bps));
}

void AimdRateControl::NoteCapacity(double bps) {
  if (!capacity_) {
    capacity_ = bps;
    deviation_ = kInitialDeviation;
    return;
  }
  capacity_ = *capacity_ + kAverageWeight * (bps - *capacity_);
  const double error = *capacity_ - bps;
  const double normalized = error * error / std::max(1.0, *capacity_);
  deviation_ = std::clamp(deviation_ + kAverageWeight * (normalized - deviation_), kMinDeviation, kMaxDeviation);
}

bool AimdRateControl::IsNearCapacity(std::uint64_t bps) const {
  if (!capacity_) return false;
  const double reach = kNear * std::sqrt(deviation_ * *capacity_);
  return std::fabs(static_cast<double>(bps) - *capacity_) <= reach;
}

}  // namespace jb::media
