// SPDX-License-Identifier: Apache-2.0
// Generic NACK (RFC 4585 section 6.2.1).
#pragma once

#include <span>

#include "proto/rtcp/compound.h"

namespace jb::rtcp {

struct Nack {
  Ssrc sender_ssrc;
  Ssrc media_ssrc;
  ByteView items;  // 4 bytes each: PID, BLP
  static Result<Nack, ParseError> Parse(const RawPacket& packet);

  // fn(SeqNum) for each number that is asked for, at most 17 per item.
  template <class Fn>
  void ForEach(Fn&& fn) const {
    for (std::size_t at = 0; at + 4 <= items.size(); at += 4) {
      const SeqNum pid(LoadU16(items.data() + at));
      fn(pid);
      const std::uint16_t blp = LoadU16(items.data() + at + 2);
      for (int bit = 0; bit < 16; ++bit) {
        if ((blp >> bit) & 1) fn(pid + (bit + 1));
      }
    }
  }
};

// Packs numbers, oldest first, into as few items as their order allows. Writes only what fits the
// writer; returns how many numbers were taken.
std::size_t WriteNack(ByteWriter& out, Ssrc sender_ssrc, Ssrc media_ssrc, std::span<const SeqNum> seqs);

}  // namespace jb::rtcp
