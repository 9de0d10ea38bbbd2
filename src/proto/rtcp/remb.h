// SPDX-License-Identifier: Apache-2.0
// REMB: receiver estimated maximum bitrate (draft-alvestrand-rmcat-remb-03).
#pragma once

#include <span>

#include "proto/rtcp/compound.h"

namespace jb::rtcp {

struct Remb {
  Ssrc sender_ssrc;
  std::uint64_t bitrate_bps = 0;
  ByteView ssrcs;  // 4 bytes each
  std::size_t size() const { return ssrcs.size() / 4; }
  Ssrc operator[](std::size_t i) const { return Ssrc(LoadU32(ssrcs.data() + 4 * i)); }
  // True for a payload feedback packet of FMT 15 that begins as REMB; other application feedback is
  // not ours.
  static bool IsRemb(const RawPacket& packet);
  // A bitrate of more than 64 bits is kBadCount.
  static Result<Remb, ParseError> Parse(const RawPacket& packet);
};

// The bitrate is rounded down to the 18 bits of mantissa. At most 255 streams.
void WriteRemb(ByteWriter& out, Ssrc sender_ssrc, std::uint64_t bitrate_bps, std::span<const Ssrc> ssrcs);

}  // namespace jb::rtcp
