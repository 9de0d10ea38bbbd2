// SPDX-License-Identifier: Apache-2.0
// BYE (RFC 3550 section 6.6). The reason text is not read.
#pragma once

#include <span>

#include "proto/rtcp/compound.h"

namespace jb::rtcp {

struct Bye {
  ByteView ssrcs;  // 4 bytes each
  std::size_t size() const { return ssrcs.size() / 4; }
  Ssrc operator[](std::size_t i) const { return Ssrc(LoadU32(ssrcs.data() + 4 * i)); }
  static Result<Bye, ParseError> Parse(const RawPacket& packet);
};

// At most 31 sources.
void WriteBye(ByteWriter& out, std::span<const Ssrc> ssrcs);

}  // namespace jb::rtcp
