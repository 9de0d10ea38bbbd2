// SPDX-License-Identifier: Apache-2.0
// How much one path to a receiver carries, seen from the sender: the parts of this folder put together. Feedback
// on arrivals (transport-cc) is the source; where it was not negotiated the receiver's own estimate (REMB) is.
// Does not send, pace or choose layers. Sans-IO, single-threaded; one mutation, then PollPadding until 0, then
// NextDeadline. Allocates nothing once the history has grown to what the rate needs.
#pragma once

#include <cstdint>
#include <optional>

#include "media/bwe/delay_based_bwe.h"
#include "media/bwe/feedback_adapter.h"
#include "media/bwe/loss_based_bwe.h"
#include "media/bwe/probe_bitrate_estimator.h"
#include "media/bwe/probe_controller.h"
#include "media/bwe/rate_meter.h"
#include "media/bwe/sent_packet_history.h"
#include "proto/rtcp/twcc.h"

namespace jb::media {

enum class FeedbackKind : std::uint8_t { kTransportWide, kRemb };

class BandwidthEstimator {
 public:
  // Packets are on their way and nothing is heard: less is sent, step by step (RFC 8083 in spirit).
  static constexpr Duration kSilence = std::chrono::milliseconds(1000);
  static constexpr Duration kSilenceStep = std::chrono::milliseconds(500);
  static constexpr double kSilenceFactor = 0.7;
  // Of the estimate, until the first feedback: nothing is known of the path yet.
  static constexpr double kUnproven = 0.5;
  // What was measured so long ago, and not used since, is a guess again.
  static constexpr Duration kStale = std::chrono::seconds(30);

  BandwidthEstimator(FeedbackKind kind, std::uint16_t first_sequence);
  FeedbackKind kind() const { return kind_; }

  // A packet leaves; its transport-wide number.
  std::uint16_t HandleSent(std::size_t bytes, Time now);
  // One without a number: audio, RTCP.
  void HandleUntrackedSent(std::size_t bytes) { history_.AddUntracked(bytes); }
  void HandleFeedback(const rtcp::TransportFeedback& feedback, Time now);
  void HandleRemb(std::uint64_t bitrate_bps, Time now);

  // What would be sent if it fitted, with everything: decides how far to probe.
  void SetUsefulBitrate(std::uint64_t bps, Time now);

  std::optional<Time> NextDeadline() const;
  void HandleTimeout(Time now);
  // Bytes of a padding packet that is to be sent now, through HandleSent as all others; 0: none.
  std::size_t PollPadding(Time now);

  // What may be sent now, in all.
  std::uint64_t target_bps() const;
  // What the path is believed to carry.
  std::uint64_t estimate_bps() const;
  // Whether the receiver has ever answered.
  bool heard() const { return heard_; }
  // Whether the path has ever shown that it carries no more: by a queue, by loss, by silence. Until then the estimate only
  // says how far we have looked.
  bool met_limit() const { return met_limit_; }
  const DelayBasedBwe& delay_based() const { return delay_; }
  const LossBasedBwe& loss_based() const { return loss_; }
  std::uint64_t probes() const { return probes_.clusters(); }
  std::uint64_t feedback_lost() const { return adapter_.feedback_lost(); }

 private:
  void HandleProbeResults(const FeedbackResult& feedback, Time now);
  void HandleSilence(Time now);
  void NoteUse(Time now);
  void UpdateProbes(Time now) { probes_.SetBitrates(estimate_bps(), useful_, now); }

  FeedbackKind kind_;
  SentPacketHistory history_;
  FeedbackAdapter adapter_;
  DelayBasedBwe delay_;
  LossBasedBwe loss_;
  ProbeController probes_;
  ProbeBitrateEstimator probe_results_;
  std::uint64_t useful_ = 0;
  std::optional<std::uint64_t> remb_;
  bool heard_ = false;  // any feedback
  bool met_limit_ = false;
  Time last_sent_at_{};
  Time silence_step_at_ = kNever;  // kNever: the receiver owes us no feedback
  Time confirmed_at_ = Time::min();  // when the estimate was last used or measured
};

}  // namespace jb::media
