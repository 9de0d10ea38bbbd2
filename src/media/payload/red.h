// SPDX-License-Identifier: Apache-2.0
// Redundant audio data (RFC 2198 section 3): one RTP payload that holds a packet, the primary, and copies of earlier
// ones. Takes it apart; does not know which sequence numbers the copies had (red_receiver.h). A view: no allocation,
// and what it returns is borrowed from the payload.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/bytes.h"
#include "base/result.h"

namespace jb::media::red {

// Chrome sends at most nine copies, and by itself one. More than this is an error: each costs a search.
inline constexpr std::size_t kMaxBlocks = 16;
inline constexpr std::uint16_t kMaxTimestampOffset = 0x3FFF;  // 14 bits
inline constexpr std::size_t kMaxRedundantSize = 0x3FF;       // 10 bits; the primary has no such bound

struct Block {
  std::uint8_t payload_type = 0;
  std::uint16_t timestamp_offset = 0;  // how much older than the primary, in its clock; 0 for the primary
  ByteView data;                       // may be empty
};

enum class ParseError : std::uint8_t {
  kTruncated,      // shorter than its headers say
  kTooManyBlocks,  // more than kMaxBlocks
};

class Payload {
 public:
  static Result<Payload, ParseError> Parse(ByteView payload);

  // In the order of the payload; senders put the oldest first.
  std::span<const Block> redundant() const { return std::span(blocks_).first(count_ - 1); }
  const Block& primary() const { return blocks_[count_ - 1]; }

 private:
  Payload() = default;
  std::array<Block, kMaxBlocks> blocks_;
  std::size_t count_ = 0;  // at least 1 once parsed
};

}  // namespace jb::media::red
