// SPDX-License-Identifier: Apache-2.0
// Where the numbers of an RTP stream that we send begin.
#pragma once

#include "base/random.h"
#include "proto/rtp/types.h"

namespace jb::rtp {

// RFC 3550 section 5.1 wants it random; reliability 1.7: far from the wrap, or a receiver that misses the packets before
// it misses the wrap too, and its SRTP stays deaf.
inline SeqNum FirstSequence(Random& random) { return SeqNum(static_cast<std::uint16_t>(random.Between(1000, 32767))); }

}  // namespace jb::rtp
