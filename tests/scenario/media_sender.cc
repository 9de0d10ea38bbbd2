// SPDX-License-Identifier: Apache-2.0
#include "scenario/media_sender.h"

#include <algorithm>

#include "media/payload/test_red_writer.h"
#include "proto/rtcp/compound.h"
#include "proto/rtcp/fir.h"
#include "proto/rtcp/nack.h"
#include "proto/rtcp/pli.h"
#include "proto/rtcp/receiver_report.h"
#include "proto/rtcp/sdes.h"
#include "proto/rtcp/sender_report.h"
#include "proto/rtp/extensions.h"
#include "proto/rtp/header_layout.h"
#include "proto/rtp/rtx.h"

namespace jb::scenario {
namespace {

constexpr std::uint32_t kOurRtcpSsrc = 1;

json::array Extensions(bool video) {
  const auto extension = [](std::string_view uri, int id) {
    return json::object{{"uri", uri}, {"id", id}, {"encrypt", false}, {"parameters", json::object()}};
  };
  json::array out{extension(rtp::kMidUri, MediaSender::kMidId),
                  extension(rtp::kAbsSendTimeUri, MediaSender::kAbsSendTimeId),
                  extension(rtp::kTransportCcUri, MediaSender::kTransportCcId)};
  if (video) {
    out.push_back(extension(rtp::kRidUri, MediaSender::kRidId));
    out.push_back(extension(rtp::kRepairedRidUri, MediaSender::kRepairedRidId));
    out.push_back(extension(rtp::kDependencyDescriptorUri, MediaSender::kDependencyDescriptorId));
  } else {
    out.push_back(extension(rtp::kAudioLevelUri, MediaSender::kLevelId));
  }
  return out;
}

json::object Feedback(std::string_view type, std::string_view parameter = "") {
  return {{"type", type}, {"parameter", parameter}};
}

}  // namespace

// RFC 7741: S and partition 0; then the frame header's P bit.
CodecShape Vp8Shape() { return {"VP8", MediaSender::kVp8, {}, {0x10, 0x00}, {0x10, 0x01}, {0x00, 0x00}}; }
// RFC 9628: I with a long picture id, B at the start, P in inter frames.
CodecShape Vp9Shape() {
  return {"VP9", 98, json::object{{"profile-id", 0}}, {0x88, 0x80, 0x01}, {0xC8, 0x80, 0x02}, {0x80, 0x80, 0x01}};
}
// RFC 6184: STAP-A with an SPS and a PPS; a single slice from macroblock 0; the middle of an FU-A.
CodecShape H264Shape() {
  return {"H264",
          102,
          json::object{{"packetization-mode", 1}, {"profile-level-id", "42e01f"}, {"level-asymmetry-allowed", 1}},
          {0x78, 0x00, 0x02, 0x67, 0x42, 0x00, 0x02, 0x68, 0xCE},
          {0x41, 0x9A},
          {0x5C, 0x01}};
}
// AV1 RTP 1.0: N at a new sequence; Z in what continues an OBU.
CodecShape Av1Shape() { return {"AV1", 45, {}, {0x18, 0x0A}, {0x10, 0x32}, {0x90, 0x00}}; }

json::value AudioParameters(const SenderOptions& options) {
  json::object encoding;
  if (options.declare_ssrc) encoding["ssrc"] = options.ssrc;
  json::array feedback{Feedback("transport-cc")};
  if (options.nack) feedback.push_back(Feedback("nack"));
  json::array codecs{json::object{{"mimeType", "audio/opus"},
                                  {"payloadType", MediaSender::kOpus},
                                  {"clockRate", 48000},
                                  {"channels", 2},
                                  {"parameters", json::object{{"useinbandfec", 1}}},
                                  {"rtcpFeedback", feedback}}};
  if (options.red_copies > 0) {
    codecs.push_back(json::object{{"mimeType", "audio/red"},
                                  {"payloadType", MediaSender::kRed},
                                  {"clockRate", 48000},
                                  {"channels", 2},
                                  {"parameters", json::object{{"111/111", ""}}}});
  }
  return json::object{{"mid", options.mid},
                      {"codecs", codecs},
                      {"headerExtensions", Extensions(false)},
                      {"encodings", json::array{encoding}},
                      {"rtcp", json::object{{"cname", options.cname}, {"reducedSize", true}}},
                      {"msid", "stream track"}};
}

json::value VideoParameters(const SenderOptions& options, const std::vector<std::string>& rids) {
  json::array encodings;
  for (const std::string& rid : rids) encodings.push_back(json::object{{"rid", rid}, {"scalabilityMode", "L1T1"}});
  if (rids.empty()) {
    json::object encoding;
    if (options.declare_ssrc) {
      encoding["ssrc"] = options.ssrc;
      encoding["rtx"] = json::object{{"ssrc", options.rtx_ssrc}};
    }
    encodings.push_back(encoding);
  }
  const json::array feedback{Feedback("goog-remb"), Feedback("transport-cc"), Feedback("ccm", "fir"), Feedback("nack"),
                             Feedback("nack", "pli")};
  return json::object{{"mid", options.mid},
                      {"codecs", json::array{json::object{{"mimeType", "video/" + options.codec.name},
                                                          {"payloadType", options.codec.payload_type},
                                                          {"clockRate", 90000},
                                                          {"parameters", options.codec.parameters},
                                                          {"rtcpFeedback", feedback}},
                                             json::object{{"mimeType", "video/rtx"},
                                                          {"payloadType", MediaSender::kRtx},
                                                          {"clockRate", 90000},
                                                          {"parameters", json::object{{"apt", options.codec.payload_type}}},
                                                          {"rtcpFeedback", json::array()}}}},
                      {"headerExtensions", Extensions(true)},
                      {"encodings", encodings},
                      {"rtcp", json::object{{"cname", options.cname}, {"reducedSize", true}}},
                      {"msid", "stream track"}};
}

json::value RecvCapabilities(sfu::Worker& worker, BandwidthFeedback feedback) {
  json::object caps = worker.RouterRtpCapabilities();
  // Trap T1: browsers list each extension once, as video, unless only audio has it.
  std::map<std::string, json::value> by_uri;
  for (const json::value& item : caps["headerExtensions"].get_array()) {
    if (GetString(item, "direction") != "recvonly") by_uri[std::string(*GetString(item, "uri"))] = item;
  }
  // Which feedback a consumer is given follows from these two, as in mediasoup.
  if (feedback != BandwidthFeedback::kTransportWide) by_uri.erase(std::string(rtp::kTransportCcUri));
  if (feedback == BandwidthFeedback::kNone) by_uri.erase(std::string(rtp::kAbsSendTimeUri));
  json::array extensions;
  for (const auto& [uri, item] : by_uri) extensions.push_back(item);
  caps["headerExtensions"] = std::move(extensions);
  return caps;
}

MediaSender::MediaSender(TestPeer& peer, SenderOptions options)
    : peer_(peer),
      options_(std::move(options)),
      sequence_(options_.first_sequence),
      timestamp_(options_.first_timestamp) {}

Bytes MediaSender::Build(std::uint8_t payload_type, bool marker, ByteView payload, std::uint16_t sequence) {
  rtp::HeaderLayout layout;
  layout.Reserve(kMidId, static_cast<std::uint8_t>(options_.mid.size()));
  layout.Reserve(kAbsSendTimeId, 3);
  layout.Reserve(kTransportCcId, 2);
  if (!options_.video) layout.Reserve(kLevelId, 1);
  if (!options_.rid.empty()) layout.Reserve(kRidId, static_cast<std::uint8_t>(options_.rid.size()));
  if (!descriptor_.empty()) layout.Reserve(kDependencyDescriptorId, static_cast<std::uint8_t>(descriptor_.size()));
  Bytes out(layout.size() + payload.size());
  rtp::HeaderFields fields;
  fields.marker = marker;
  fields.payload_type = rtp::PayloadType(payload_type);
  fields.sequence_number = rtp::SeqNum(sequence);
  fields.timestamp = rtp::Timestamp(timestamp_);
  fields.ssrc = rtp::Ssrc(options_.ssrc);
  layout.Write(out, fields);
  layout.Set(out, kMidId, AsBytes(options_.mid));
  layout.SetU24(out, kAbsSendTimeId, rtp::ToAbsSendTime(peer_.world().now()));
  layout.SetU16(out, kTransportCcId, transport_sequence_++);
  if (!options_.video) layout.SetU8(out, kLevelId, level_);
  if (!options_.rid.empty()) layout.Set(out, kRidId, AsBytes(options_.rid));
  if (!descriptor_.empty()) layout.Set(out, kDependencyDescriptorId, descriptor_);
  std::copy(payload.begin(), payload.end(), out.begin() + static_cast<std::ptrdiff_t>(layout.size()));
  return out;
}

void MediaSender::SendPacket(std::uint8_t payload_type, bool marker, ByteView payload) {
  Bytes packet = Build(payload_type, marker, payload, sequence_);
  peer_.SendRtp(packet);
  if (options_.nack) datagrams_[sequence_] = peer_.last_rtp();
  ++sent;
  history_[sequence_++] = std::move(packet);
  if (history_.size() > 1000) history_.erase(static_cast<std::uint16_t>(sequence_ - 1001));
}

void MediaSender::SendPayload(ByteView payload, bool marker, ByteView descriptor) {
  descriptor_.assign(descriptor.begin(), descriptor.end());
  SendPacket(options_.codec.payload_type, marker, payload);
  descriptor_.clear();
}

void MediaSender::SendSenderReport(std::uint32_t timestamp, WallTime wall) {
  std::array<std::uint8_t, 64> buffer;
  ByteWriter out(buffer);
  rtcp::SenderInfo info;
  info.ssrc = rtp::Ssrc(options_.ssrc);
  info.ntp = rtcp::NtpTime::FromWall(wall);
  info.rtp_timestamp = rtp::Timestamp(timestamp);
  rtcp::WriteSenderReport(out, info);
  peer_.SendRtcp(out.written());
}

void MediaSender::SendOpus(std::uint8_t level, bool voice) {
  Bytes payload(60, 0x78);
  StoreU32(payload.data() + 4, frames_++);
  level_ = rtp::WriteAudioLevel({voice, level});
  const bool red = options_.red_copies > 0;
  SendPacket(red ? kRed : kOpus, false, red ? WrapInRed(payload) : payload);
  timestamp_ += 960;
}

// As Chrome: the oldest first, and none that is too old for the 14 bits of its offset.
Bytes MediaSender::WrapInRed(ByteView opus) {
  std::vector<media::red::Block> copies;
  for (const Spoken& one : spoken_) {
    const std::uint32_t offset = timestamp_ - one.timestamp;
    if (offset > media::red::kMaxTimestampOffset) continue;
    copies.push_back({kOpus, static_cast<std::uint16_t>(offset), one.opus});
  }
  const Bytes out = media::testing::WriteRed(copies, kOpus, opus);
  spoken_.push_back({timestamp_, Bytes(opus.begin(), opus.end())});
  if (spoken_.size() > options_.red_copies) spoken_.pop_front();
  return out;
}

void MediaSender::SendFrame(bool key_frame, int packets, std::size_t size) {
  if (key_frame) key_frame_wanted_ = false;
  for (int i = 0; i < packets; ++i) {
    Bytes payload(size, static_cast<std::uint8_t>(i));
    const CodecShape& codec = options_.codec;
    const Bytes& start = i > 0 ? codec.middle : key_frame ? codec.key_start : codec.frame_start;
    std::copy(start.begin(), start.end(), payload.begin());
    StoreU32(payload.data() + start.size() + 2, frames_);
    SendPacket(codec.payload_type, i == packets - 1, payload);
  }
  ++frames_;
  timestamp_ += 3000;
}

void MediaSender::SendPadding() {
  Bytes packet = Build(options_.codec.payload_type, false, {}, sequence_++);
  packet[0] |= 0x20;
  packet.resize(packet.size() + 100);
  packet.back() = 100;
  peer_.SendRtp(packet);
}

void MediaSender::HandleRtcp(ByteView compound) {
  const auto parsed = rtcp::Compound::Parse(compound);
  if (!parsed.ok()) return;
  parsed->ForEach([&](const rtcp::RawPacket& packet) {
    if (packet.IsFeedback(rtcp::PacketType::kPayloadFeedback, rtcp::kFormatPli)) {
      const auto pli = rtcp::Pli::Parse(packet);
      if (!pli.ok() || pli->media_ssrc.value() != options_.ssrc) return;
      ++plis;
      key_frame_wanted_ = true;
    } else if (packet.IsFeedback(rtcp::PacketType::kPayloadFeedback, rtcp::kFormatFir)) {
      ++firs;
      key_frame_wanted_ = true;
    } else if (packet.IsFeedback(rtcp::PacketType::kTransportFeedback, rtcp::kFormatTransportWide)) {
      ++twcc_feedbacks;
    } else if (packet.Is(rtcp::PacketType::kReceiverReport)) {
      ++receiver_reports;
      const auto report = rtcp::ReceiverReport::Parse(packet);
      for (std::size_t i = 0; report.ok() && i < report->blocks.size(); ++i) {
        if (report->blocks[i].ssrc.value() == options_.ssrc) fraction_lost = report->blocks[i].fraction_lost;
      }
    } else if (packet.IsFeedback(rtcp::PacketType::kTransportFeedback, rtcp::kFormatNack)) {
      const auto nack = rtcp::Nack::Parse(packet);
      if (!nack.ok() || nack->media_ssrc.value() != options_.ssrc) return;
      nack->ForEach([&](rtp::SeqNum seq) {
        ++nacked;
        options_.video ? SendAgainByRtx(seq.value()) : SendAgain(seq.value());
      });
    }
  });
}

void MediaSender::SendAgain(std::uint16_t sequence) {
  const auto found = datagrams_.find(sequence);
  if (found != datagrams_.end()) peer_.world().SendToWorker(peer_.local(), found->second);
}

void MediaSender::SendAgainByRtx(std::uint16_t sequence) {
  const auto found = history_.find(sequence);
  if (found == history_.end()) return;
  Bytes buffer = found->second;
  const std::size_t size = buffer.size();
  const std::size_t header = rtp::PacketView::Parse(buffer)->header_size();
  buffer.resize(size + rtp::kOsnSize);
  const std::size_t rtx = rtp::EncapsulateRtx(
      buffer, size, header, {rtp::Ssrc(options_.rtx_ssrc), rtp::PayloadType(kRtx), rtp::SeqNum(rtx_sequence_++)});
  ++rtx_sent;
  peer_.SendRtp(ByteView(buffer).first(rtx));
}

MediaReceiver::MediaReceiver(TestPeer& peer, const json::value& consumer) : peer_(peer) {
  const json::value& parameters = *GetMember(consumer, "rtpParameters");
  mid = std::string(*GetString(parameters, "mid"));
  const json::value& encoding = GetArray(parameters, "encodings")->front();
  ssrc = static_cast<std::uint32_t>(*GetInt(encoding, "ssrc"));
  if (const json::value* rtx = GetMember(encoding, "rtx")) rtx_ssrc = static_cast<std::uint32_t>(*GetInt(*rtx, "ssrc"));
  const json::array& codecs = *GetArray(parameters, "codecs");
  payload_type = static_cast<std::uint8_t>(*GetInt(codecs[0], "payloadType"));
  if (codecs.size() > 1) rtx_payload_type = static_cast<std::uint8_t>(*GetInt(codecs[1], "payloadType"));
}

void MediaReceiver::HandlePacket(const ReceivedRtp& packet) {
  const rtp::PacketView view = packet.view();
  const auto from = view.ssrc().value();
  if (from != ssrc && from != rtx_ssrc) return;
  const auto got_mid = view.FindExtension(1);
  if (!got_mid || rtp::ParseStreamIdText(*got_mid) != mid) ++wrong_mid;
  if (from == ssrc) {
    ++packets;
    Insert(view, false);
    return;
  }
  ++rtx_packets;
  Bytes copy = packet.bytes;
  const auto rtx = rtp::MutablePacketView::Parse(copy);
  const auto original = rtp::DecapsulateRtx(*rtx, rtp::Ssrc(ssrc), rtp::PayloadType(payload_type));
  if (!original.ok()) return;
  const auto inner = rtp::PacketView::Parse(*original);
  Insert(*inner, true);
}

void MediaReceiver::Insert(const rtp::PacketView& packet, bool recovered) {
  const std::int64_t number = unwrapper_.Unwrap(packet.sequence_number().value());
  const ByteView payload = packet.payload();
  const auto [at, is_new] = payloads.emplace(number, Bytes(payload.begin(), payload.end()));
  if (is_new) {
    timestamps.emplace(number, packet.timestamp().value());
    markers.emplace(number, packet.marker());
  } else {
    ++duplicates;
    const bool same = std::equal(payload.begin(), payload.end(), at->second.begin(), at->second.end()) &&
                      timestamps[number] == packet.timestamp().value() && markers[number] == packet.marker();
    if (!same) ++differing;
  }
  generator_.HandlePacket(packet.sequence_number(), false, recovered, peer_.world().now());
}

void MediaReceiver::HandleRtcp(ByteView compound) {
  const auto parsed = rtcp::Compound::Parse(compound);
  if (!parsed.ok()) return;
  parsed->ForEach([&](const rtcp::RawPacket& packet) {
    if (packet.Is(rtcp::PacketType::kSenderReport)) {
      const auto report = rtcp::SenderReport::Parse(packet);
      if (report.ok() && report->info.ssrc.value() == ssrc) ++sender_reports;
    } else if (packet.Is(rtcp::PacketType::kSourceDescription)) {
      const auto sdes = rtcp::SourceDescription::Parse(packet);
      if (!sdes.ok()) return;
      sdes->ForEachCname([&](rtp::Ssrc from, std::string_view text) {
        if (from.value() == ssrc) cname = std::string(text);
      });
    }
  });
}

void MediaReceiver::Poll() {
  if (!nack) return;
  std::array<rtp::SeqNum, 64> missing;
  const std::size_t count = generator_.PollNacks(peer_.world().now(), missing);
  if (count == 0) return;
  std::array<std::uint8_t, 512> buffer;
  ByteWriter out(buffer);
  rtcp::WriteNack(out, rtp::Ssrc(kOurRtcpSsrc), rtp::Ssrc(ssrc), std::span(missing).first(count));
  peer_.SendRtcp(out.written());
}

void MediaReceiver::SendPli() {
  std::array<std::uint8_t, 32> buffer;
  ByteWriter out(buffer);
  rtcp::WritePli(out, {rtp::Ssrc(kOurRtcpSsrc), rtp::Ssrc(ssrc)});
  peer_.SendRtcp(out.written());
}

void MediaReceiver::SendFir(std::uint8_t request) {
  std::array<std::uint8_t, 32> buffer;
  ByteWriter out(buffer);
  const rtcp::FirEntry entry{rtp::Ssrc(ssrc), request};
  rtcp::WriteFir(out, rtp::Ssrc(kOurRtcpSsrc), std::span(&entry, 1));
  peer_.SendRtcp(out.written());
}

void MediaReceiver::SendNack(std::uint16_t sequence) {
  std::array<std::uint8_t, 32> buffer;
  ByteWriter out(buffer);
  const rtp::SeqNum one(sequence);
  rtcp::WriteNack(out, rtp::Ssrc(kOurRtcpSsrc), rtp::Ssrc(ssrc), std::span(&one, 1));
  peer_.SendRtcp(out.written());
}

void MediaReceiver::SendReceiverReport(std::uint8_t fraction_lost, std::int32_t lost) {
  std::array<std::uint8_t, 64> buffer;
  ByteWriter out(buffer);
  rtcp::ReportBlock block;
  block.ssrc = rtp::Ssrc(ssrc);
  block.fraction_lost = fraction_lost;
  block.cumulative_lost = lost;
  rtcp::WriteReceiverReport(out, rtp::Ssrc(kOurRtcpSsrc), std::span(&block, 1));
  peer_.SendRtcp(out.written());
}

bool MediaReceiver::IsContiguous() const {
  if (payloads.empty()) return false;
  return payloads.rbegin()->first - payloads.begin()->first + 1 == static_cast<std::int64_t>(payloads.size());
}

}  // namespace jb::scenario
