// SPDX-License-Identifier: Apache-2.0
// The codecs we forward: one table row each. Pure functions over RTP payloads (after RTX
// decapsulation), no decoding, no allocation; any byte sequence is accepted.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/bytes.h"

namespace jb::media {

enum class Codec : std::uint8_t { kOpus, kVp8, kVp9, kH264, kAv1 };
enum class MediaKind : std::uint8_t { kAudio, kVideo };

struct CodecInfo {
  Codec codec;
  MediaKind kind;
  std::string_view name;       // "VP8"
  std::string_view mime_type;  // "video/VP8"
  std::uint32_t clock_rate;
  std::uint8_t channels;  // 0 for video
  // This packet carries (the beginning of) a frame that needs no other: a decoder can start here.
  // For audio always true.
  bool (*is_key_frame)(ByteView payload);
  // This packet begins a frame (access unit, temporal unit), as far as the payload shows it.
  bool (*is_start_of_frame)(ByteView payload);
};

std::span<const CodecInfo> AllCodecs();
const CodecInfo& GetCodec(Codec codec);
// Case-insensitive; nullptr when we do not have it.
const CodecInfo* FindCodec(std::string_view mime_type);

// Their layers are told by that header extension, not by the payload.
inline bool HasDependencyDescriptor(Codec codec) { return codec == Codec::kH264 || codec == Codec::kAv1; }

inline bool IsKeyFrame(Codec codec, ByteView payload) { return GetCodec(codec).is_key_frame(payload); }
inline bool IsStartOfFrame(Codec codec, ByteView payload) { return GetCodec(codec).is_start_of_frame(payload); }

}  // namespace jb::media
