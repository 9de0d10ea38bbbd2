// SPDX-License-Identifier: Apache-2.0
// What the ortc sources share, and the header extension URIs with the ids the router gives them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "proto/rtp/extensions.h"
#include "sfu/ortc.h"

namespace jb::sfu {

bool EqualsIgnoringCase(std::string_view a, std::string_view b);
// "audio/opus" -> audio
std::optional<MediaKind> KindOfMime(std::string_view mime_type);
bool HasExtension(const RtpParameters& parameters, std::string_view uri);

namespace extension_uri {
inline constexpr std::string_view kMid = rtp::kMidUri;
inline constexpr std::string_view kRid = rtp::kRidUri;
inline constexpr std::string_view kRepairedRid = rtp::kRepairedRidUri;
inline constexpr std::string_view kAbsSendTime = rtp::kAbsSendTimeUri;
inline constexpr std::string_view kTransportCc = rtp::kTransportCcUri;
inline constexpr std::string_view kAudioLevel = rtp::kAudioLevelUri;
inline constexpr std::string_view kDependencyDescriptor = rtp::kDependencyDescriptorUri;
inline constexpr std::string_view kOrientation = rtp::kVideoOrientationUri;
inline constexpr std::string_view kTimeOffset = rtp::kTimeOffsetUri;
inline constexpr std::string_view kAbsCaptureTime = rtp::kAbsCaptureTimeUri;
inline constexpr std::string_view kPlayoutDelay = rtp::kPlayoutDelayUri;
inline constexpr std::string_view kPacketId = "urn:mediasoup:params:rtp-hdrext:packet-id";
}  // namespace extension_uri

// The router's ids, the same for every peer (sfu-contract section 2); also the index in tables.
enum class ExtensionId : std::uint8_t {
  kNone = 0,
  kMid = 1,
  kRid = 2,
  kRepairedRid = 3,
  kAbsSendTime = 4,
  kTransportCc = 5,
  kAudioLevel = 6,
  kDependencyDescriptor = 7,
  kOrientation = 8,
  kTimeOffset = 9,
  kAbsCaptureTime = 10,
  kPlayoutDelay = 11,
  kPacketId = 12,
};
inline constexpr std::size_t kExtensionIdCount = 13;
ExtensionId RouterExtensionId(std::string_view uri);

}  // namespace jb::sfu
