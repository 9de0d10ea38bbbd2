// SPDX-License-Identifier: Apache-2.0
// The AV1 aggregation header (AV1 RTP specification 1.0, section 4.4).
#pragma once

#include <optional>

#include "base/bytes.h"

namespace jb::media::av1 {

struct AggregationHeader {
  bool continues_previous = false;  // Z: the first OBU element continues one of the packet before
  bool continues_in_next = false;   // Y
  std::uint8_t element_count = 0;   // W; 0: each element has a length
  bool new_sequence = false;        // N: first packet of a coded video sequence
};

// Nullopt: empty payload.
std::optional<AggregationHeader> Parse(ByteView payload);
// N set: a new coded video sequence begins, which starts with a key frame.
bool IsKeyFrame(ByteView payload);
// The first OBU is a temporal unit's first as far as the payload shows: it does not continue one
// before.
bool IsStartOfFrame(ByteView payload);

}  // namespace jb::media::av1
