// SPDX-License-Identifier: Apache-2.0
#include "client/video_track.h"

#include <algorithm>
#include <array>
#include <utility>

#include "client/audio_track.h"
#include "proto/rtp/extensions.h"
#include "proto/rtp/first_sequence.h"
#include "proto/rtp/rtx.h"

namespace jb::client {
namespace {

constexpr std::uint8_t kPayloadType = 96;
constexpr std::uint8_t kRtxPayloadType = 97;
constexpr std::size_t kKeptPackets = 2500;  // the retransmission buffer's two seconds at 10 Mbit/s
constexpr std::uint8_t kMidId = 4;
constexpr std::string_view kMid = "1";
constexpr std::int64_t kClockRate = 90000;  // RFC 7741 section 4.1
constexpr std::size_t kMaxPayload = 1100;   // with headers and tag well below 1200
constexpr std::size_t kDescriptorSize = 4;  // with a 15-bit picture id

constexpr std::size_t kIvfHeader = 32;
constexpr std::size_t kIvfFrameHeader = 12;
constexpr std::size_t kMaxFrame = 1 << 20;

std::uint32_t LittleU32(const std::uint8_t* p) {
  return p[0] | (std::uint32_t{p[1]} << 8) | (std::uint32_t{p[2]} << 16) | (std::uint32_t{p[3]} << 24);
}

// RFC 6386 section 9.1: bit 0 of the frame tag is 0 in a key frame.
bool IsKeyFrame(const Bytes& frame) { return !frame.empty() && (frame[0] & 1) == 0; }

Failure<Error> BadIvf(const char* what) { return Fail("bad_ivf", std::string("the video file ") + what); }

// RFC 7741 section 4.2:  X|R|N|S|R|PID  I|L|T|K|RSV  M|PictureID (15 bits)
void WriteDescriptor(std::uint8_t* out, bool start, std::uint16_t picture_id) {
  out[0] = static_cast<std::uint8_t>(0x80 | (start ? 0x10 : 0));
  out[1] = 0x80;
  StoreU16(out + 2, static_cast<std::uint16_t>(0x8000 | picture_id));
}

}  // namespace

Result<IvfClip> ParseIvf(ByteView file) {
  if (file.size() < kIvfHeader || AsText(file.first(4)) != "DKIF") return BadIvf("is not IVF");
  if (AsText(file.subspan(8, 4)) != "VP80") return BadIvf("is not VP8");
  const std::uint32_t rate = LittleU32(file.data() + 16);
  const std::uint32_t scale = LittleU32(file.data() + 20);
  if (rate == 0 || scale == 0 || rate / scale > 240 || scale / rate > 10) {
    return BadIvf("has no sensible frame rate");
  }
  IvfClip clip;
  clip.frame_interval = std::chrono::microseconds(std::int64_t{1'000'000} * scale / rate);
  file = file.subspan(kIvfHeader);
  while (!file.empty()) {
    if (file.size() < kIvfFrameHeader) return BadIvf("ends within a frame");
    const std::size_t size = LittleU32(file.data());
    if (size > file.size() - kIvfFrameHeader || size > kMaxFrame) return BadIvf("ends within a frame");
    const ByteView frame = file.subspan(kIvfFrameHeader, size);
    clip.frames.emplace_back(frame.begin(), frame.end());
    file = file.subspan(kIvfFrameHeader + size);
  }
  if (clip.frames.empty()) return BadIvf("has no frames");
  if (!IsKeyFrame(clip.frames[0])) return BadIvf("does not start with a key frame");
  return clip;
}

VideoTrack::VideoTrack(IvfClip clip, std::string cname, Random& random)
    : clip_(std::move(clip)),
      cname_(std::move(cname)),
      ssrc_(random.U32()),
      rtx_ssrc_(random.U32()),
      seq_(rtp::FirstSequence(random)),
      rtx_seq_(rtp::FirstSequence(random)),
      first_timestamp_(random.U32()),
      picture_id_(static_cast<std::uint16_t>(random.Between(0, 0x7fff))),
      pool_(kKeptPackets) {
  layout_.Reserve(kMidId, static_cast<std::uint8_t>(kMid.size()));
}

json::object VideoTrack::RtpParameters() const {
  const auto feedback = [](const char* type, const char* parameter) {
    return json::object{{"type", type}, {"parameter", parameter}};
  };
  json::object vp8{{"mimeType", "video/VP8"},
                   {"payloadType", kPayloadType},
                   {"clockRate", kClockRate},
                   {"parameters", json::object()},
                   {"rtcpFeedback", {feedback("nack", ""), feedback("nack", "pli"), feedback("ccm", "fir")}}};
  json::object rtx{{"mimeType", "video/rtx"},
                   {"payloadType", kRtxPayloadType},
                   {"clockRate", kClockRate},
                   {"parameters", {{"apt", kPayloadType}}},
                   {"rtcpFeedback", json::array()}};
  json::object encoding{{"ssrc", ssrc_.value()}, {"rtx", {{"ssrc", rtx_ssrc_.value()}}}};
  json::array extensions{{{"uri", rtp::kMidUri}, {"id", kMidId}, {"encrypt", false}}};
  return {{"mid", kMid},
          {"codecs", json::array{std::move(vp8), std::move(rtx)}},
          {"headerExtensions", std::move(extensions)},
          {"encodings", json::array{std::move(encoding)}},
          {"rtcp", {{"cname", cname_}, {"reducedSize", true}}}};
}

rtp::Timestamp VideoTrack::Next(Time now, const Send& send) {
  if (started_at_ == kNever) started_at_ = next_at_ = now;
  // By the clock, so that a late call does not stretch the video.
  const std::int64_t ticks = (next_at_ - started_at_).count() * kClockRate / 1'000'000;
  const rtp::Timestamp timestamp(static_cast<std::uint32_t>(first_timestamp_ + ticks));
  const Bytes& frame = clip_.frames[at_];
  std::array<std::uint8_t, kPacketBuffer> buffer;
  for (std::size_t sent = 0; sent < frame.size();) {
    const std::size_t n = std::min(kMaxPayload, frame.size() - sent);
    rtp::HeaderFields fields;
    fields.marker = sent + n == frame.size();
    fields.payload_type = rtp::PayloadType(kPayloadType);
    fields.sequence_number = seq_;
    fields.timestamp = timestamp;
    fields.ssrc = ssrc_;
    const std::size_t header = layout_.Write(buffer, fields);
    layout_.Set(buffer, kMidId, AsBytes(kMid));
    WriteDescriptor(buffer.data() + header, sent == 0, picture_id_);
    std::copy_n(frame.begin() + static_cast<std::ptrdiff_t>(sent), n,
                buffer.begin() + static_cast<std::ptrdiff_t>(header + kDescriptorSize));
    // Before it is sent: SRTP encrypts in place.
    Keep(ByteView(buffer).first(header + kDescriptorSize + n), fields.marker, timestamp, now);
    send(buffer, header + kDescriptorSize + n, kDescriptorSize + n);
    seq_ = seq_.Next();
    sent += n;
  }
  picture_id_ = static_cast<std::uint16_t>((picture_id_ + 1) & 0x7fff);
  at_ = (at_ + 1) % clip_.frames.size();
  next_at_ = std::max(next_at_ + clip_.frame_interval, now - clip_.frame_interval);
  return timestamp;
}

void VideoTrack::Keep(ByteView packet, bool marker, rtp::Timestamp timestamp, Time now) {
  media::PacketRef kept = pool_.Take();
  if (!kept) return;
  std::copy(packet.begin(), packet.end(), kept->storage().begin());
  kept->set_size(packet.size());
  kept->layout() = layout_;
  sent_.Add(std::move(kept), seq_, timestamp, marker, now);
}

void VideoTrack::HandleNack(const rtcp::Nack& nack, Time now, const Send& send) {
  if (nack.media_ssrc != ssrc_) return;
  nack.ForEach([&](rtp::SeqNum number) { Resend(number, now, send); });
}

void VideoTrack::Resend(rtp::SeqNum number, Time now, const Send& send) {
  const auto* item = sent_.Answer(number, now, kPacketBuffer);
  if (item == nullptr) return;
  const media::PacketBuffer& kept = *item->packet;
  std::array<std::uint8_t, kPacketBuffer> buffer;
  std::copy(kept.bytes().begin(), kept.bytes().end(), buffer.begin());
  const rtp::RtxStream stream{rtx_ssrc_, rtp::PayloadType(kRtxPayloadType), rtx_seq_};
  const std::size_t size = rtp::EncapsulateRtx(buffer, kept.size(), kept.header_size(), stream);
  rtx_seq_ = rtx_seq_.Next();
  send(buffer, size, size - kept.header_size());
}

}  // namespace jb::client
