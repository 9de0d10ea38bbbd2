// SPDX-License-Identifier: Apache-2.0
#include "client/trace_track.h"

#include <algorithm>
#include <array>
#include <utility>

#include "client/audio_track.h"
#include "crypto/srtp.h"
#include "proto/rtcp/fir.h"
#include "proto/rtcp/nack.h"
#include "proto/rtcp/pli.h"
#include "proto/rtcp/receiver_report.h"
#include "proto/rtcp/sdes.h"
#include "proto/rtcp/sender_report.h"
#include "proto/rtp/extensions.h"
#include "proto/rtp/first_sequence.h"
#include "proto/rtp/rtx.h"

namespace jb::client {
namespace {

using std::chrono::milliseconds;

// The numbers that Chromium takes.
constexpr std::uint8_t kOpusPayloadType = 111;
constexpr std::uint8_t kVp8PayloadType = 96;
constexpr std::uint8_t kRtxPayloadType = 97;
constexpr std::uint8_t kLevelId = 1;
constexpr std::uint8_t kAbsSendTimeId = 2;
constexpr std::uint8_t kTransportCcId = 3;
constexpr std::uint8_t kMidId = 4;
constexpr std::uint8_t kRidId = 10;
constexpr std::uint8_t kRepairedRidId = 11;

constexpr std::uint32_t kOpusClock = 48000;
constexpr std::uint32_t kVideoClock = 90000;

// When the owner comes later than this, what should have left meanwhile is left out instead of sent in a burst.
constexpr Duration kMostCatchUp = milliseconds(200);
constexpr Duration kMinKeyFrameInterval = milliseconds(300);  // libwebrtc's encoders take no request sooner
constexpr std::size_t kReportSize = 256;
constexpr std::size_t kSrtpRoom = crypto::SrtpSession::kMaxOverhead;
constexpr std::uint8_t kVoiceLevel = 50;  // at least this loud sets the voice bit, as in audio_track.cc

std::int64_t Ticks(Duration d, std::uint32_t clock) { return d.count() * clock / 1'000'000; }

json::object Extension(std::string_view uri, std::uint8_t id) {
  return {{"uri", uri}, {"id", id}, {"encrypt", false}, {"parameters", json::object()}};
}

json::object Feedback(const char* type, const char* parameter) { return {{"type", type}, {"parameter", parameter}}; }

}  // namespace

struct TraceTrack::Stream {
  Stream(std::uint32_t clock_rate, Random& random)
      : clock(clock_rate),
        ssrc(random.U32()),
        rtx_ssrc(random.U32()),
        seq(rtp::FirstSequence(random)),
        rtx_seq(rtp::FirstSequence(random)),
        first_timestamp(random.U32()),
        picture_id(static_cast<std::uint16_t>(random.Between(0, 0x7FFF))),
        sender(ssrc, clock_rate) {}

  bool is_audio() const { return encoding == nullptr; }
  Duration ShapeAt(const MediaTrace& trace) const {
    return is_audio() ? trace.audio[position].at : encoding->frames[position].at;
  }
  std::size_t ShapeCount(const MediaTrace& trace) const {
    return is_audio() ? trace.audio.size() : encoding->frames.size();
  }
  const MediaTrace::VideoFrame& Shape() const {
    return sending_key ? encoding->key_frame : encoding->frames[position];
  }

  const std::uint32_t clock;
  const MediaTrace::Encoding* encoding = nullptr;  // null: audio
  std::uint32_t index = 0;
  std::string rid;  // empty: known by its SSRC
  const rtp::Ssrc ssrc, rtx_ssrc;
  // With and without the names that a receiver needs only until it knows the SSRC.
  rtp::HeaderLayout named, bare;
  bool known = false, rtx_known = false;
  rtp::SeqNum seq, rtx_seq;
  const std::uint32_t first_timestamp;
  std::uint16_t picture_id;
  std::uint8_t tl0_picture_index = 0;
  std::uint32_t number = 0;  // of the next packet, for its stamp
  media::StreamSender sender;
  media::RetransmissionBuffer sent;

