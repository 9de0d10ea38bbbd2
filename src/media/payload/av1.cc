// SPDX-License-Identifier: Apache-2.0
#include "media/payload/av1.h"

namespace jb::media::av1 {

//  0 1 2 3 4 5 6 7
// |Z|Y| W |N|-|-|-|
std::optional<AggregationHeader> Parse(ByteView payload) {
  if (payload.empty()) return std::nullopt;
  const std::uint8_t b = payload[0];
  return AggregationHeader{(b & 0x80) != 0, (b & 0x40) != 0, static_cast<std::uint8_t>((b >> 4) & 0x03),
                           (b & 0x08) != 0};
}

bool IsKeyFrame(ByteView payload) {
  const std::optional<AggregationHeader> header = Parse(payload);
  // Section 4.4: N and Z are never both set; such a packet is malformed.
  return header && payload.size() > 1 && header->new_sequence && !header->continues_previous;
}

bool IsStartOfFrame(ByteView payload) {
  const std::optional<AggregationHeader> header = Parse(payload);
  return header && payload.size() > 1 && !header->continues_previous;
}

}  // namespace jb::media::av1
