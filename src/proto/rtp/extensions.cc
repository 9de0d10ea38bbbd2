// SPDX-License-Identifier: Apache-2.0
#include "proto/rtp/extensions.h"

#include <algorithm>

namespace jb::rtp {

std::optional<AudioLevel> ParseAudioLevel(ByteView value) {
  // RFC 6464 section 3: one byte; in the two-byte form a second, zero byte is allowed.
  if (value.empty() || value.size() > 2) return std::nullopt;
  return AudioLevel{(value[0] & 0x80) != 0, static_cast<std::uint8_t>(value[0] & 0x7F)};
}

std::uint8_t WriteAudioLevel(AudioLevel level) {
  return static_cast<std::uint8_t>((level.voice ? 0x80 : 0) | std::min<std::uint8_t>(level.level, 127));
}

std::uint32_t ToAbsSendTime(Time now) {
  const auto us = static_cast<std::uint64_t>(now.time_since_epoch().count()) % 64'000'000;
  return static_cast<std::uint32_t>((us << 18) / 1'000'000) & 0xFFFFFF;
}

std::optional<std::uint16_t> ParseTransportSequence(ByteView value) {
  if (value.size() != 2) return std::nullopt;
  return LoadU16(value.data());
}

std::optional<std::string_view> ParseStreamIdText(ByteView value) {
  while (!value.empty() && value.back() == 0) value = value.first(value.size() - 1);
  if (value.empty() || value.size() > 16) return std::nullopt;
  const bool printable = std::all_of(value.begin(), value.end(), [](std::uint8_t c) { return c > 32 && c < 127; });
  if (!printable) return std::nullopt;
  return AsText(value);
}

}  // namespace jb::rtp
