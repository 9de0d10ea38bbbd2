// SPDX-License-Identifier: Apache-2.0
// What one packet of a layered video says about itself, the same for every codec: which layer it is of, who needs it,
// and where its stream may be changed. Read once per incoming packet, looked at by each of its receivers.
// Value types, no allocation.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "media/layers/layer_ladder.h"

namespace jb::media {

// A set of layers: bit spatial * kMaxTemporalLayers + temporal.
using LayerMask = std::uint16_t;
static_assert(kMaxSpatialLayers * kMaxTemporalLayers <= 16);

constexpr std::size_t GridIndex(Layers layers) { return layers.spatial * kMaxTemporalLayers + layers.temporal; }
constexpr LayerMask MaskOf(Layers layers) { return static_cast<LayerMask>(1u << GridIndex(layers)); }
// Numbers come from the wire: what lies beyond the grid counts as its last row or column.
constexpr Layers ClampedLayers(unsigned spatial, unsigned temporal) {
  return {static_cast<std::uint8_t>(std::min<unsigned>(spatial, kMaxSpatialLayers - 1)),
          static_cast<std::uint8_t>(std::min<unsigned>(temporal, kMaxTemporalLayers - 1))};
}
// Every layer at least as high as `from` in both directions: who needs a packet that all above it build on.
constexpr LayerMask MaskFrom(Layers from) {
  LayerMask mask = 0;
  for (std::uint8_t s = from.spatial; s < kMaxSpatialLayers; ++s) {
    for (std::uint8_t t = from.temporal; t < kMaxTemporalLayers; ++t) mask |= MaskOf(Layers{s, t});
  }
  return mask;
}
// As MaskFrom, of one spatial layer only.
constexpr LayerMask RowFrom(Layers from) {
  LayerMask mask = 0;
  for (std::uint8_t t = from.temporal; t < kMaxTemporalLayers; ++t) mask |= MaskOf(Layers{from.spatial, t});
  return mask;
}
inline constexpr LayerMask kAllLayers = MaskFrom({0, 0});

inline constexpr std::size_t kMaxReferences = 8;

// What a frame builds on, as the dependency descriptor says.
struct FrameReferences {
  std::uint16_t frame_number = 0;
  std::array<std::uint16_t, kMaxReferences> back{};  // how many frames before this one
  std::uint8_t count = 0;
};

struct PacketLayers {
  Layers layer;
  // Receivers of these layers cannot do without the packet; the others need not get it.
  LayerMask needed_by = kAllLayers;
  // Layers that may be changed to with this packet's frame, provided that the receiver has what the frame builds on.
  LayerMask switch_to = 0;
  bool begins_frame = false;  // of its spatial layer
  bool ends_frame = false;
  bool key_picture = false;  // its picture, all spatial layers of it, needs no earlier one
  // False: it refers to what came with a packet that has not arrived. Nobody can say yet who needs it.
  bool resolved = true;
  std::optional<std::uint16_t> picture_id;  // VP8, 15 bits
  bool narrow_picture_id = false;           // of which seven are on the wire
  std::uint8_t descriptor_size = 0;         // VP8: bytes before the frame's
  std::optional<std::uint8_t> tl0_picture_index;
  std::optional<FrameReferences> references;

  // A decoder can start here.
  bool begins_key_picture() const { return key_picture && begins_frame && layer.spatial == 0; }
};

}  // namespace jb::media
