// SPDX-License-Identifier: Apache-2.0
#include "media/payload/codec.h"

#include <algorithm>
#include <array>

#include "base/result.h"
#include "media/payload/av1.h"
#include "media/payload/h264.h"
#include "media/payload/vp8.h"
#include "media/payload/vp9.h"

namespace jb::media {
namespace {

bool Always(ByteView) { return true; }

// In the order of Codec. Clock rates: RFC 7587 section 4.1, RFC 7741 section 6, RFC 9628 section 6,
// RFC 6184 section 8.2.1, AV1 RTP specification section 7.
constexpr std::array<CodecInfo, 5> kCodecs = {{
    {Codec::kOpus, MediaKind::kAudio, "opus", "audio/opus", 48'000, 2, Always, Always},
    {Codec::kVp8, MediaKind::kVideo, "VP8", "video/VP8", 90'000, 0, vp8::IsKeyFrame, vp8::IsStartOfFrame},
    {Codec::kVp9, MediaKind::kVideo, "VP9", "video/VP9", 90'000, 0, vp9::IsKeyFrame, vp9::IsStartOfFrame},
    {Codec::kH264, MediaKind::kVideo, "H264", "video/H264", 90'000, 0, h264::IsKeyFrame, h264::IsStartOfFrame},
    {Codec::kAv1, MediaKind::kVideo, "AV1", "video/AV1", 90'000, 0, av1::IsKeyFrame, av1::IsStartOfFrame},
}};

constexpr char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool EqualIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return Lower(x) == Lower(y); });
}

}  // namespace

std::span<const CodecInfo> AllCodecs() { return kCodecs; }

const CodecInfo& GetCodec(Codec codec) {
  const auto index = static_cast<std::size_t>(codec);
  JB_CHECK(index < kCodecs.size());
  return kCodecs[index];
}

const CodecInfo* FindCodec(std::string_view mime_type) {
  const auto at = std::find_if(kCodecs.begin(), kCodecs.end(),
                               [&](const CodecInfo& info) { return EqualIgnoringCase(info.mime_type, mime_type); });
  return at == kCodecs.end() ? nullptr : &*at;
}

}  // namespace jb::media
