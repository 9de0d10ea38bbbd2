// SPDX-License-Identifier: Apache-2.0
// The VP9 payload descriptor (RFC 9628 section 4.2).
#pragma once

#include <array>
#include <optional>

#include "base/bytes.h"

namespace jb::media::vp9 {

inline constexpr std::size_t kMaxReferences = 3;  // section 4.2: P_DIFF up to three times
inline constexpr std::size_t kMaxSpatialLayers = 8;

// What a picture builds on: how many pictures back.
struct References {
  std::array<std::uint8_t, kMaxReferences> picture_diffs{};
  std::uint8_t count = 0;
};

// The scalability structure (section 4.2.1), which key frames bring: sizes of the layers, and the pattern that pictures
// follow in non-flexible mode.
struct ScalabilityStructure {
  struct Size {
    std::uint16_t width = 0, height = 0;
  };
  struct Picture {
    std::uint8_t temporal_layer = 0;
    bool switching_up_point = false;
    References references;
  };
  std::uint8_t spatial_layer_count = 1;
  bool has_sizes = false;
  std::array<Size, kMaxSpatialLayers> sizes{};
  std::uint8_t picture_count = 0;  // of the pattern; 0: none is given
  ByteView pictures;               // as on the wire, borrowed from the payload
  // fn(const Picture&) for each of the pattern, in order.
  template <class Fn>
  void ForEachPicture(Fn&& fn) const {
    ByteReader in(pictures);
    for (int i = 0; i < picture_count; ++i) fn(ReadPicture(in));
  }
  static Picture ReadPicture(ByteReader& in);
};

struct Descriptor {
  std::optional<std::uint16_t> picture_id;
  bool long_picture_id = false;
  bool inter_predicted = false;         // P
  bool flexible_mode = false;           // F
  bool start_of_frame = false;          // B
  bool end_of_frame = false;            // E
  bool not_reference_upper = false;     // Z
  bool has_layers = false;              // L
  std::uint8_t temporal_layer = 0;      // TID
  bool switching_up_point = false;      // U
  std::uint8_t spatial_layer = 0;       // SID
  bool inter_layer_dependency = false;  // D
  std::optional<std::uint8_t> tl0_picture_index;
  References references;  // in flexible mode
  std::optional<ScalabilityStructure> structure;
  std::size_t size = 0;
};

// Nullopt: truncated.
std::optional<Descriptor> Parse(ByteView payload);
// The first packet of a frame that is not inter-picture predicted, in the base spatial layer.
bool IsKeyFrame(ByteView payload);
// The first packet of the picture: B set in the lowest spatial layer.
bool IsStartOfFrame(ByteView payload);

}  // namespace jb::media::vp9
