// SPDX-License-Identifier: Apache-2.0
// Values of the header extensions that we read or write. Pure functions.
#pragma once

#include <optional>
#include <string_view>

#include "base/bytes.h"
#include "base/time.h"

namespace jb::rtp {

inline constexpr std::string_view kMidUri = "urn:ietf:params:rtp-hdrext:sdes:mid";
inline constexpr std::string_view kRidUri = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id";
inline constexpr std::string_view kRepairedRidUri = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id";
inline constexpr std::string_view kAbsSendTimeUri = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time";
inline constexpr std::string_view kTransportCcUri =
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01";
inline constexpr std::string_view kAudioLevelUri = "urn:ietf:params:rtp-hdrext:ssrc-audio-level";
inline constexpr std::string_view kDependencyDescriptorUri =
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension";
inline constexpr std::string_view kVideoOrientationUri = "urn:3gpp:video-orientation";
inline constexpr std::string_view kTimeOffsetUri = "urn:ietf:params:rtp-hdrext:toffset";
inline constexpr std::string_view kAbsCaptureTimeUri = "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time";
inline constexpr std::string_view kPlayoutDelayUri = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay";

// RFC 6464: one byte, V bit then the level.
//    0                   1
//   |V|   level     |
struct AudioLevel {
  bool voice = false;
  std::uint8_t level = 127;  // 0..127 means 0..-127 dBov
  std::int8_t dbov() const { return static_cast<std::int8_t>(-static_cast<int>(level)); }
};
std::optional<AudioLevel> ParseAudioLevel(ByteView value);
std::uint8_t WriteAudioLevel(AudioLevel level);

// abs-send-time: 24 bits, seconds modulo 64 as 6.18 fixed point.
std::uint32_t ToAbsSendTime(Time now);

// transport-wide-cc: 16 bits.
std::optional<std::uint16_t> ParseTransportSequence(ByteView value);

// Text of mid, rid and repaired-rid: 1 to 16 bytes of printable ASCII without blanks (RFC 8843
// section 15.1: a token); anything else is nullopt. Trailing zero bytes, which some senders pad
// with, are cut.
std::optional<std::string_view> ParseStreamIdText(ByteView value);

}  // namespace jb::rtp
