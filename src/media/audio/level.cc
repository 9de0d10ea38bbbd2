// SPDX-License-Identifier: Apache-2.0
#include "media/audio/level.h"

#include <algorithm>
#include <cmath>

namespace jb::media {

std::uint8_t AudioLevel(std::span<const std::int16_t> pcm) {
  if (pcm.empty()) return kSilentLevel;
  double energy = 0;
  for (const std::int16_t s : pcm) energy += static_cast<double>(s) * s;
  // RFC 6464 appendix: relative to the overload point, the RMS of a full-scale square wave.
  const double rms = std::sqrt(energy / static_cast<double>(pcm.size())) / 32767.0;
  if (rms <= 0) return kSilentLevel;
  const double db = -20.0 * std::log10(rms);
  return static_cast<std::uint8_t>(std::clamp(std::lround(db), 0L, 127L));
}

}  // namespace jb::media
