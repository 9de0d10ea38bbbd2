// SPDX-License-Identifier: Apache-2.0
// The link to one receiver, as far as its bandwidth goes: estimates it, shares it out over the videos on it, and
// probes it with the probation stream (mediasoup's: SSRC 1234, payload type 127, mid "probator").
// Does not send: it fills packets that its transport sends. Owned by the transport, from the first video consumer
// that negotiated feedback on. Sans-IO, single-threaded; nothing is allocated per packet.
#pragma once

#include <optional>
#include <vector>

#include "media/bwe/bandwidth_estimator.h"
#include "media/bwe/layer_allocator.h"
#include "media/bwe/link_budget.h"
#include "proto/rtp/header_layout.h"
#include "sfu/context.h"

namespace jb::sfu {

class Consumer;
struct RtpParameters;

// What of bandwidth feedback a consumer negotiated; nullopt: none, and its layers are left alone.
std::optional<media::FeedbackKind> NegotiatedFeedback(const RtpParameters& parameters);

class Bandwidth {
 public:
  static constexpr std::uint32_t kProbationSsrc = 1234;  // what mediasoup-client announces (sfu-contract section 6)
  static constexpr Duration kAllocateEvery = std::chrono::milliseconds(100);
  // Until the key frame of a size that just fits has passed.
  static constexpr Duration kKeyFrameTime = std::chrono::milliseconds(1500);

  Bandwidth(Context& context, media::FeedbackKind kind, std::uint16_t first_sequence);

  void AddConsumer(Consumer& consumer, Time now);  // of video
  void RemoveConsumer(Consumer& consumer);

  // --- what is sent ---
  // A video packet of `size` bytes, in any stream; its transport-wide number.
  std::uint16_t HandleVideoSent(std::size_t size, Time now);
  void HandleResent(std::size_t size, Time now) { budget_.HandleResent(size, now); }
  std::size_t RoomToResend(Time now) { return budget_.RoomToResend(estimator_, now); }
  void HandleAudioSent(std::size_t size, Time now);

  // --- what is heard ---
  void HandleFeedback(const rtcp::TransportFeedback& feedback, Time now);
  void HandleRemb(std::uint64_t bitrate_bps, Time now);

  // Shares the link out: now and then, and when something else is wanted of it.
  void Allocate(Time now);

  // --- time ---
  Time NextDeadline() const;
  void HandleTimeout(Time now);
  // Lays out the probation packet that is to be sent now in `packet` and returns its number; nullopt: none. Call
  // until then.
  std::optional<rtp::SeqNum> PollProbation(media::PacketBuffer& packet, Time now);

  const media::BandwidthEstimator& estimator() const { return estimator_; }

 private:
  struct Video {
    Consumer* consumer = nullptr;
    media::LayerLadder ladder;
    media::StepMemory memory;
  };
  bool IsAlwaysSent(std::size_t demand) const;
  void CollectDemands(Time now);
  void EndWhatIsTooLarge(std::uint64_t bps, Time now);

  Context& context_;
  media::BandwidthEstimator estimator_;
  media::LinkBudget budget_;
  std::vector<Video> videos_;                // oldest first
  std::vector<media::LayerDemand> demands_;  // of those that play; borrows from videos_ during Allocate
  std::vector<std::size_t> demanding_;       // which
  Time allocate_at_ = kNever;
  rtp::HeaderLayout probation_layout_;
  rtp::SeqNum probation_sequence_;
  rtp::Timestamp probation_timestamp_;
};

}  // namespace jb::sfu
