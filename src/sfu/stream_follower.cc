// SPDX-License-Identifier: Apache-2.0
#include "sfu/stream_follower.h"

#include <algorithm>

#include "sfu/consumer.h"
#include "sfu/ingress_stream.h"
#include "sfu/producer.h"

namespace jb::sfu {

StreamFollower::StreamFollower(Producer& producer, Consumer& consumer, std::uint32_t clock_rate)
    : producer_(producer), consumer_(consumer), timestamps_(clock_rate) {
  if (producer.kind() != MediaKind::kVideo) return;
  selector_ = media::MakeLayerSelector(producer.codec(), producer.dependency());
}

StreamFollower::~StreamFollower() {
  Seek(nullptr);
  Stop();
}

bool StreamFollower::Follow(std::optional<media::Layers> wanted) {
  wanted_ = wanted;
  if (!wanted) {
    Seek(nullptr);
    Stop();
    return false;
  }
  IngressStream* best = producer_.StreamFor(wanted->spatial);
  const bool other = best && best != sought_;
  if (best) Seek(best);
  if (in_sync_) selector_->set_target(Target());
  return other && !IsSent(sought_);
}

bool StreamFollower::EndLarger() {
  const bool needs_key_frame = producer_.is_simulcast() || producer_.dependency() != media::SpatialDependency::kFull;
  if (!needs_key_frame || !in_sync_ || !wanted_ || layers()->spatial <= wanted_->spatial) return false;
  Stop();
  return true;
}

void StreamFollower::HandleRestart(const IngressStream& stream) {
  if (source_ != &stream) return;
  Stop();
  restarted_ = true;
}

std::optional<media::Layers> StreamFollower::layers() const {
  if (!in_sync_) return std::nullopt;
  media::Layers layers = selector_->current();
  if (producer_.is_simulcast()) layers.spatial = static_cast<std::uint8_t>(source_->index());
  return layers;
}

// Of one simulcast encoding everything is wanted that is of those temporal layers; while another is waited for that is
// smaller, as little of this one as there is.
media::Layers StreamFollower::Target() const {
  if (!producer_.is_simulcast()) return *wanted_;
  const bool too_much = sought_ && source_ && sought_->index() < source_->index();
  return {media::kMaxSpatialLayers - 1, too_much ? std::uint8_t{0} : wanted_->temporal};
}

StreamFollower::Verdict StreamFollower::Take(IngressStream* stream, const ForwardedPacket& packet, Time now) {
  Verdict verdict;
  if (!IsSent(stream)) {
    if (selector_ && stream != sought_) return verdict;
    verdict.action = Action::kWait;
    if (selector_ && !packet.key_frame) return verdict;
    if (!Begin(stream, packet, now)) return verdict;
    verdict.begins = true;
  }
  verdict.action = Action::kForward;
  verdict.form.marker = packet.marker;
  if (selector_) {
    using From = media::LayerSelector::Action;
    const auto selected = selector_->Select(packet.layers, packet.sequence_number, packet.marker);
    verdict.wants_key_frame = selector_->needs_key_frame();
    if (selected.action == From::kHold) verdict.action = Action::kHold;
    if (selected.action == From::kDrop) verdict.action = Action::kDrop;
    verdict.form.marker = selected.marker;
    verdict.form.numbers = selected.numbers;
  }
  verdict.form.timestamp = timestamps_.Map(packet.timestamp);
  if (verdict.action == Action::kForward) timestamps_.HandleSent(verdict.form.timestamp, now);
  return verdict;
}

// False: laid over what was sent it would go back in time; the next key frame may do better.
bool StreamFollower::Begin(IngressStream* stream, const ForwardedPacket& packet, Time now) {
  if (stream != source_) {
    media::TimestampAligner::Clocks clocks;
    if (source_ && !restarted_) clocks.from = source_->receiver().last_sender_report();
    clocks.to = stream->receiver().last_sender_report();
    if (!timestamps_.ChangeSource(packet.timestamp, clocks, now)) return false;
    Stop();
    source_ = stream;
  } else if (restarted_) {
    timestamps_.HandleRestart(packet.timestamp, now);
  }
  restarted_ = false;
  in_sync_ = true;
  if (!selector_) return true;
  selector_->set_target(Target());
  selector_->Restart();
  return true;
}

void StreamFollower::Seek(IngressStream* stream) {
  if (stream == sought_) return;
  if (sought_ && !IsSent(sought_)) sought_->RemoveFollower(consumer_);
  sought_ = stream;
  if (stream && !IsSent(stream)) stream->AddFollower(consumer_);
}

void StreamFollower::Stop() {
  if (selector_ && in_sync_ && source_ != sought_) source_->RemoveFollower(consumer_);
  in_sync_ = false;
}

}  // namespace jb::sfu
