// SPDX-License-Identifier: Apache-2.0
#include "sfu/consumer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "proto/rtp/extensions.h"
#include "proto/rtp/header_layout.h"
#include "proto/rtp/rtx.h"
#include "sfu/producer.h"
#include "sfu/transport.h"

namespace jb::sfu {
namespace {

// Reliability R9: at most a quarter of what was sent is sent again, with room for a burst at the start. Deviates: who
// reports that more is lost gets what repairing that takes, half as much again as the share that is lost, and never more
// than half. With a quarter a picture stands still for as long as 30 % are lost.
constexpr std::size_t kRtxShare = 4;
constexpr std::size_t kRtxShareAtMost = 2;
constexpr std::size_t kRtxBudgetAtStart = 64 * 1024;
constexpr std::size_t kRtxBudgetMax = 256 * 1024;

// Receivers report about once a second (RFC 3550 section 6.2, with WebRTC's interval).
constexpr Duration kReportIsRecent = std::chrono::seconds(5);

// Reliability 1.7: far from the wrap, so that losing the first packets cannot hide one from SRTP.
rtp::SeqNum FirstSequence(Random& random) {
  return rtp::SeqNum(static_cast<std::uint16_t>(random.Between(1000, 32767)));
}

}  // namespace

Consumer::Consumer(Context& context, Transport& transport, Producer& producer, ConsumerId id, RtpParameters parameters)
    : context_(context),
      transport_(transport),
      producer_(producer),
      id_(std::move(id)),
      parameters_(std::move(parameters)),
      ssrc_(*parameters_.encodings[0].ssrc),
      rtx_ssrc_(parameters_.encodings[0].rtx_ssrc),
      mid_(parameters_.mid.value_or("")),
      video_(producer.kind() == MediaKind::kVideo),
      sequence_(FirstSequence(context.random)),
      rtx_sequence_(FirstSequence(context.random)),
      sender_(rtp::Ssrc(ssrc_), parameters_.codecs[0].clock_rate),
      rtx_budget_(kRtxBudgetAtStart) {
  for (const RtpCodec& codec : parameters_.codecs) {
    if (codec.is_rtx()) rtx_payload_type_ = codec.payload_type;
  }
  for (const auto& extension : parameters_.header_extensions) {
    negotiated_ |= MaskOf(RouterExtensionId(extension.uri));
  }
}

void Consumer::Pause() {
  paused_ = true;
  sent_.Clear();
}

void Consumer::Resume(Time now) {
  if (!paused_) return;
  paused_ = false;
  Resync();
  HandleKeyFrameRequest(now);
}

void Consumer::HandleTransportConnected(Time now) {
  Resync();
  HandleKeyFrameRequest(now);
}

void Consumer::HandleLayer(std::uint8_t spatial_layer) {
  if (reported_layer_ == spatial_layer) return;
  reported_layer_ = spatial_layer;
  const ScalabilityMode mode = ParseScalabilityMode(parameters_.encodings[0].scalability_mode.value_or(""));
  context_.output.HandleEvent(
      ConsumerLayersChanged{id_, spatial_layer, static_cast<std::uint8_t>(mode.temporal_layers - 1)});
}

void Consumer::CollectLayers(media::LayerLadder& out, Time now) const {
  media::Layers cap{media::kMaxSpatialLayers - 1, media::kMaxTemporalLayers - 1};
  if (preferred_) cap = media::ClampedLayers(preferred_->spatial, preferred_->temporal.value_or(cap.temporal));
  producer_.CollectLayers(out, cap, now);
}

void Consumer::SetTargetLayers(std::optional<media::Layers> layers, Time) { target_ = layers; }

std::optional<media::Layers> Consumer::current_layers() const {
  const auto spatial = producer_.current_spatial_layer();
  if (!video_ || paused_ || !in_sync_ || !spatial) return std::nullopt;
  return media::Layers{*spatial, media::kMaxTemporalLayers - 1};
}

Consumer::Readiness Consumer::PrepareToSend(const ForwardedPacket& packet, Time now) {
  if (paused_ || !transport_.CanSend()) return Readiness::kWaiting;
  if (in_sync_) return Readiness::kGoesOn;
  if (video_ && !packet.key_frame) {
    producer_.RequestKeyFrame(now);
    return Readiness::kWaiting;
  }
  sequence_.Restart();
  in_sync_ = true;
  return Readiness::kBegins;
}

bool Consumer::Send(const ForwardedPacket& packet, Time now) {
  const Readiness readiness = PrepareToSend(packet, now);
  if (readiness == Readiness::kWaiting) return false;
  if (const auto seq = sequence_.Map(packet.sequence_number)) SendAs(packet, *seq, now);
  return readiness == Readiness::kBegins;
}

void Consumer::SendAs(const ForwardedPacket& packet, rtp::SeqNum seq, Time now) {
  crypto::SrtpTicket ticket = transport_.TakeNumber(srtp_stream_, ssrc_, seq);
  if (!ticket) return;
  const media::PacketBuffer& source = *packet.packet;
  const std::size_t header_size = OwnHeader(source, packet.extensions, seq, source.size(), now).size() - rtp::kOsnSize;
  transport_.SendRtp(std::move(ticket), header_size, header_size, packet.packet, header_size);
  if (!video_) transport_.HandleAudioSent(source.size(), now);
  sender_.HandleSent(packet.timestamp, source.size() - header_size, now);
  if (!rtx_ssrc_) return;
  const std::size_t repair = source.size() * RecentLoss(now) * 3 / 2 / 256;
  rtx_budget_ += std::clamp(repair, source.size() / kRtxShare, source.size() / kRtxShareAtMost);
  rtx_budget_ = std::min(rtx_budget_, kRtxBudgetMax);
  if (context_.packets.is_scarce()) return;
  sent_.Add(packet.packet, seq, packet.timestamp, packet.marker, now, packet.extensions);
}

// The header as this consumer gets it, and behind it room for the OSN of RTX. What only we know, and only now, is
// written into every packet, resent ones too. `packet_size`: of the whole packet, as it counts for the link.
ByteSpan Consumer::OwnHeader(const media::PacketBuffer& source, ExtensionMask extensions, rtp::SeqNum seq,
                             std::size_t packet_size, Time now) const {
  const rtp::HeaderLayout& layout = source.layout();
  const std::size_t size = layout.size();
  const ByteSpan bytes = transport_.OwnBytes(size + rtp::kOsnSize);
  std::memcpy(bytes.data(), source.bytes().data(), size);
  rtp::SetSequenceNumber(bytes, seq);
  rtp::SetSsrc(bytes, rtp::Ssrc(ssrc_));
  if (const ExtensionMask surplus = extensions & static_cast<ExtensionMask>(~negotiated_)) {
    for (std::uint8_t id = 1; id < kExtensionIdCount; ++id) {
      if (surplus & (1u << id)) layout.Clear(bytes, id);
    }
  }
  if (negotiated_ & MaskOf(ExtensionId::kMid)) layout.Set(bytes, IdOf(ExtensionId::kMid), AsBytes(mid_));
  if (negotiated_ & MaskOf(ExtensionId::kAbsSendTime)) {
    layout.SetU24(bytes, IdOf(ExtensionId::kAbsSendTime), rtp::ToAbsSendTime(now));
  }
  if (video_ && (negotiated_ & MaskOf(ExtensionId::kTransportCc))) {
    layout.SetU16(bytes, IdOf(ExtensionId::kTransportCc), transport_.TakeTransportSequence(packet_size, now));
  }
  return bytes;
}

void Consumer::Skip(rtp::SeqNum seq) {
  if (in_sync_ && !paused_) sequence_.Drop(seq);
}

void Consumer::HandleNack(const rtcp::Nack& nack, Time now) {
  nack.ForEach([&](rtp::SeqNum seq) {
    ++context_.stats.nacks_received;
    Resend(seq, now);
  });
}

void Consumer::Resend(rtp::SeqNum seq, Time now) {
  // Without RTX nothing is sent again: SRTP must not protect one number twice.
  if (!rtx_ssrc_ || paused_ || !transport_.CanSend()) return;
  const media::RetransmissionBuffer::Item* item = sent_.Answer(seq, now, rtx_budget_);
  if (!item) {
    context_.Drop(DropReason::kNackLimit);
    // What is asked for and will not come stops a decoder until it asks for a key frame: browsers wait three seconds.
    using Refusal = media::RetransmissionBuffer::Refusal;
    const Refusal why = sent_.last_refusal();
    if (why != Refusal::kTooSoon && why != Refusal::kUnknown) HandleKeyFrameRequest(now);
    return;
  }
  // Whatever SRTP says to it, this number is done with: asked again, the answer would be the same, and nothing would
  // ever be repaired any more. A gap costs nothing, since nobody asks for RTX packets again.
  const rtp::SeqNum rtx_seq = std::exchange(rtx_sequence_, rtx_sequence_.Next());
  crypto::SrtpTicket ticket = transport_.TakeNumber(srtp_rtx_stream_, *rtx_ssrc_, rtx_seq);
  if (!ticket) return;
  const media::PacketBuffer& source = *item->packet;
  const std::size_t size = source.size() + rtp::kOsnSize;
  const ByteSpan own = OwnHeader(source, static_cast<ExtensionMask>(item->tag), seq, size, now);
  const std::size_t header_size = own.size() - rtp::kOsnSize;
  rtp::EncapsulateRtx(own, header_size, header_size,
                      {rtp::Ssrc(*rtx_ssrc_), rtp::PayloadType(rtx_payload_type_), rtx_seq});
  transport_.SendRtp(std::move(ticket), header_size, own.size(), item->packet, header_size);
  transport_.HandleResent(size, now);
  rtx_budget_ -= source.size();
  ++context_.stats.retransmitted;
  sender_.HandleResent(source.size() - header_size);
}

void Consumer::HandleKeyFrameRequest(Time now) {
  // Asked before the transport is up, a key frame would be wasted and the one that is needed then late:
  // requests are a second apart. HandleTransportConnected asks again.
  if (!paused_ && transport_.CanSend()) producer_.RequestKeyFrame(now);
}

void Consumer::HandleFir(std::uint8_t sequence, Time now) {
  if (last_fir_ == sequence) return;
  last_fir_ = sequence;
  HandleKeyFrameRequest(now);
}

void Consumer::HandleReportBlock(const rtcp::ReportBlock& block, Time now) {
  sender_.HandleReportBlock(block, context_.Wall(now));
  reported_at_ = now;
  if (sender_.rtt()) sent_.set_rtt(*sender_.rtt());
  producer_.HandleListenerReport(now);
}

std::uint8_t Consumer::RecentLoss(Time now) const {
  return paused_ || now - reported_at_ > kReportIsRecent ? std::uint8_t{0} : sender_.fraction_lost();
}

}  // namespace jb::sfu
