// SPDX-License-Identifier: Apache-2.0
// RTCP of one transport, both ways.
#include <algorithm>

#include "proto/rtcp/bye.h"
#include "proto/rtcp/fir.h"
#include "proto/rtcp/nack.h"
#include "proto/rtcp/pli.h"
#include "proto/rtcp/receiver_report.h"
#include "proto/rtcp/remb.h"
#include "proto/rtcp/sdes.h"
#include "proto/rtcp/sender_report.h"
#include "proto/rtcp/twcc.h"
#include "proto/rtcp/xr.h"
#include "sfu/bandwidth.h"
#include "sfu/consumer.h"
#include "sfu/ingress_stream.h"
#include "sfu/producer.h"
#include "sfu/transport.h"

namespace jb::sfu {
namespace {

// Room that one report may need: SR 28, SDES 12 + 255 + padding.
constexpr std::size_t kSenderReportRoom = 28 + 12 + 260;
constexpr std::size_t kDlrrRoom = 24;
// More than this in one NACK is asked for in the next one.
constexpr std::size_t kNacksPerPacket = 256;

}  // namespace

// --- in ---

void Transport::HandleRtcp(const Tuple& from, ByteSpan datagram, Time now) {
  if (!CanSend()) {
    context_.Drop(DropReason::kNotReady);
    return;
  }
  if (!TakeBudget(datagram.size(), now)) return;
  const auto size = srtp_->UnprotectRtcp(datagram);
  if (!size.ok()) {
    CountSrtpError(size.error());
    return;
  }
  ice_.HandleAuthenticatedMedia(from);
  ++context_.stats.rtcp_in;
  const auto compound = rtcp::Compound::Parse(datagram.first(*size));
  if (!compound.ok()) {
    context_.Drop(DropReason::kRtcpMalformed);
    return;
  }
  compound->ForEach([&](const rtcp::RawPacket& packet) { HandleRtcpPacket(packet, now); });
}

void Transport::HandleRtcpPacket(const rtcp::RawPacket& packet, Time now) {
  using rtcp::PacketType;
  switch (packet.type) {
    case PacketType::kSenderReport: {
      const auto report = rtcp::SenderReport::Parse(packet);
      if (!report.ok()) return context_.Drop(DropReason::kRtcpMalformed);
      const auto found = bindings_.find(report->info.ssrc.value());
      if (found != bindings_.end() && !found->second.rtx) {
        found->second.producer->HandleSenderReport(*found->second.stream, report->info, now);
      }
      return HandleReportBlocks(*report, now);
    }
    case PacketType::kReceiverReport: {
      const auto report = rtcp::ReceiverReport::Parse(packet);
      if (!report.ok()) return context_.Drop(DropReason::kRtcpMalformed);
      return HandleReportBlocks(*report, now);
    }
    case PacketType::kBye: {
      const auto bye = rtcp::Bye::Parse(packet);
      if (!bye.ok()) return context_.Drop(DropReason::kRtcpMalformed);
      for (std::size_t i = 0; i < bye->size(); ++i) {
        const auto found = bindings_.find((*bye)[i].value());
        if (found != bindings_.end() && !found->second.rtx) found->second.stream->HandleBye();
      }
      return;
    }
    case PacketType::kTransportFeedback: return HandleTransportFeedback(packet, now);
    case PacketType::kPayloadFeedback: return HandlePayloadFeedback(packet, now);
    case PacketType::kExtendedReport: return HandleExtendedReport(packet, now);
    case PacketType::kSourceDescription:  // cname was signaled
    case PacketType::kApplication: return;
  }
}

template <class Report>
void Transport::HandleReportBlocks(const Report& report, Time now) {
  for (std::size_t i = 0; i < report.blocks.size(); ++i) {
    const rtcp::ReportBlock block = report.blocks[i];
    const auto found = consumers_by_ssrc_.find(block.ssrc.value());
    // Reports on RTX streams and on the prober's SSRC 1234 (trap T3) are expected, and of no use.
    if (found == consumers_by_ssrc_.end()) {
      ++context_.stats.feedback_ignored;
    } else {
      found->second->HandleReportBlock(block, now);
    }
  }
}

Consumer* Transport::FindConsumer(rtp::Ssrc media_ssrc) {
  const auto found = consumers_by_ssrc_.find(media_ssrc.value());
  if (found != consumers_by_ssrc_.end()) return found->second;
  ++context_.stats.feedback_ignored;
  return nullptr;
}

void Transport::HandleTransportFeedback(const rtcp::RawPacket& packet, Time now) {
  if (packet.count == rtcp::kFormatTransportWide && bandwidth_) return HandleBandwidthFeedback(packet, now);
  if (packet.count != rtcp::kFormatNack) {
    ++context_.stats.feedback_ignored;
    return;
  }
  const auto nack = rtcp::Nack::Parse(packet);
  if (!nack.ok()) return context_.Drop(DropReason::kRtcpMalformed);
  if (Consumer* consumer = FindConsumer(nack->media_ssrc)) consumer->HandleNack(*nack, now);
}

void Transport::HandleBandwidthFeedback(const rtcp::RawPacket& packet, Time now) {
  const auto feedback = rtcp::TransportFeedback::Parse(packet);
  if (!feedback.ok()) return context_.Drop(DropReason::kRtcpMalformed);
  bandwidth_->HandleFeedback(*feedback, now);
  WakeAt(bandwidth_->NextDeadline());
}

void Transport::HandlePayloadFeedback(const rtcp::RawPacket& packet, Time now) {
  if (packet.count == rtcp::kFormatPli) {
    const auto pli = rtcp::Pli::Parse(packet);
    if (!pli.ok()) return context_.Drop(DropReason::kRtcpMalformed);
    if (Consumer* consumer = FindConsumer(pli->media_ssrc)) consumer->HandleKeyFrameRequest(now);
  } else if (packet.count == rtcp::kFormatFir) {
    const auto fir = rtcp::Fir::Parse(packet);
    if (!fir.ok()) return context_.Drop(DropReason::kRtcpMalformed);
    for (std::size_t i = 0; i < fir->size(); ++i) {
      if (Consumer* consumer = FindConsumer((*fir)[i].ssrc)) consumer->HandleFir((*fir)[i].sequence, now);
    }
  } else if (bandwidth_ && rtcp::Remb::IsRemb(packet)) {
    const auto remb = rtcp::Remb::Parse(packet);
    if (!remb.ok()) return context_.Drop(DropReason::kRtcpMalformed);
    bandwidth_->HandleRemb(remb->bitrate_bps, now);
    WakeAt(bandwidth_->NextDeadline());
  } else {
    ++context_.stats.feedback_ignored;
  }
}

void Transport::HandleExtendedReport(const rtcp::RawPacket& packet, Time now) {
  const auto report = rtcp::ExtendedReport::Parse(packet);
  if (!report.ok()) return context_.Drop(DropReason::kRtcpMalformed);
  if (report->rrtr) peer_clock_ = PeerClock{report->sender_ssrc, report->rrtr->compact(), now};
  for (std::size_t i = 0; i < report->dlrr_count(); ++i) {
    const rtcp::DlrrItem item = report->dlrr_item(i);
    if (item.ssrc != rtcp_ssrc_ || item.last_rr == 0) continue;
    const std::uint32_t compact = rtcp::NtpTime::FromWall(context_.Wall(now)).compact();
    const Duration rtt = rtcp::RoundTripTime(compact, item.last_rr, item.delay_since_last_rr);
    if (rtt > rtcp::kMaxPlausibleRtt) continue;
    for (Producer* producer : producers_) {
      for (const auto& stream : producer->streams()) {
        if (stream->nack()) stream->nack()->set_rtt(rtt);
      }
    }
  }
}

// --- out ---

void Transport::SendRtcp(ByteWriter& out) {
  if (!out.ok() || out.size() == 0 || !CanSend()) return;
  const auto size = srtp_->ProtectRtcp(context_.rtcp_scratch, out.size());
  if (!size.ok()) return;
  ++context_.stats.rtcp_out;
  context_.output.SendDatagram(*ice_.selected(), ByteView(context_.rtcp_scratch).first(*size));
}

void Transport::SendProbation(Time now) {
  while (media::PacketRef packet = context_.packets.Take()) {
    const auto sequence = bandwidth_->PollProbation(*packet, now);
    if (!sequence) return;
    crypto::SrtpTicket ticket = TakeNumber(srtp_probation_stream_, Bandwidth::kProbationSsrc, *sequence);
    if (!ticket) return;
    const std::size_t header_size = packet->header_size();
    std::ranges::copy(packet->bytes().first(header_size), OwnBytes(header_size).begin());
    SendRtp(std::move(ticket), header_size, header_size, std::move(packet), header_size);
  }
}

void Transport::SendDueFeedback(Time now) {
  if (bandwidth_ && bandwidth_->NextDeadline() <= now) {
    bandwidth_->HandleTimeout(now);
    SendProbation(now);
  }
  if (const auto at = twcc_.NextDeadline(); at && *at <= now) SendTwcc(now);
  for (Producer* producer : producers_) {
    for (const auto& stream : producer->streams()) {
      SendNacks(*producer, *stream, now);
      const bool wanted = stream->key_frames().HandleTimeout(now);
      if (wanted && !producer->paused()) SendKeyFrameRequest(*producer, *stream);
    }
  }
  if (!reports_.Take(now)) return;
  ForgetOld(now);
  SendReports(now);
}

void Transport::SendTwcc(Time now) {
  const ByteSpan room = ByteSpan(context_.rtcp_scratch).first(kMaxRtcpSize);
  while (const std::size_t size = twcc_.PollFeedback(room, rtcp_ssrc_, last_media_ssrc_, now)) {
    ByteWriter out(room);
    out.Append(ByteView(room).first(size));  // in place
    SendRtcp(out);
  }
}

void Transport::SendNacks(Producer& producer, IngressStream& stream, Time now) {
  media::NackGenerator* nack = stream.nack();
  if (!nack || !stream.ssrc()) return;
  std::array<rtp::SeqNum, kNacksPerPacket> missing;
  while (const std::size_t count = nack->PollNacks(now, missing)) {
    // Paused or not: what is missing now may be wanted once it resumes, but not worth the bytes.
    if (!producer.paused()) {
      ByteWriter out(ByteSpan(context_.rtcp_scratch).first(kMaxRtcpSize));
      context_.stats.nacks_sent +=
          rtcp::WriteNack(out, rtcp_ssrc_, rtp::Ssrc(*stream.ssrc()), std::span(missing).first(count));
      SendRtcp(out);
    }
    if (count < missing.size()) break;
  }
  if (nack->TakeKeyFrameWanted() && !producer.paused()) producer.RequestKeyFrame(stream, now);
}

void Transport::RequestKeyFrame(Producer& producer, IngressStream& stream, Time now) {
  if (!CanSend() || !stream.ssrc()) return;  // a stream begins with a key frame anyway
  if (stream.key_frames().Request(now)) SendKeyFrameRequest(producer, stream);
  if (const auto next = stream.key_frames().NextDeadline()) WakeAt(*next);
}

void Transport::SendKeyFrameRequest(Producer& producer, IngressStream& stream) {
  if (!stream.ssrc()) return;
  ByteWriter out(ByteSpan(context_.rtcp_scratch).first(kMaxRtcpSize));
  const rtp::Ssrc media_ssrc(*stream.ssrc());
  if (producer.uses_pli()) {
    rtcp::WritePli(out, {rtcp_ssrc_, media_ssrc});
  } else {
    const rtcp::FirEntry entry{media_ssrc, stream.NextFirSequence()};
    rtcp::WriteFir(out, rtcp_ssrc_, std::span(&entry, 1));
  }
  ++context_.stats.key_frames_requested;
  SendRtcp(out);
}

void Transport::SendReports(Time now) {
  if (direction_ == TransportDirection::kSend) {
    SendReceiverReports(now);
  } else {
    SendSenderReports(now);
  }
}

void Transport::SendReceiverReports(Time now) {
  std::array<rtcp::ReportBlock, rtcp::kMaxReportBlocks> blocks;
  std::size_t count = 0;
  const auto flush = [&] {
    ByteWriter out(ByteSpan(context_.rtcp_scratch).first(kMaxRtcpSize));
    rtcp::WriteReceiverReport(out, rtcp_ssrc_, std::span(blocks).first(count));
    rtcp::WriteRrtr(out, rtcp_ssrc_, rtcp::NtpTime::FromWall(context_.Wall(now)));
    WritePendingDlrr(out, now);
    SendRtcp(out);
    count = 0;
  };
  for (Producer* producer : producers_) {
    for (const auto& stream : producer->streams()) {
      if (!stream->ssrc()) continue;
      auto block = stream->receiver().MakeReportBlock(now);
      if (!block) continue;
      if (const auto score = producer->paused() ? std::nullopt : stream->UpdateScore(now)) {
        const auto encoding = static_cast<std::uint8_t>(stream->index());
        context_.output.HandleEvent(ProducerScoreChanged{producer->id(), encoding, *score});
      }
      // Also what is lost behind us: redundancy has to be in the packet before it gets here.
      block->fraction_lost = std::max(block->fraction_lost, producer->LossOfListeners(now));
      blocks[count++] = *block;
      if (count == blocks.size()) flush();
    }
  }
  if (count > 0 || peer_clock_) flush();
}

void Transport::SendSenderReports(Time now) {
  ByteWriter out(ByteSpan(context_.rtcp_scratch).first(kMaxRtcpSize));
  for (Consumer* consumer : consumers_) {
    const auto info = consumer->sender().MakeSenderReport(now, context_.Wall(now));
    if (!info || consumer->paused()) continue;
    if (out.size() + kSenderReportRoom + kDlrrRoom > kMaxRtcpSize) {
      SendRtcp(out);
      out = ByteWriter(ByteSpan(context_.rtcp_scratch).first(kMaxRtcpSize));
    }
    rtcp::WriteSenderReport(out, *info);
    rtcp::WriteCname(out, info->ssrc, consumer->parameters().cname);
  }
  WritePendingDlrr(out, now);
  SendRtcp(out);
}

void Transport::WritePendingDlrr(ByteWriter& out, Time now) {
  if (!peer_clock_) return;
  const rtcp::DlrrItem item{peer_clock_->ssrc, peer_clock_->compact, rtcp::ToCompact(now - peer_clock_->at)};
  rtcp::WriteDlrr(out, rtcp_ssrc_, std::span(&item, 1));
  peer_clock_.reset();
}

}  // namespace jb::sfu
