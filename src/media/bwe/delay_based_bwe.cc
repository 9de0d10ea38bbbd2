// SPDX-License-Identifier: Apache-2.0
#include "media/bwe/delay_based_bwe.h"

#include <algorithm>
#include <utility>

namespace jb::media {
namespace {

constexpr Duration kGrowth = std::chrono::milliseconds(5);  // of the queue between two feedbacks: more than noise
constexpr double kArrivingWeight = 0.02;  // of one packet
constexpr double kMinDrainShare = 0.2;  // of the capacity: audio and the smallest picture go on

}  // namespace

void DelayBasedBwe::HandlePackets(const FeedbackResult& feedback) {
  if (feedback.discontinuous) {
    inter_arrival_.Reset();
    trendline_.Reset();
    acknowledged_.HandleGap();
  }
  for (std::uint32_t i = 0; i < feedback.lost; ++i) arriving_ -= kArrivingWeight * arriving_;
  for (const PacketResult& packet : feedback.received) {
    arriving_ += kArrivingWeight * (1 - arriving_);
    acknowledged_.HandlePacket(packet.size + packet.untracked_size, packet.arrived_at);
    queue_.HandlePacket(packet.sent_at, packet.arrived_at);
    const auto deltas = inter_arrival_.HandlePacket(packet);
    if (!deltas) continue;
    const auto trend = trendline_.HandleDeltas(*deltas);
    if (trend) detector_.HandleTrend(*trend, deltas->send, deltas->arrived_at);
  }
}

BandwidthUsage DelayBasedBwe::JudgeUsage() {
  const Duration queue = queue_.standing();
  // A group is judged when the next one arrives. On a link that has become slow one picture takes as long as several did.
  const Duration before = std::exchange(queue_before_, queue);
  const bool grows = queue > before + kGrowth || trendline_.slope() > 0;
  if (queue > kLongQueue && grows) return BandwidthUsage::kOverusing;
  const BandwidthUsage usage = detector_.usage();
  if (usage != BandwidthUsage::kOverusing) return usage;
  // The trend is of a while ago; the queue that it saw grow is being emptied.
  if (queue + kGrowth < before) return BandwidthUsage::kNormal;
  return queue > (IsApplicationLimited() ? kLongQueue : kMinQueue) ? usage : BandwidthUsage::kNormal;
}

bool DelayBasedBwe::IsApplicationLimited() const {
  const auto arrives = acknowledged_.bitrate_bps();
  return arrives && static_cast<double>(*arrives) < arriving_ * kLimited * static_cast<double>(rate_.bitrate_bps());
}

// While the queue grows, what arrives is what the path carries; the short window holds nothing of before.
std::optional<std::uint64_t> DelayBasedBwe::DeliveredNow() const {
  const auto now = acknowledged_.short_bitrate_bps();
  return now ? now : acknowledged_.bitrate_bps();
}

void DelayBasedBwe::HandleFeedback(const FeedbackResult& feedback, Time now) {
  if (feedback.received.empty()) return;
  if (feedback.round_trip) round_trip_ = *feedback.round_trip;
  HandlePackets(feedback);
  usage_ = JudgeUsage();
  const bool overusing = usage_ == BandwidthUsage::kOverusing;
  if (overusing) {
    // What was changed a moment ago cannot be seen yet; and what is being drained, a key frame perhaps, says no more of the
    // path than when it was met.
    const auto last = rate_.last_decrease();
    const bool is_known = draining() && queue_.standing() <= drained_from_;
    if (!is_known && (!last || now - *last >= round_trip_)) rate_.Update(usage_, DeliveredNow(), round_trip_, now);
  } else {
    rate_.Update(draining() ? BandwidthUsage::kUnderusing : usage_, acknowledged_.bitrate_bps(), round_trip_, now);
  }
  UpdateDrain(overusing, now);
}

void DelayBasedBwe::UpdateDrain(bool overusing, Time now) {
  const Duration queue = queue_.standing();
  if (!draining_since_) {
    if (!overusing || queue < kDrainFrom) return;
    draining_since_ = now;
    drained_from_ = queue;
    return;
  }
  drained_from_ = std::max(drained_from_, queue);
  if (queue <= kDrainedAt) {
    draining_since_.reset();
  } else if (now - *draining_since_ > kMaxDrain + drained_from_) {
    draining_since_.reset();
    if (queue > drained_from_ * 4 / 5) queue_.Rebase();
  }
}

std::uint64_t DelayBasedBwe::target_bps() const {
  if (!draining_since_) return rate_.bitrate_bps();
  const double waiting = ToSeconds(queue_.standing()) / ToSeconds(kFullDrain);
  const double share = std::clamp(1 - waiting, kMinDrainShare, 1.0);
  return std::max(kMinBitrateBps, static_cast<std::uint64_t>(share * static_cast<double>(rate_.bitrate_bps())));
}

}  // namespace jb::media
