// SPDX-License-Identifier: Apache-2.0
#include "client/audio_track.h"

#include <algorithm>
#include <utility>

#include "media/audio/level.h"
#include "proto/rtp/extensions.h"
#include "proto/rtp/first_sequence.h"

namespace jb::client {
namespace {

constexpr std::uint8_t kPayloadType = 111;  // as Chrome has it
constexpr std::uint8_t kLevelId = 1;
constexpr std::uint8_t kMidId = 4;
constexpr std::string_view kMid = "0";
// Levels at least this loud set the voice bit; there is no voice detector here.
constexpr std::uint8_t kVoiceLevel = 50;

}  // namespace

AudioTrack::AudioTrack(std::shared_ptr<const std::vector<std::int16_t>> pcm, bool loop, std::string cname,
                       Random& random)
    : pcm_(std::move(pcm)),
      loop_(loop),
      cname_(std::move(cname)),
      ssrc_(random.U32()),
      seq_(rtp::FirstSequence(random)),
      timestamp_(random.U32()) {
  layout_.Reserve(kLevelId, 1);
  layout_.Reserve(kMidId, static_cast<std::uint8_t>(kMid.size()));
}

json::object AudioTrack::RtpParameters() const {
  json::object opus{{"mimeType", "audio/opus"},
                    {"payloadType", kPayloadType},
                    {"clockRate", 48000},
                    {"channels", 2},
                    {"parameters", {{"minptime", 10}, {"useinbandfec", 1}}},
                    {"rtcpFeedback", json::array()}};
  json::array extensions{{{"uri", rtp::kMidUri}, {"id", kMidId}, {"encrypt", false}},
                         {{"uri", rtp::kAudioLevelUri}, {"id", kLevelId}, {"encrypt", false}}};
  return {{"mid", kMid},
          {"codecs", json::array{std::move(opus)}},
          {"headerExtensions", std::move(extensions)},
          {"encodings", json::array{json::object{{"ssrc", ssrc_.value()}, {"dtx", false}}}},
          {"rtcp", {{"cname", cname_}, {"reducedSize", true}}}};
}

void AudioTrack::TakeFrame(std::array<std::int16_t, media::kOpusFrameSamples>& frame) {
  if (loop_ && at_ >= pcm_->size()) at_ = 0;
  const std::size_t n = std::min(frame.size(), pcm_->size() - std::min(at_, pcm_->size()));
  std::copy_n(pcm_->begin() + static_cast<std::ptrdiff_t>(std::min(at_, pcm_->size())), n, frame.begin());
  std::fill(frame.begin() + static_cast<std::ptrdiff_t>(n), frame.end(), std::int16_t{0});
  at_ += n;
}

AudioTrack::Packet AudioTrack::Next(ByteSpan buffer) {
  std::array<std::int16_t, media::kOpusFrameSamples> frame;
  TakeFrame(frame);
  Packet packet;
  packet.level = media::AudioLevel(frame);
  packet.timestamp = timestamp_;
  rtp::HeaderFields fields;
  fields.marker = std::exchange(first_, false);
  fields.payload_type = rtp::PayloadType(kPayloadType);
  fields.sequence_number = seq_;
  fields.timestamp = timestamp_;
  fields.ssrc = ssrc_;
  const std::size_t header = layout_.Write(buffer, fields);
  layout_.SetU8(buffer, kLevelId, rtp::WriteAudioLevel({packet.level < kVoiceLevel, packet.level}));
  layout_.Set(buffer, kMidId, AsBytes(kMid));
  packet.payload_size = encoder_.Encode(frame, buffer.subspan(header));
  packet.size = header + packet.payload_size;
  seq_ = seq_.Next();
  timestamp_ = timestamp_ + static_cast<std::int64_t>(frame.size());
  return packet;
}

}  // namespace jb::client
