// SPDX-License-Identifier: Apache-2.0
// The VP8 payload descriptor (RFC 7741 section 4.2) and the first byte of the VP8 header behind it.
#pragma once

#include <optional>

#include "base/bytes.h"

namespace jb::media::vp8 {

inline constexpr std::uint16_t kMaxPictureId = 0x7FFF;  // RFC 7741 section 4.2: 15 bits

struct Descriptor {
  bool non_reference = false;       // N
  bool start_of_partition = false;  // S
  std::uint8_t partition = 0;       // PID
  std::optional<std::uint16_t> picture_id;
  bool long_picture_id = false;  // 15 bits on the wire
  std::optional<std::uint8_t> tl0_picture_index;
  std::optional<std::uint8_t> temporal_layer;
  bool layer_sync = false;  // Y
  std::optional<std::uint8_t> key_index;
  std::size_t size = 0;    // bytes of the descriptor
  bool key_frame = false;  // first packet of a key frame
  bool start_of_frame() const { return start_of_partition && partition == 0; }
};

// Nullopt: truncated.
std::optional<Descriptor> Parse(ByteView payload);

// The numbers of a picture as one receiver is told them.
struct PictureNumbers {
  std::uint16_t picture_id = 0;
  std::uint8_t tl0_picture_index = 0;
  friend bool operator==(const PictureNumbers&, const PictureNumbers&) = default;
};
// A payload whose picture id has 7 bits, written to `out` with one of 15 bits: one byte longer. Returns its size; 0,
// and nothing of use in `out`, when the payload has no such id or `out` is too small.
std::size_t WidenPictureId(ByteView payload, std::uint16_t picture_id, ByteSpan out);
// Overwrites the numbers that the payload has, in place; a picture id of 7 bits keeps the lowest.
void Renumber(ByteSpan payload, PictureNumbers numbers);

bool IsKeyFrame(ByteView payload);
bool IsStartOfFrame(ByteView payload);

}  // namespace jb::media::vp8
