// SPDX-License-Identifier: Apache-2.0
// RED payloads (RFC 2198) as senders write them. For tests only.
#pragma once

#include <span>

#include "media/payload/red.h"

namespace jb::media::testing {

inline Bytes WriteRed(std::span<const red::Block> redundant, std::uint8_t payload_type, ByteView primary) {
  Bytes out;
  for (const red::Block& block : redundant) {
    const std::uint32_t rest = (std::uint32_t{block.timestamp_offset} << 10) | static_cast<std::uint32_t>(block.data.size());
    out.push_back(static_cast<std::uint8_t>(0x80 | block.payload_type));
    for (const int shift : {16, 8, 0}) out.push_back(static_cast<std::uint8_t>(rest >> shift));
  }
  out.push_back(payload_type);
  for (const red::Block& block : redundant) out.insert(out.end(), block.data.begin(), block.data.end());
  out.insert(out.end(), primary.begin(), primary.end());
  return out;
}

}  // namespace jb::media::testing
