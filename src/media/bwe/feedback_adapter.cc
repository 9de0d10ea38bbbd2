// SPDX-License-Identifier: Apache-2.0
#include "media/bwe/feedback_adapter.h"

#include <algorithm>
#include <utility>

namespace jb::media {

// The reference time on our line. The 24 bits wrap every 12 days, so the nearest value is taken; when that is not
// near our clock, the line begins anew.
Time FeedbackAdapter::ReferenceTime(const rtcp::TransportFeedback& feedback, Time now, bool& jumped) {
  const std::int32_t units = feedback.reference_units();
  const std::int32_t ahead = static_cast<std::int32_t>(
      (static_cast<std::uint32_t>(units) - static_cast<std::uint32_t>(last_reference_.value_or(units))) << 8);
  reference_at_ += (ahead >> 8) * rtcp::kTwccReferenceUnit;
  const bool near = last_reference_ && reference_at_ - now < kMaxClockError && now - reference_at_ < kMaxClockError;
  if (!near) {
    jumped = last_reference_.has_value();
    reference_at_ = now;
  }
  last_reference_ = units;
  return reference_at_;
}

// Feedback packets are counted by 8 bits. One that is repeated or came late is no gap.
bool FeedbackAdapter::IsGap(std::uint8_t feedback_count) {
  const auto before = std::exchange(last_count_, feedback_count);
  if (!before) return false;
  const auto ahead = static_cast<std::int8_t>(static_cast<std::uint8_t>(feedback_count - *before));
  if (ahead < 1) {
    last_count_ = before;
    return false;
  }
  feedback_lost_ += static_cast<std::uint64_t>(ahead - 1);
  return ahead > 1;
}

FeedbackResult FeedbackAdapter::Handle(const rtcp::TransportFeedback& feedback, SentPacketHistory& history, Time now) {
  FeedbackResult out;
  received_.clear();
  bool jumped = false;
  const Time reference = ReferenceTime(feedback, now, jumped);
  out.discontinuous = IsGap(feedback.feedback_count()) || jumped;
  const Duration reference_offset = feedback.reference_units() * rtcp::kTwccReferenceUnit;
  Time newest_sent = Time::min();
  feedback.ForEach([&](rtp::SeqNum number, std::optional<Duration> arrival) {
    SentPacket* packet = history.Find(number.value());
    if (!packet || packet->status == SentStatus::kReceived) return;
    if (!arrival) {
      if (packet->status == SentStatus::kInFlight) ++out.lost;
      packet->status = SentStatus::kLost;
      return;
    }
    if (packet->status == SentStatus::kLost) ++out.recanted;
    packet->status = SentStatus::kReceived;
    newest_sent = std::max(newest_sent, packet->sent_at);
    received_.push_back({packet->sent_at, reference + (*arrival - reference_offset), packet->size,
                         packet->untracked_size, packet->probe_cluster});
  });
  // A packet that overtook another is reported before it.
  std::sort(received_.begin(), received_.end(), [](const PacketResult& a, const PacketResult& b) {
    return std::pair(a.arrived_at, a.sent_at) < std::pair(b.arrived_at, b.sent_at);
  });
  out.received = received_;
  if (!received_.empty()) out.round_trip = std::max(Duration(0), now - newest_sent);
  return out;
}

}  // namespace jb::media
