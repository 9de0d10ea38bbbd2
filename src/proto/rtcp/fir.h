// SPDX-License-Identifier: Apache-2.0
// FIR: full intra request (RFC 5104 section 4.3.1).
#pragma once

#include <span>

#include "proto/rtcp/compound.h"

namespace jb::rtcp {

struct FirEntry {
  Ssrc ssrc;                  // the stream that is asked for a key frame
  std::uint8_t sequence = 0;  // grows with each new request; a repetition keeps it
  friend bool operator==(const FirEntry&, const FirEntry&) = default;
};

struct Fir {
  Ssrc sender_ssrc;
  ByteView entries;  // 8 bytes each
  std::size_t size() const { return entries.size() / 8; }
  FirEntry operator[](std::size_t i) const { return {Ssrc(LoadU32(entries.data() + 8 * i)), entries[8 * i + 4]}; }
  static Result<Fir, ParseError> Parse(const RawPacket& packet);
};

void WriteFir(ByteWriter& out, Ssrc sender_ssrc, std::span<const FirEntry> entries);

}  // namespace jb::rtcp
