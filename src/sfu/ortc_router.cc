// SPDX-License-Identifier: Apache-2.0
// What the router offers: codecs, payload types, header extensions.
#include <algorithm>
#include <array>
#include <deque>

#include "sfu/ortc.h"
#include "sfu/ortc_internal.h"

namespace jb::sfu {
namespace {

using Direction = ExtensionDirection;
constexpr auto kAudio = MediaKind::kAudio;
constexpr auto kVideo = MediaKind::kVideo;

struct ExtensionRow {
  MediaKind kind;
  std::string_view uri;
  ExtensionId id;
  Direction direction;
};
// sfu-contract section 2. Transport-cc is received for audio but not sent: audio consumers do not take
// part in bandwidth estimation.
constexpr std::array<ExtensionRow, 18> kExtensions{{
    {kAudio, extension_uri::kMid, ExtensionId::kMid, Direction::kSendRecv},
    {kVideo, extension_uri::kMid, ExtensionId::kMid, Direction::kSendRecv},
    {kVideo, extension_uri::kRid, ExtensionId::kRid, Direction::kRecvOnly},
    {kVideo, extension_uri::kRepairedRid, ExtensionId::kRepairedRid, Direction::kRecvOnly},
    {kAudio, extension_uri::kAbsSendTime, ExtensionId::kAbsSendTime, Direction::kSendRecv},
    {kVideo, extension_uri::kAbsSendTime, ExtensionId::kAbsSendTime, Direction::kSendRecv},
    {kAudio, extension_uri::kTransportCc, ExtensionId::kTransportCc, Direction::kRecvOnly},
    {kVideo, extension_uri::kTransportCc, ExtensionId::kTransportCc, Direction::kSendRecv},
    {kAudio, extension_uri::kAudioLevel, ExtensionId::kAudioLevel, Direction::kSendRecv},
    {kVideo, extension_uri::kDependencyDescriptor, ExtensionId::kDependencyDescriptor, Direction::kRecvOnly},
    {kVideo, extension_uri::kOrientation, ExtensionId::kOrientation, Direction::kSendRecv},
    {kVideo, extension_uri::kTimeOffset, ExtensionId::kTimeOffset, Direction::kSendRecv},
    {kAudio, extension_uri::kAbsCaptureTime, ExtensionId::kAbsCaptureTime, Direction::kSendRecv},
    {kVideo, extension_uri::kAbsCaptureTime, ExtensionId::kAbsCaptureTime, Direction::kSendRecv},
    {kAudio, extension_uri::kPlayoutDelay, ExtensionId::kPlayoutDelay, Direction::kSendRecv},
    {kVideo, extension_uri::kPlayoutDelay, ExtensionId::kPlayoutDelay, Direction::kSendRecv},
    {kAudio, extension_uri::kPacketId, ExtensionId::kPacketId, Direction::kSendRecv},
    {kVideo, extension_uri::kPacketId, ExtensionId::kPacketId, Direction::kSendRecv},
}};

const std::vector<RtcpFeedback>& FeedbackOf(MediaKind kind) {
  static const std::vector<RtcpFeedback> audio{{"nack", ""}, {"transport-cc", ""}};
  static const std::vector<RtcpFeedback> video{
      {"nack", ""}, {"nack", "pli"}, {"ccm", "fir"}, {"goog-remb", ""}, {"transport-cc", ""}};
  return kind == kAudio ? audio : video;
}

// mediasoup's order of dynamic payload types, so that recordings compare.
std::deque<std::uint8_t> PayloadTypePool() {
  std::deque<std::uint8_t> pool;
  for (int pt = 100; pt <= 127; ++pt) pool.push_back(static_cast<std::uint8_t>(pt));
  for (int pt = 96; pt <= 99; ++pt) pool.push_back(static_cast<std::uint8_t>(pt));
  return pool;
}

RtpCodec RtxFor(const RtpCodec& media, std::uint8_t payload_type) {
  RtpCodec rtx;
  rtx.kind = media.kind;
  rtx.mime_type = std::string(MediaKindName(media.kind)) + "/rtx";
  rtx.payload_type = payload_type;
  rtx.clock_rate = media.clock_rate;
  rtx.parameters.emplace_back("apt", std::int64_t{media.payload_type});
  return rtx;
}

RtpCodec MakeCodec(MediaKind kind, std::string mime, std::uint32_t clock_rate, std::uint8_t channels,
                   CodecParameters parameters = {}) {
  RtpCodec codec;
  codec.kind = kind;
  codec.mime_type = std::move(mime);
  codec.clock_rate = clock_rate;
  codec.channels = channels;
  codec.parameters = std::move(parameters);
  return codec;
}

}  // namespace

ExtensionId RouterExtensionId(std::string_view uri) {
  for (const ExtensionRow& row : kExtensions) {
    if (row.uri == uri) return row.id;
  }
  return ExtensionId::kNone;
}

std::vector<RtpCodec> DefaultMediaCodecs() {
  return {
      MakeCodec(kAudio, "audio/opus", 48000, 2),
      MakeCodec(kVideo, "video/VP8", 90000, 1),
      MakeCodec(kVideo, "video/VP9", 90000, 1, {{"profile-id", std::int64_t{0}}}),
      MakeCodec(kVideo, "video/H264", 90000, 1,
                {{"packetization-mode", std::int64_t{1}},
                 {"profile-level-id", std::string("42e01f")},
                 {"level-asymmetry-allowed", std::int64_t{1}}}),
      MakeCodec(kVideo, "video/AV1", 90000, 1),
      MakeCodec(kVideo, "video/VP9", 90000, 1, {{"profile-id", std::int64_t{2}}}),
  };
}

Result<RtpCapabilities> MakeRouterCapabilities(const std::vector<RtpCodec>& media_codecs) {
  RtpCapabilities out;
  std::deque<std::uint8_t> pool = PayloadTypePool();
  for (const RtpCodec& codec : media_codecs) std::erase(pool, codec.payload_type);
  for (RtpCodec codec : media_codecs) {
    if (codec.payload_type == 0) {
      if (pool.empty()) return Fail("limit_reached", "no payload types left for the codecs");
      codec.payload_type = pool.front();
      pool.pop_front();
    }
    codec.rtcp_feedback = FeedbackOf(codec.kind);
    out.codecs.push_back(codec);
    if (codec.kind != kVideo) continue;
    if (pool.empty()) return Fail("limit_reached", "no payload types left for the codecs");
    out.codecs.push_back(RtxFor(codec, pool.front()));
    pool.pop_front();
  }
  for (const ExtensionRow& row : kExtensions) {
    out.header_extensions.push_back({row.kind, std::string(row.uri), static_cast<std::uint8_t>(row.id), row.direction});
  }
  return out;
}

}  // namespace jb::sfu
