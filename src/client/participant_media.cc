// SPDX-License-Identifier: Apache-2.0
// The media half of Participant: what is sent every 20 ms, what arrives, and the reports about both.
#include <algorithm>
#include <array>

#include "client/participant.h"
#include "io/clock.h"
#include "media/audio/level.h"
#include "proto/rtcp/compound.h"
#include "proto/rtcp/fir.h"
#include "proto/rtcp/nack.h"
#include "proto/rtcp/pli.h"
#include "proto/rtcp/receiver_report.h"
#include "proto/rtcp/sdes.h"
#include "proto/rtcp/sender_report.h"

namespace jb::client {
namespace {

// When the loop was held up for longer, the frames in between are left out instead of sent in a burst.
constexpr Duration kMostCatchUp = std::chrono::milliseconds(200);

constexpr std::size_t kReportBuffer = 1200;

}  // namespace

void Participant::Tick() {
  const Time now = io::Now();
  if (now - next_tick_ > kMostCatchUp) next_tick_ = now;
  for (; next_tick_ <= now; next_tick_ += kAudioFrame) SendAudio(now);
  SendVideo(now);
  for (auto& [ssrc, track] : tracks_) {
    track->HandleTimeout(now);
    NoteSpeech(*track, now);
  }
  SendReports(now);
  SendFeedback(now);
  if (!left_) tick_.StartAt(next_tick_, [this] { Tick(); });
}

void Participant::SendAudio(Time now) {
  if (!audio_ || !audio_sent_->produced || !send_->connected()) return;
  std::array<std::uint8_t, kPacketBuffer> buffer;
  const AudioTrack::Packet packet = audio_->Next(buffer);
  if (const auto event = own_speech_.HandleFrame(packet.level, now, kAudioFrame)) {
    if (event->kind == SpeechEvent::Kind::kEnd) {
      own_speech_ends_.push_back(event->at);
      caption_latency_.HandleSpeechEnd(self_, event->at);
    }
  }
  if (!send_->SendRtp(buffer, packet.size)) return;
  ++packets_sent_;
  audio_sent_->sender.HandleSent(packet.timestamp, packet.payload_size, now);
}

void Participant::SendVideo(Time now) {
  if (!video_ || !video_sent_->produced || !send_->connected()) return;
  if (now < video_->NextFrameAt()) return;
  std::size_t bytes = 0;
  const rtp::Timestamp timestamp = video_->Next(now, [&](ByteSpan buffer, std::size_t size, std::size_t payload_size) {
    if (!send_->SendRtp(buffer, size)) return;
    ++packets_sent_;
    bytes += payload_size;
  });
  if (bytes > 0) video_sent_->sender.HandleSent(timestamp, bytes, now);
}

void Participant::SendReports(Time now) {
  if (reports_ && reports_->Take(now)) SendSenderReports(now);
}

void Participant::SendSenderReports(Time now) {
  if (!send_ || !send_->connected()) return;
  for (const auto* sent : {&audio_sent_, &video_sent_}) {
    if (!*sent) continue;
    const auto info = (*sent)->sender.MakeSenderReport(now, io::WallNow());
    if (!info) continue;
    std::array<std::uint8_t, kReportBuffer> buffer;
    ByteWriter out(ByteSpan(buffer).first(kReportBuffer - crypto::SrtpSession::kMaxOverhead));
    rtcp::WriteSenderReport(out, *info);
    rtcp::WriteCname(out, info->ssrc, cname_);
    if (out.ok()) send_->SendRtcp(buffer, out.size());
  }
}

// NACKs, transport-wide feedback, receiver reports: whatever is due.
void Participant::SendFeedback(Time now) {
  if (!recv_ || !recv_->connected()) return;
  std::array<std::uint8_t, ReceiveSession::kRtcpSize + crypto::SrtpSession::kMaxOverhead> buffer;
  while (const std::size_t size = session_->PollRtcp(ByteSpan(buffer).first(ReceiveSession::kRtcpSize), now)) {
    recv_->SendRtcp(buffer, size);
  }
}

void Participant::HandlePacket(PeerTransport::Kind kind, ByteSpan packet, Time now) {
  if (left_) return;
  if (kind == PeerTransport::Kind::kRtcp) {
    HandleRtcp(packet, now);
    return;
  }
  const auto media = session_->HandleRtp(packet, now);
  if (!media) return;  // a probe, seen before, or of a consumer just closed
  const auto found = tracks_.find(media->info.ssrc);
  if (found == tracks_.end()) return;
  ++packets_received_;
  RemoteTrack& track = *found->second;
  track.HandlePacket(media->packet, now);
  const auto producer = producers_.find(track.info().producer_id);
  if (producer != producers_.end() && producer->second.source == "translation") ++packets_translated_;
  NoteSpeech(track, now);
}

// A translated voice that begins is timed against the end of what it translates.
void Participant::NoteSpeech(RemoteTrack& track, Time) {
  const auto producer = producers_.find(track.info().producer_id);
  if (producer == producers_.end()) return;
  const bool translation = producer->second.source == "translation";
  for (const SpeechEvent& event : track.TakeSpeechEvents()) {
    if (translation && event.kind == SpeechEvent::Kind::kOnset) {
      if (!first_translated_audio_) first_translated_audio_ = event.at;
      translation_onsets_.push_back(event.at);
      latency_.HandleTranslationOnset(producer->second.translated_from, event.at);
    } else if (translation) {
      latency_.HandleTranslationEnd(producer->second.translated_from, event.at);
    } else if (event.kind == SpeechEvent::Kind::kEnd) {
      latency_.HandleSpeechEnd(producer->first, event.at);
      caption_latency_.HandleSpeechEnd(producer->second.participant, event.at);
    }
  }
}

void Participant::HandleRtcp(ByteView packet, Time now) {
  session_->HandleRtcp(packet, now);
  const auto compound = rtcp::Compound::Parse(packet);
  if (!compound.ok()) return;
  compound->ForEach([&](const rtcp::RawPacket& raw) {
    if (raw.Is(rtcp::PacketType::kReceiverReport)) {
      const auto report = rtcp::ReceiverReport::Parse(raw);
      for (std::size_t i = 0; report.ok() && i < report->blocks.size(); ++i) {
        const rtcp::ReportBlock block = report->blocks[i];
        for (auto* sent : {&audio_sent_, &video_sent_}) {
          if (*sent && (*sent)->sender.ssrc() == block.ssrc) {
            (*sent)->sender.HandleReportBlock(block, io::WallNow());
          }
        }
      }
    } else if (raw.IsFeedback(rtcp::PacketType::kPayloadFeedback, rtcp::kFormatPli) ||
               raw.IsFeedback(rtcp::PacketType::kPayloadFeedback, rtcp::kFormatFir)) {
      if (video_) video_->RequestKeyFrame();
    } else if (video_ && raw.IsFeedback(rtcp::PacketType::kTransportFeedback, rtcp::kFormatNack)) {
      const auto nack = rtcp::Nack::Parse(raw);
      const auto send = [this](ByteSpan buffer, std::size_t size, std::size_t payload_size) {
        if (send_->SendRtp(buffer, size)) video_sent_->sender.HandleResent(payload_size);
      };
      if (nack.ok()) video_->HandleNack(*nack, now, send);
    }
  });
}

}  // namespace jb::client
