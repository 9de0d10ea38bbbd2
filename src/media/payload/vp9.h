// SPDX-License-Identifier: Apache-2.0
// The VP9 payload descriptor (RFC 9628 section 4.2).
#pragma once

#include <optional>

#include "base/bytes.h"

namespace jb::media::vp9 {

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
  std::uint8_t spatial_layer_count = 0;  // from a scalability structure; 0: none in this packet
  std::size_t size = 0;
};

// Nullopt: truncated.
std::optional<Descriptor> Parse(ByteView payload);
// The first packet of a frame that is not inter-picture predicted, in the base spatial layer.
bool IsKeyFrame(ByteView payload);
// The first packet of the picture: B set in the lowest spatial layer.
bool IsStartOfFrame(ByteView payload);

}  // namespace jb::media::vp9
