// SPDX-License-Identifier: Apache-2.0
// CRC-32 of ITU-T V.42 (reflected 0x04C11DB7), as FINGERPRINT uses it (RFC 8489 section 14.7).
#pragma once

#include <array>

#include "base/bytes.h"

namespace jb::stun {

constexpr std::array<std::uint32_t, 256> MakeCrc32Table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c & 1) ? 0xEDB88320u ^ (c >> 1) : c >> 1;
    table[i] = c;
  }
  return table;
}
inline constexpr std::array<std::uint32_t, 256> kCrc32Table = MakeCrc32Table();

constexpr std::uint32_t Crc32(ByteView data) {
  std::uint32_t c = 0xFFFFFFFFu;
  for (const std::uint8_t b : data) c = kCrc32Table[(c ^ b) & 0xFF] ^ (c >> 8);
  return c ^ 0xFFFFFFFFu;
}

}  // namespace jb::stun
