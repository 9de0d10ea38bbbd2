// SPDX-License-Identifier: Apache-2.0
// Turns transport-wide feedback into what became of each packet: when it was sent and when it arrived, and which
// are lost. Undoes the wrap of numbers and of the reference time; a packet counts once, however often it is
// reported. Whatever a peer claims, memory and arithmetic stay bounded: only numbers that were sent count, and
// arrival times that leave the neighbourhood of our clock begin a new time line.
// Sans-IO, single-threaded; allocates nothing once its list has grown.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/time.h"
#include "media/bwe/sent_packet_history.h"
#include "proto/rtcp/twcc.h"

namespace jb::media {

// A packet that arrived.
struct PacketResult {
  Time sent_at{};
  Time arrived_at{};  // on the receiver's clock, moved so that it runs near ours: only differences mean anything
  std::uint32_t size = 0;
  std::uint32_t untracked_size = 0;
  ProbeClusterId probe_cluster = 0;
};

struct FeedbackResult {
  std::span<const PacketResult> received;  // in order of arrival; borrowed until the next feedback
  std::uint32_t lost = 0;                  // reported missing for the first time
  std::uint32_t recanted = 0;              // of `received`: reported missing before, and only late
  // What came before cannot be compared with what comes now: feedback was lost, or the clock jumped.
  bool discontinuous = false;
  std::optional<Duration> round_trip;  // of the newest packet, the receiver's waiting time included
};

class FeedbackAdapter {
 public:
  // Farther from where it ran is another clock, or a lie.
  static constexpr Duration kMaxClockError = std::chrono::seconds(10);

  FeedbackResult Handle(const rtcp::TransportFeedback& feedback, SentPacketHistory& history, Time now);

  std::uint64_t feedback_lost() const { return feedback_lost_; }

 private:
  Time ReferenceTime(const rtcp::TransportFeedback& feedback, Time now, bool& jumped);
  bool IsGap(std::uint8_t feedback_count);

  std::vector<PacketResult> received_;
  std::optional<std::int32_t> last_reference_;  // 24 bits as on the wire
  Time reference_at_{};                         // where it lies on our time line
  std::optional<std::uint8_t> last_count_;
  std::uint64_t feedback_lost_ = 0;
};

}  // namespace jb::media
