// SPDX-License-Identifier: Apache-2.0
// Loudness of PCM as RFC 6464 counts it. Pure functions.
#pragma once

#include <cstdint>
#include <span>

namespace jb::media {

inline constexpr std::uint8_t kSilentLevel = 127;  // RFC 6464 section 3: -127 dBov, digital silence

// RFC 6464 section 3 and its appendix: the magnitude of the level in -dBov, 0 (loudest) to 127.
std::uint8_t AudioLevel(std::span<const std::int16_t> pcm);

}  // namespace jb::media
