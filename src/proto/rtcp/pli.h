// SPDX-License-Identifier: Apache-2.0
// PLI: picture loss indication (RFC 4585 section 6.3.1).
#pragma once

#include "proto/rtcp/compound.h"

namespace jb::rtcp {

struct Pli {
  Ssrc sender_ssrc;
  Ssrc media_ssrc;
  static Result<Pli, ParseError> Parse(const RawPacket& packet);
};

void WritePli(ByteWriter& out, const Pli& pli);

}  // namespace jb::rtcp
