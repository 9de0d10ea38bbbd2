// SPDX-License-Identifier: Apache-2.0
#include "sfu/bandwidth.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "proto/rtp/extensions.h"
#include "proto/rtp/first_sequence.h"
#include "sfu/consumer.h"
#include "sfu/producer.h"

namespace jb::sfu {
namespace {

// What mediasoup-client announces for it (sfu-contract sections 6 and 12).
constexpr rtp::PayloadType kProbationPayloadType{127};
constexpr std::string_view kProbationMid = "probator";
constexpr std::uint32_t kProbationTicks = 90;  // per packet; nobody plays it

bool HasFeedback(const RtpParameters& parameters, std::string_view type) {
  const auto& feedback = parameters.codecs[0].rtcp_feedback;
  return std::any_of(feedback.begin(), feedback.end(), [type](const RtcpFeedback& one) { return one.type == type; });
}

}  // namespace

std::optional<media::FeedbackKind> NegotiatedFeedback(const RtpParameters& parameters) {
  if (HasFeedback(parameters, "transport-cc") && HasExtension(parameters, extension_uri::kTransportCc)) {
    return media::FeedbackKind::kTransportWide;
  }
  if (HasFeedback(parameters, "goog-remb")) return media::FeedbackKind::kRemb;
  return std::nullopt;
}

Bandwidth::Bandwidth(Context& context, media::FeedbackKind kind, std::uint16_t first_sequence)
    : context_(context),
      estimator_(kind, first_sequence),
      probation_sequence_(rtp::FirstSequence(context.random)),
      probation_timestamp_(context.random.U32()) {
  probation_layout_.Reserve(IdOf(ExtensionId::kMid), static_cast<std::uint8_t>(kProbationMid.size()));
  probation_layout_.Reserve(IdOf(ExtensionId::kAbsSendTime), 3);
  probation_layout_.Reserve(IdOf(ExtensionId::kTransportCc), 2);
}

void Bandwidth::AddConsumer(Consumer& consumer, Time now) {
  videos_.push_back({&consumer, {}, {}});
  demands_.reserve(videos_.size());
  demanding_.reserve(videos_.size());
  allocate_at_ = now;
}

void Bandwidth::RemoveConsumer(Consumer& consumer) {
  std::erase_if(videos_, [&](const Video& video) { return video.consumer == &consumer; });
  if (videos_.empty()) allocate_at_ = kNever;
}

std::uint16_t Bandwidth::HandleVideoSent(std::size_t size, Time now) {
  budget_.HandleVideoSent(size, now);
  return estimator_.HandleSent(size, now);
}

void Bandwidth::HandleAudioSent(std::size_t size, Time now) {
  budget_.HandleAudioSent(size, now);
  estimator_.HandleUntrackedSent(size);
}

void Bandwidth::HandleFeedback(const rtcp::TransportFeedback& feedback, Time now) {
  estimator_.HandleFeedback(feedback, now);
  Allocate(now);
}

void Bandwidth::HandleRemb(std::uint64_t bitrate_bps, Time now) {
  estimator_.HandleRemb(bitrate_bps, now);
  Allocate(now);
}

Time Bandwidth::NextDeadline() const { return std::min(allocate_at_, estimator_.NextDeadline().value_or(kNever)); }

void Bandwidth::HandleTimeout(Time now) {
  if (estimator_.NextDeadline().value_or(kNever) <= now) estimator_.HandleTimeout(now);
  if (allocate_at_ <= now) Allocate(now);
}

// Our own estimate is too unsure to end the best picture over it: one that loss had stopped did not come back. Nor is a
// video that has nothing to give up but itself stopped over what has yet to be found out. What the receiver itself says
// (REMB) may stop either.
bool Bandwidth::IsAlwaysSent(std::size_t demand) const {
  if (estimator_.kind() != media::FeedbackKind::kTransportWide) return false;
  return demand == 0 || (demands_[demand].ladder->size() == 1 && !estimator_.met_limit());
}

// Most important first; among equals the oldest.
void Bandwidth::CollectDemands(Time now) {
  demands_.clear();
  demanding_.clear();
  for (std::size_t i = 0; i < videos_.size(); ++i) {
    Video& video = videos_[i];
    if (video.consumer->paused() || video.consumer->producer().paused()) continue;
    video.ladder.Clear();
    video.consumer->CollectLayers(video.ladder, now);
    if (!video.ladder.empty()) demanding_.push_back(i);
  }
  std::sort(demanding_.begin(), demanding_.end(), [this](std::size_t a, std::size_t b) {
    const int first = videos_[a].consumer->priority();
    const int second = videos_[b].consumer->priority();
    return first != second ? first > second : a < b;
  });
  for (const std::size_t i : demanding_) {
    demands_.push_back({&videos_[i].ladder, videos_[i].consumer->priority(), &videos_[i].memory});
  }
  for (std::size_t i = 0; i < demands_.size(); ++i) demands_[i].always = IsAlwaysSent(i);
}

void Bandwidth::Allocate(Time now) {
  using media::LayerAllocator;
  if (videos_.empty()) return;
  allocate_at_ = now + kAllocateEvery;
  CollectDemands(now);
  estimator_.SetUsefulBitrate(budget_.Whole(LayerAllocator::UsefulBitrate(demands_), now), now);
  const std::uint64_t smallest = LayerAllocator::SmallestBitrate(demands_);
  const bool began = std::any_of(demands_.begin(), demands_.end(), [now](const media::LayerDemand& demand) {
    return demand.memory->Rose(kKeyFrameTime, now);
  });
  std::uint64_t lasting = budget_.LastingForVideo(estimator_, smallest, began, now);
  std::uint64_t current = budget_.CurrentForVideo(estimator_, now);
  if (!estimator_.heard()) {
    // Of a receiver that never answers nothing is known but that it negotiated to: the smallest pictures, on trust.
    lasting = std::max(current, smallest);
  }
  LayerAllocator::Allocate(demands_, lasting, now);
  if (estimator_.delay_based().draining() && LayerAllocator::AnyLosesSize(demands_)) {
    // Whatever comes now begins with a key frame behind a full queue: the smallest first, larger ones when it is empty.
    lasting = std::min(lasting, std::max(current, smallest));
    LayerAllocator::Allocate(demands_, lasting, now);
  }
  LayerAllocator::Remember(demands_, lasting, now);
  LayerAllocator::Thin(demands_, current);
  for (std::size_t i = 0; i < demands_.size(); ++i) {
    const media::LayerLadder& ladder = *demands_[i].ladder;
    const std::size_t step = demands_[i].step;
    videos_[demanding_[i]].consumer->SetTargetLayers(
        step < ladder.size() ? std::optional(ladder[step].layers) : std::nullopt, now);
  }
  EndWhatIsTooLarge(current, now);
}

// While the key frame of a smaller picture is waited for, the larger one goes on with its base. Where that alone is too
// much it would fill the queue that the key frame has to pass.
void Bandwidth::EndWhatIsTooLarge(std::uint64_t bps, Time now) {
  std::uint64_t sum = 0;
  for (const media::LayerDemand& demand : demands_) sum += media::LayerAllocator::BitrateOf(demand);
  for (std::size_t i = 0; i < demands_.size(); ++i) {
    const media::LayerDemand& demand = demands_[i];
    Consumer& consumer = *videos_[demanding_[i]].consumer;
    const std::optional<media::Layers> sent = consumer.current_layers();
    if (!sent || demand.step >= demand.ladder->size()) continue;
    const std::uint64_t others = sum - media::LayerAllocator::BitrateOf(demand);
    for (const media::LayerLadder::Step& step : *demand.ladder) {
      const bool is_base = step.layers == media::Layers{sent->spatial, 0};
      if (is_base && others + step.bitrate_bps > bps) consumer.EndLargerLayers(now);
    }
  }
}

std::optional<rtp::SeqNum> Bandwidth::PollProbation(media::PacketBuffer& packet, Time now) {
  const std::size_t wanted = estimator_.PollPadding(now);
  if (wanted == 0) return std::nullopt;
  const std::size_t size = std::max(wanted, probation_layout_.size() + 1);
  packet.layout() = probation_layout_;
  packet.set_size(size);
  const ByteSpan buffer = packet.bytes();
  std::fill(buffer.begin(), buffer.end(), std::uint8_t{0});
  probation_layout_.Write(buffer, {.payload_type = kProbationPayloadType,
                                   .sequence_number = probation_sequence_,
                                   .timestamp = probation_timestamp_,
                                   .ssrc = rtp::Ssrc(kProbationSsrc)});
  probation_layout_.Set(buffer, IdOf(ExtensionId::kMid), AsBytes(kProbationMid));
  probation_layout_.SetU24(buffer, IdOf(ExtensionId::kAbsSendTime), rtp::ToAbsSendTime(now));
  probation_layout_.SetU16(buffer, IdOf(ExtensionId::kTransportCc), estimator_.HandleSent(size, now));
  probation_timestamp_ = probation_timestamp_ + kProbationTicks;
  ++context_.stats.probation_packets_out;
  return std::exchange(probation_sequence_, probation_sequence_.Next());
}

}  // namespace jb::sfu
