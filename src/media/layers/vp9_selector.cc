// SPDX-License-Identifier: Apache-2.0
#include "media/layers/vp9_selector.h"

#include <algorithm>

namespace jb::media {

LayerSelector::Verdict Vp9Selector::Select(const PacketLayers& packet, rtp::SeqNum seq, bool marker) {
  const bool newest = IsNewest(seq);
  if (newest && packet.key_picture) NoteLayer(packet);
  if (newest && packet.begins_frame) MoveBefore(packet, seq);
  const Layers layers = packet.key_picture ? LayersAt(seq) : Existing(LayersAt(seq));
  if (newest && packet.ends_frame) MoveAfter(packet, seq);
  set_needs_key_frame(target().spatial > current().spatial ||
                      (target().spatial < current().spatial && dependency_ != SpatialDependency::kFull));
  Verdict verdict;
  if ((packet.needed_by & MaskOf(layers)) == 0) return verdict;
  verdict.action = Action::kForward;
  // The sender's marker is on the last packet of the highest layer, which this receiver may not get.
  const std::uint8_t highest = std::min(layers.spatial, LayersAt(seq.Next()).spatial);
  verdict.marker = marker || (packet.ends_frame && packet.layer.spatial == highest);
  return verdict;
}

Layers Vp9Selector::Existing(Layers layers) const {
  if (dependency_ != SpatialDependency::kFull) layers.spatial = std::min(layers.spatial, highest_);
  return layers;
}

void Vp9Selector::NoteLayer(const PacketLayers& packet) {
  if (packet.begins_frame && packet.layer.spatial == 0) highest_ = 0;
  highest_ = std::max(highest_, packet.layer.spatial);
}

bool Vp9Selector::BeginsPicture(const PacketLayers& packet) const {
  if (dependency_ == SpatialDependency::kFull || packet.key_picture) return packet.layer.spatial == 0;
  return packet.layer.spatial == Existing(current()).spatial;
}

void Vp9Selector::MoveBefore(const PacketLayers& packet, rtp::SeqNum seq) {
  if (!BeginsPicture(packet)) return;
  if (packet.key_picture && packet.layer.temporal == 0) return MoveTo(target(), seq);
  Layers next = current();
  if (target().temporal < next.temporal) {
    next.temporal = target().temporal;
  } else if (target().temporal > next.temporal && packet.switch_to != 0) {
    // What this picture promises of the layers above its own is of use to those who get the picture. One of a higher
    // layer that is a switching-up point can be begun with.
    const bool have_it = packet.layer.temporal <= next.temporal;
    next.temporal = have_it ? target().temporal : std::min(target().temporal, packet.layer.temporal);
  }
  MoveTo(next, seq);
}

// The frame of the lower layer is whole: the rest of the picture is not needed any more.
void Vp9Selector::MoveAfter(const PacketLayers& packet, rtp::SeqNum seq) {
  if (dependency_ != SpatialDependency::kFull) return;
  if (target().spatial >= current().spatial || packet.layer.spatial != target().spatial) return;
  MoveTo({target().spatial, current().temporal}, seq.Next());
}

}  // namespace jb::media