  // Where in the trace it is.
  std::size_t position = 0;  // audio packet or video frame
  std::size_t packet = 0;    // of the frame
  Time began{};              // timestamps count from here
  Time cycle{};              // when the trace's zero was, this time around
  Time next_at = kNever;
  bool sending_key = false;
  bool key_wanted = false;
  std::optional<Time> last_key_at;
};

TraceTrack::TraceTrack(TraceTrackConfig config, media::PacketPool& pool, std::uint16_t& transport_sequence,
                       Random& random)
    : config_(std::move(config)), pool_(pool), transport_sequence_(transport_sequence) {
  const MediaTrace& trace = *config_.trace;
  const std::size_t count = config_.kind == LoadKind::kSimulcast ? trace.encodings.size() : 1;
  for (std::size_t i = 0; i < count; ++i) {
    auto stream = std::make_unique<Stream>(is_audio() ? kOpusClock : kVideoClock, random);
    if (!is_audio()) stream->encoding = &trace.encodings[count == 1 ? trace.encodings.size() - 1 : i];
    stream->index = static_cast<std::uint32_t>(i);
    if (count > 1) stream->rid = "r" + std::to_string(i);
    if (is_audio()) stream->bare.Reserve(kLevelId, 1);
    stream->bare.Reserve(kAbsSendTimeId, 3);
    stream->bare.Reserve(kTransportCcId, 2);
    stream->named = stream->bare;
    stream->named.Reserve(kMidId, static_cast<std::uint8_t>(config_.mid.size()));
    if (count > 1) {
      stream->named.Reserve(kRidId, static_cast<std::uint8_t>(stream->rid.size()));
      stream->named.Reserve(kRepairedRidId, static_cast<std::uint8_t>(stream->rid.size()));
    }
    streams_.push_back(std::move(stream));
  }
  offset_ = Duration(random.Between(0, static_cast<std::uint32_t>(trace.duration.count() - 1)));
}

TraceTrack::~TraceTrack() = default;

json::array TraceTrack::Codecs() const {
  if (is_audio()) {
    return {json::object{{"mimeType", "audio/opus"},
                         {"payloadType", kOpusPayloadType},
                         {"clockRate", kOpusClock},
                         {"channels", 2},
                         {"parameters", {{"minptime", 10}, {"useinbandfec", 1}}},
                         {"rtcpFeedback", json::array{Feedback("transport-cc", "")}}}};
  }
  return {json::object{{"mimeType", "video/VP8"},
                       {"payloadType", kVp8PayloadType},
                       {"clockRate", kVideoClock},
                       {"parameters", json::object()},
                       {"rtcpFeedback", json::array{Feedback("transport-cc", ""), Feedback("ccm", "fir"),
                                                    Feedback("nack", ""), Feedback("nack", "pli")}}},
          json::object{{"mimeType", "video/rtx"},
                       {"payloadType", kRtxPayloadType},
                       {"clockRate", kVideoClock},
                       {"parameters", {{"apt", kVp8PayloadType}}},
                       {"rtcpFeedback", json::array()}}};
}

json::array TraceTrack::Extensions() const {
  json::array out{Extension(rtp::kMidUri, kMidId), Extension(rtp::kAbsSendTimeUri, kAbsSendTimeId),
                  Extension(rtp::kTransportCcUri, kTransportCcId)};
  if (is_audio()) out.push_back(Extension(rtp::kAudioLevelUri, kLevelId));
  if (config_.kind == LoadKind::kSimulcast) {
    out.push_back(Extension(rtp::kRidUri, kRidId));
    out.push_back(Extension(rtp::kRepairedRidUri, kRepairedRidId));
  }
  return out;
}

json::array TraceTrack::Encodings() const {
  json::array out;
  for (const auto& stream : streams_) {
    json::object encoding{{"active", true}, {"dtx", false}};
    if (stream->rid.empty()) {
      encoding["ssrc"] = stream->ssrc.value();
      if (!is_audio()) encoding["rtx"] = json::object{{"ssrc", stream->rtx_ssrc.value()}};
    } else {
      encoding["rid"] = stream->rid;
      encoding["scalabilityMode"] = "L1T3";
      encoding["scaleResolutionDownBy"] = 1 << (streams_.size() - 1 - stream->index);
      const auto bitrate = config_.trace->VideoBitrate({stream->encoding, 1});
      encoding["maxBitrate"] = static_cast<std::int64_t>(bitrate);
    }
    out.push_back(std::move(encoding));
  }
  return out;
}

json::object TraceTrack::RtpParameters() const {
  return {{"mid", config_.mid},
          {"codecs", Codecs()},
          {"headerExtensions", Extensions()},
          {"encodings", Encodings()},
          {"rtcp", {{"cname", config_.cname}, {"reducedSize", true}}}};
}

void TraceTrack::Start(Time now) {
  started_ = true;
  for (auto& stream : streams_) {
    stream->began = now;
    Place(*stream, now);
  }
}

void TraceTrack::SetMuted(bool muted, Time now) {
  if (std::exchange(muted_, muted) == muted || !started_) return;
  for (auto& stream : streams_) {
    if (muted) {
      stream->next_at = kNever;
    } else {
      Place(*stream, now);
    }
  }
}

// At the track's own offset; its first frame is a key frame.
void TraceTrack::Place(Stream& stream, Time now) {
  const MediaTrace& trace = *config_.trace;
  stream.cycle = now - offset_;
  stream.packet = 0;
  stream.position = 0;
  const std::size_t count = stream.ShapeCount(trace);
  while (stream.position < count && stream.ShapeAt(trace) < offset_) ++stream.position;
  if (stream.position == count) {
    stream.position = 0;
    stream.cycle += trace.duration;
  }
  stream.key_wanted = !stream.is_audio();
  stream.last_key_at.reset();
  stream.next_at = stream.cycle + stream.ShapeAt(trace);
}

Time TraceTrack::NextDeadline() const {
  Time next = kNever;
  for (const auto& stream : streams_) next = std::min(next, stream->next_at);
  return next;
}

void TraceTrack::HandleTimeout(Time now, WallTime wall, const Send& send) {
  for (auto& stream : streams_) {
    if (stream->next_at == kNever) continue;
    if (now - stream->next_at > kMostCatchUp) {
      ++counters_.stalls;
      stream->cycle += now - stream->next_at;
      stream->next_at = now;
    }
    while (stream->next_at <= now) {
      stream->is_audio() ? SendAudioPacket(*stream, now, wall, send) : SendVideoPacket(*stream, now, wall, send);
      Advance(*stream);
    }
  }
}

void TraceTrack::Advance(Stream& stream) {
  const MediaTrace& trace = *config_.trace;
  if (!stream.is_audio() && ++stream.packet < stream.Shape().packets.size()) {
    stream.next_at = stream.cycle + stream.ShapeAt(trace) + stream.Shape().packets[stream.packet].delay;
    return;
  }
  stream.packet = 0;
  if (++stream.position == stream.ShapeCount(trace)) {
    stream.position = 0;
    stream.cycle += trace.duration;
  }
  stream.next_at = stream.cycle + stream.ShapeAt(trace);
}

LoadStamp TraceTrack::StampOf(const Stream& stream, WallTime wall) const {
  return {config_.run, config_.first_stream + stream.index, stream.number, wall};
}

// The header in front of a payload that the caller then writes behind it.
std::size_t TraceTrack::WriteHeader(Stream& stream, ByteSpan buffer, bool marker, Time now) {
  rtp::HeaderFields fields;
  fields.marker = marker;
  fields.payload_type = rtp::PayloadType(stream.is_audio() ? kOpusPayloadType : kVp8PayloadType);
  fields.sequence_number = stream.seq;
  fields.timestamp = TimestampOf(stream);
  fields.ssrc = stream.ssrc;
  const rtp::HeaderLayout& layout = stream.known ? stream.bare : stream.named;
  const std::size_t header = layout.Write(buffer, fields);
  layout.SetU24(buffer, kAbsSendTimeId, rtp::ToAbsSendTime(now));
  layout.SetU16(buffer, kTransportCcId, transport_sequence_++);
  if (stream.is_audio()) {
    const std::uint8_t level = config_.trace->audio[stream.position].level;
    layout.SetU8(buffer, kLevelId, rtp::WriteAudioLevel({level < kVoiceLevel, level}));
  }
  if (!stream.known) {
    layout.Set(buffer, kMidId, AsBytes(config_.mid));
    if (!stream.rid.empty()) layout.Set(buffer, kRidId, AsBytes(stream.rid));
  }
  return header;
}

rtp::Timestamp TraceTrack::TimestampOf(const Stream& stream) const {
  const Duration since = stream.cycle + stream.ShapeAt(*config_.trace) - stream.began;
  return rtp::Timestamp(static_cast<std::uint32_t>(stream.first_timestamp + Ticks(since, stream.clock)));
}

void TraceTrack::SendAudioPacket(Stream& stream, Time now, WallTime wall, const Send& send) {
  std::array<std::uint8_t, kPacketBuffer> buffer;
  const std::size_t header = WriteHeader(stream, buffer, stream.number == 0, now);
  const std::size_t payload = WriteOpusPayload(ByteSpan(buffer).subspan(header, kPacketBuffer - header - kSrtpRoom),
                                               config_.trace->audio[stream.position].size, StampOf(stream, wall));
  Finish(stream, buffer, header, payload, now, wall, send);
}

void TraceTrack::SendVideoPacket(Stream& stream, Time now, WallTime wall, const Send& send) {
  if (stream.packet == 0) BeginFrame(stream, now);
  const MediaTrace::VideoFrame& shape = stream.Shape();
  const bool last = stream.packet + 1 == shape.packets.size();
  std::array<std::uint8_t, kPacketBuffer> buffer;
  const std::size_t header = WriteHeader(stream, buffer, last, now);
  // A browser makes temporal layers with simulcast only.
  const bool layered = streams_.size() > 1;
  const Vp8Packet vp8{.picture_id = stream.picture_id,
                      .tl0_picture_index = stream.tl0_picture_index,
                      .temporal_layer = layered ? shape.temporal_layer : std::uint8_t{0},
                      .layer_sync = layered && shape.layer_sync,
                      .non_reference = layered && shape.non_reference,
                      .first_of_frame = stream.packet == 0,
                      .key_frame = shape.key};
  const std::size_t payload =
      WriteVp8Payload(ByteSpan(buffer).subspan(header, kPacketBuffer - header - kSrtpRoom),
                      shape.packets[stream.packet].size + kVp8DescriptorSize, vp8, StampOf(stream, wall));
  Keep(stream, ByteView(buffer).first(header + payload), last, now);
  Finish(stream, buffer, header, payload, now, wall, send);
}

void TraceTrack::BeginFrame(Stream& stream, Time now) {
  const bool may = !stream.last_key_at || now - *stream.last_key_at >= kMinKeyFrameInterval;
  stream.sending_key = stream.key_wanted && may;
  if (stream.Shape().key) {
    stream.key_wanted = false;
    stream.last_key_at = now;
    ++counters_.key_frames;
  }
  stream.picture_id = static_cast<std::uint16_t>((stream.picture_id + 1) & 0x7FFF);
  if (stream.Shape().temporal_layer == 0 || streams_.size() == 1) ++stream.tl0_picture_index;
}

// To answer NACKs from. Without room in the pool the packet is not kept.
void TraceTrack::Keep(Stream& stream, ByteView packet, bool marker, Time now) {
  media::PacketRef kept = pool_.Take();
  if (!kept) return;
  std::copy(packet.begin(), packet.end(), kept->storage().begin());
  kept->set_size(packet.size());
  kept->layout() = stream.known ? stream.bare : stream.named;
  stream.sent.Add(std::move(kept), stream.seq, TimestampOf(stream), marker, now);
}

void TraceTrack::Finish(Stream& stream, ByteSpan buffer, std::size_t header, std::size_t payload, Time now,
                        WallTime wall, const Send& send) {
  stream.sender.HandleSent(TimestampOf(stream), payload, now);
  stream.seq = stream.seq.Next();
  ++stream.number;
  ++counters_.packets;
  counters_.bytes += payload;
  if (wall >= window_from_ && wall < window_to_) ++packets_in_window_;
  send(buffer, header + payload);
}

void TraceTrack::WriteReports(Time now, WallTime wall, const Send& send) const {
  for (const auto& stream : streams_) {
    const auto info = stream->sender.MakeSenderReport(now, wall);
    if (!info) continue;
    std::array<std::uint8_t, kReportSize + kSrtpRoom> buffer;
    ByteWriter out(ByteSpan(buffer).first(kReportSize));
    rtcp::WriteSenderReport(out, *info);
    rtcp::WriteCname(out, info->ssrc, config_.cname);
    if (out.ok()) send(buffer, out.size());
  }
}

TraceTrack::Stream* TraceTrack::FindStream(rtp::Ssrc ssrc) {
  for (auto& stream : streams_) {
    if (stream->ssrc == ssrc) return stream.get();
  }
  return nullptr;
}

void TraceTrack::HandleRtcp(const rtcp::RawPacket& packet, Time now, WallTime wall, const Send& send) {
  if (packet.Is(rtcp::PacketType::kReceiverReport)) {
    const auto report = rtcp::ReceiverReport::Parse(packet);
    for (std::size_t i = 0; report.ok() && i < report->blocks.size(); ++i) HandleReportBlock(report->blocks[i], wall);
  } else if (packet.Is(rtcp::PacketType::kSenderReport)) {
    const auto report = rtcp::SenderReport::Parse(packet);
    for (std::size_t i = 0; report.ok() && i < report->blocks.size(); ++i) HandleReportBlock(report->blocks[i], wall);
  } else if (packet.IsFeedback(rtcp::PacketType::kTransportFeedback, rtcp::kFormatNack)) {
    const auto nack = rtcp::Nack::Parse(packet);
    Stream* stream = nack.ok() ? FindStream(nack->media_ssrc) : nullptr;
    if (stream) nack->ForEach([&](rtp::SeqNum number) { Resend(*stream, number, now, send); });
  } else if (packet.IsFeedback(rtcp::PacketType::kPayloadFeedback, rtcp::kFormatPli)) {
    const auto pli = rtcp::Pli::Parse(packet);
    if (pli.ok()) HandleKeyFrameRequest(pli->media_ssrc);
  } else if (packet.IsFeedback(rtcp::PacketType::kPayloadFeedback, rtcp::kFormatFir)) {
    const auto fir = rtcp::Fir::Parse(packet);
    for (std::size_t i = 0; fir.ok() && i < fir->size(); ++i) HandleKeyFrameRequest((*fir)[i].ssrc);
  }
}

void TraceTrack::HandleReportBlock(const rtcp::ReportBlock& block, WallTime wall) {
  for (auto& stream : streams_) {
    if (stream->rtx_ssrc == block.ssrc) stream->rtx_known = true;
    if (stream->ssrc != block.ssrc) continue;
    stream->known = true;
    stream->sender.HandleReportBlock(block, wall);
    if (const auto rtt = stream->sender.rtt()) stream->sent.set_rtt(*rtt);
  }
}

void TraceTrack::HandleKeyFrameRequest(rtp::Ssrc ssrc) {
  Stream* stream = FindStream(ssrc);
  if (stream == nullptr || stream->is_audio()) return;
  ++counters_.key_frames_asked;
  stream->key_wanted = true;
}

// RFC 4588 section 4: the original payload behind its sequence number, in the RTX stream.
void TraceTrack::Resend(Stream& stream, rtp::SeqNum number, Time now, const Send& send) {
  ++counters_.nacked;
  const auto* item = stream.sent.Answer(number, now, kPacketBuffer);
  if (item == nullptr) return;
  std::array<std::uint8_t, kPacketBuffer> buffer;
  rtp::HeaderFields fields;
  fields.marker = item->marker;
  fields.payload_type = rtp::PayloadType(kRtxPayloadType);
  fields.sequence_number = stream.rtx_seq;
  fields.timestamp = item->timestamp;
  fields.ssrc = stream.rtx_ssrc;
  const rtp::HeaderLayout& layout = stream.rtx_known ? stream.bare : stream.named;
  const std::size_t header = layout.Write(buffer, fields);
  layout.SetU24(buffer, kAbsSendTimeId, rtp::ToAbsSendTime(now));
  layout.SetU16(buffer, kTransportCcId, transport_sequence_++);
  if (!stream.rtx_known) {
    layout.Set(buffer, kMidId, AsBytes(config_.mid));
    if (!stream.rid.empty()) layout.Set(buffer, kRepairedRidId, AsBytes(stream.rid));
  }
  const ByteView payload = item->packet->payload();
  if (header + rtp::kOsnSize + payload.size() + kSrtpRoom > buffer.size()) return;
  StoreU16(buffer.data() + header, number.value());
  std::copy(payload.begin(), payload.end(), buffer.begin() + static_cast<std::ptrdiff_t>(header + rtp::kOsnSize));
  stream.rtx_seq = stream.rtx_seq.Next();
  stream.sender.HandleResent(payload.size());
  ++counters_.resent;
  send(buffer, header + rtp::kOsnSize + payload.size());
}

}  // namespace jb::client
