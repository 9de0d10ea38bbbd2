// SPDX-License-Identifier: Apache-2.0
#include "media/layers/vp8_selector.h"

namespace jb::media {

void Vp8Selector::Restart() {
  LayerSelector::Restart();
  if (pictures_) pictures_->Restart();
  picture_ids_ = {};
  tl0_offset_.reset();
}

LayerSelector::Verdict Vp8Selector::Select(const PacketLayers& packet, rtp::SeqNum seq, bool marker) {
  if (IsNewest(seq) && packet.begins_frame) Move(packet, seq);
  const bool wanted = (packet.needed_by & MaskOf(LayersAt(seq))) != 0;
  Verdict verdict;
  std::optional<std::int64_t> picture;
  if (packet.picture_id) {
    const std::int64_t own = Unwrapped(*packet.picture_id);
    if (wanted && !pictures_) pictures_.emplace(own);
    if (wanted) picture = pictures_->Map(own);
    if (!wanted && pictures_) pictures_->Drop(own);
    if (wanted && !picture) return verdict;  // too old to have a number
  }
  if (!wanted) return verdict;
  verdict.action = Action::kForward;
  verdict.marker = marker;
  vp8::PictureNumbers numbers;
  if (picture) numbers.picture_id = static_cast<std::uint16_t>(*picture & vp8::kMaxPictureId);
  if (packet.tl0_picture_index) numbers.tl0_picture_index = MapTl0(*packet.tl0_picture_index);
  const vp8::PictureNumbers own{packet.picture_id.value_or(0), packet.tl0_picture_index.value_or(0)};
  if (numbers != own) verdict.numbers = numbers;
  return verdict;
}

// Down at any frame, since no layer builds on one above it; up at one that builds on the base layer only, a layer at a
// time: those between must be able to begin too.
void Vp8Selector::Move(const PacketLayers& packet, rtp::SeqNum seq) {
  Layers next = current();
  if (packet.key_picture || target().temporal < next.temporal) {
    next.temporal = target().temporal;
  } else if (target().temporal > next.temporal && packet.layer.temporal == next.temporal + 1 &&
             (packet.switch_to & MaskOf(packet.layer))) {
    next.temporal = packet.layer.temporal;
  }
  MoveTo(next, seq);
}

std::int64_t Vp8Selector::Unwrapped(std::uint16_t picture_id) {
  return picture_ids_.Unwrap(static_cast<std::uint16_t>(picture_id << 1)) >> 1;
}

// Base layer pictures are never left out: the index moves by the same distance until the source changes.
std::uint8_t Vp8Selector::MapTl0(std::uint8_t index) {
  if (!tl0_offset_) {
    const std::uint8_t first = last_tl0_ ? static_cast<std::uint8_t>(*last_tl0_ + 1) : index;
    tl0_offset_ = static_cast<std::uint8_t>(first - index);
  }
  const auto mapped = static_cast<std::uint8_t>(index + *tl0_offset_);
  if (!last_tl0_ || IsNewer(mapped, *last_tl0_)) last_tl0_ = mapped;
  return mapped;
}

}  // namespace jb::media
