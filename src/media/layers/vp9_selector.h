// SPDX-License-Identifier: Apache-2.0
// VP9 (RFC 9628): spatial layers up at key pictures, down at the end of a frame of the lower layer, or, where the
// layers do not lean on each other, at key pictures too; temporal layers up at switching-up points.
#pragma once

#include "media/layers/layer_selector.h"

namespace jb::media {

class Vp9Selector : public LayerSelector {
 public:
  explicit Vp9Selector(SpatialDependency dependency) : dependency_(dependency) {}
  Verdict Select(const PacketLayers& packet, rtp::SeqNum seq, bool marker) override;

 private:
  // The first packet of what this receiver gets of a picture.
  bool BeginsPicture(const PacketLayers& packet) const;
  void MoveBefore(const PacketLayers& packet, rtp::SeqNum seq);
  void MoveAfter(const PacketLayers& packet, rtp::SeqNum seq);

  // Where layers do not lean on each other nobody is in one that there is not: the highest there is stands for it.
  Layers Existing(Layers layers) const;
  void NoteLayer(const PacketLayers& packet);

  SpatialDependency dependency_;
  std::uint8_t highest_ = kMaxSpatialLayers - 1;  // spatial layer of the last key picture, as far as seen
};

}  // namespace jb::media
