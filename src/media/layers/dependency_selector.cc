// SPDX-License-Identifier: Apache-2.0
#include "media/layers/dependency_selector.h"

namespace jb::media {

void FrameWindow::Add(std::uint16_t frame_number) {
  if (!newest_) newest_ = frame_number;
  if (IsNewer(frame_number, *newest_)) {
    const auto ahead = static_cast<std::uint16_t>(frame_number - *newest_);
    sent_.Clear(*newest_ + 1, *newest_ + ahead);
    newest_ = frame_number;
  } else if (static_cast<std::uint16_t>(*newest_ - frame_number) >= kSize) {
    return;
  }
  sent_.Set(frame_number);
}

bool FrameWindow::Has(std::uint16_t frame_number) const {
  if (!newest_ || static_cast<std::uint16_t>(*newest_ - frame_number) >= kSize) return false;
  return sent_.Test(frame_number);
}

void DependencySelector::Restart() {
  LayerSelector::Restart();
  frames_.Clear();
}

LayerSelector::Verdict DependencySelector::Select(const PacketLayers& packet, rtp::SeqNum seq, bool marker) {
  Verdict verdict;
  if (!packet.resolved) {
    verdict.action = Action::kHold;
    return verdict;
  }
  const bool newest = IsNewest(seq);
  if (!packet.references) {
    if (newest) MoveTo({0, 0}, seq);
    return {Action::kForward, marker, {}};
  }
  if (newest && packet.begins_frame) Move(packet, seq);
  const Layers layers = LayersAt(seq);
  if ((packet.needed_by & MaskOf(layers)) == 0) return verdict;
  frames_.Add(packet.references->frame_number);
  verdict.action = Action::kForward;
  // The sender's marker is on the last packet of the highest layer, which this receiver may not get.
  verdict.marker = marker || (packet.ends_frame && packet.layer.spatial == layers.spatial);
  return verdict;
}

void DependencySelector::Move(const PacketLayers& packet, rtp::SeqNum seq) {
  if (current() == target()) return set_needs_key_frame(false);
  const auto can_be = [&](Layers layers) { return (packet.switch_to & MaskOf(layers)) != 0; };
  const bool decodable = HasReferences(*packet.references);
  if (decodable && can_be(target())) {
    set_needs_key_frame(false);
    return MoveTo(target(), seq);
  }
  // The target's own frames go by and cannot be begun with.
  const bool of_target = packet.layer.spatial == target().spatial && packet.layer.temporal == 0;
  if (of_target && target().spatial != current().spatial && (packet.needed_by & MaskOf(target()))) {
    set_needs_key_frame(true);
  }
  // On the way there: as many pictures as it should be, of the size it is.
  if (!decodable) return;
  Layers best = current();
  for (Layers next = best; next.temporal != target().temporal;) {
    next.temporal = static_cast<std::uint8_t>(next.temporal + (next.temporal < target().temporal ? 1 : -1));
    if (can_be(next)) best = next;
  }
  MoveTo(best, seq);
}

bool DependencySelector::HasReferences(const FrameReferences& references) const {
  for (std::size_t i = 0; i < references.count; ++i) {
    if (!frames_.Has(static_cast<std::uint16_t>(references.frame_number - references.back[i]))) return false;
  }
  return true;
}

}  // namespace jb::media
