// SPDX-License-Identifier: Apache-2.0
#include "sfu/consumer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "proto/rtp/extensions.h"
#include "proto/rtp/first_sequence.h"
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

// Of 256, as the receiver reports. Where so much is lost, so is many a repetition, and a browser asks again after 100 ms, when
// the picture has stood still: it is sent twice. Where more is, it goes in bursts, of which both would be part.
constexpr std::uint8_t kRepeatTwiceFrom = 13;  // 5 %
constexpr std::uint8_t kRepeatOnceFrom = 51;   // 20 %

// Receivers report about once a second (RFC 3550 section 6.2, with WebRTC's interval).
constexpr Duration kReportIsRecent = std::chrono::seconds(5);

// How a packet went out, for the retransmission buffer: the VP8 numbers and what of it was sent.
constexpr std::uint32_t kHasNumbers = 1u << 23;
constexpr std::uint32_t kIsEmpty = 1u << 24;

std::uint32_t TagOf(const PacketForm& form) {
  std::uint32_t tag = form.empty ? kIsEmpty : 0;
  if (form.numbers) tag |= kHasNumbers | form.numbers->picture_id | std::uint32_t{form.numbers->tl0_picture_index} << 15;
  return tag;
}

PacketForm FormOf(const media::RetransmissionBuffer::Item& item) {
  PacketForm form{item.sequence_number, item.timestamp, item.marker, (item.tag & kIsEmpty) != 0, {}};
  if (item.tag & kHasNumbers) {
    form.numbers = media::vp8::PictureNumbers{static_cast<std::uint16_t>(item.tag & media::vp8::kMaxPictureId),
                                              static_cast<std::uint8_t>(item.tag >> 15)};
  }
  return form;
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
      follower_(producer, *this, parameters_.codecs[0].clock_rate),
      sequence_(rtp::FirstSequence(context.random)),
      rtx_sequence_(rtp::FirstSequence(context.random)),
      sender_(rtp::Ssrc(ssrc_), parameters_.codecs[0].clock_rate),
      rtx_budget_(kRtxBudgetAtStart) {
  for (const RtpCodec& codec : parameters_.codecs) {
    if (codec.is_rtx()) rtx_payload_type_ = codec.payload_type;
  }
  for (const auto& extension : parameters_.header_extensions) {
    negotiated_ |= MaskOf(RouterExtensionId(extension.uri));
  }
  const ScalabilityMode mode = ParseScalabilityMode(parameters_.encodings[0].scalability_mode.value_or(""));
  highest_ = media::ClampedLayers(mode.spatial_layers - 1u, mode.temporal_layers - 1u);
  if (producer.type() == ProducerType::kSimple) reported_ = highest_;  // only the lack of it is news
}

void Consumer::Pause() {
  paused_ = true;
  sent_.Clear();
  if (video_) follower_.Follow(std::nullopt);
}

void Consumer::Resume(Time now) {
  if (!paused_) return;
  paused_ = false;
  Resync();
  transport_.ShareOut(now);
  Retarget(now);
  HandleKeyFrameRequest(now);
}

void Consumer::HandleTransportConnected(Time now) {
  Resync();
  HandleKeyFrameRequest(now);
}

void Consumer::Retarget(Time now) {
  if (!video_ || paused_) return;
  const std::optional<media::Layers> wanted = WantedLayers();
  if (follower_.Follow(wanted)) HandleKeyFrameRequest(now);
  if (!wanted || !follower_.sought() || !producer_.Flows(*follower_.sought())) ReportLayers(std::nullopt);
}

std::optional<media::Layers> Consumer::WantedLayers() const {
  if (has_target_) return target_;
  if (transport_.bandwidth()) return media::Layers{};  // until its link has been shared out
  media::Layers most{media::kMaxSpatialLayers - 1, media::kMaxTemporalLayers - 1};
  if (preferred_) most = media::ClampedLayers(preferred_->spatial, preferred_->temporal.value_or(most.temporal));
  return most;
}

void Consumer::ReportLayers(std::optional<media::Layers> layers) {
  if (layers == reported_) return;
  reported_ = layers;
  ConsumerLayersChanged event{id_, {}, {}};
  if (layers) {
    event.spatial_layer = layers->spatial;
    event.temporal_layer = layers->temporal;
  }
  context_.output.HandleEvent(event);
}

void Consumer::SetPreferredLayers(PreferredLayers layers, Time now) {
  preferred_ = layers;
  transport_.ShareOut(now);
  Retarget(now);
}

void Consumer::CollectLayers(media::LayerLadder& out, Time now) const {
  media::Layers cap{media::kMaxSpatialLayers - 1, media::kMaxTemporalLayers - 1};
  if (preferred_) cap = media::ClampedLayers(preferred_->spatial, preferred_->temporal.value_or(cap.temporal));
  producer_.CollectLayers(out, cap, now);
}

void Consumer::SetTargetLayers(std::optional<media::Layers> layers, Time now) {
  if (has_target_ && target_ == layers) return;
  has_target_ = true;
  target_ = layers;
  Retarget(now);
}

void Consumer::EndLargerLayers(Time now) {
  if (follower_.EndLarger()) HandleKeyFrameRequest(now);
}

std::optional<media::Layers> Consumer::current_layers() const {
  if (!video_ || paused_) return std::nullopt;
  const auto layers = follower_.layers();
  if (!layers) return std::nullopt;
  return media::Layers{std::min(layers->spatial, highest_.spatial), std::min(layers->temporal, highest_.temporal)};
}

bool Consumer::Send(IngressStream* stream, const ForwardedPacket& packet, Time now) {
  using Action = StreamFollower::Action;
  if (paused_ || !transport_.CanSend()) return false;
  StreamFollower::Verdict verdict = follower_.Take(stream, packet, now);
  if (verdict.action == Action::kWait || verdict.wants_key_frame) producer_.RequestKeyFrame(*stream, now);
  if (verdict.begins) {
    sequence_.Restart();
    sent_.ForgetAll();  // a decoder begins anew with this packet
  }
  if (verdict.action == Action::kDrop) LeaveOut(packet, verdict.form, now);
  if (verdict.action != Action::kForward) return verdict.begins;
  if (const auto seq = sequence_.Map(packet.sequence_number)) {
    verdict.form.sequence_number = *seq;
    SendAs(packet, verdict.form, now);
  }
  if (video_) ReportLayers(current_layers());
  return verdict.begins;
}

void Consumer::SendAs(const ForwardedPacket& packet, const PacketForm& form, Time now) {
  crypto::SrtpTicket ticket = transport_.TakeNumber(srtp_stream_, ssrc_, form.sequence_number);
  if (!ticket) return;
  const media::PacketBuffer& source = *packet.packet;
  const std::size_t header_size = source.header_size();
  const std::size_t size = form.empty ? header_size : source.size();
  const std::size_t own_size = OwnBytes(source, form, size, now).size() - rtp::kOsnSize;
  transport_.SendRtp(std::move(ticket), header_size, own_size, packet.packet, form.empty ? source.size() : own_size);
  if (!video_) transport_.HandleAudioSent(size, now);
  sender_.HandleSent(form.timestamp, size - header_size, now);
  if (!rtx_ssrc_) return;
  const std::size_t repair = size * RecentLoss(now) * 3 / 2 / 256;
  rtx_budget_ += std::clamp(repair, size / kRtxShare, size / kRtxShareAtMost);
  rtx_budget_ = std::min(rtx_budget_, kRtxBudgetMax);
  if (context_.packets.is_scarce()) return;
  sent_.Add(packet.packet, form.sequence_number, form.timestamp, form.marker, now, TagOf(form));
}

// The bytes that are this consumer's own, and behind them room for the OSN of RTX: the header, and of VP8 the numbers.
// What only we know, and only now, is written into every packet, resent ones too. `packet_size`: of the whole packet,
// as it counts for the link.
ByteSpan Consumer::OwnBytes(const media::PacketBuffer& source, const PacketForm& form, std::size_t packet_size,
                            Time now) const {
  const rtp::HeaderLayout& layout = source.layout();
  const std::size_t header_size = layout.size();
  const std::size_t numbered = form.numbers && !form.empty ? source.numbered_size() : 0;
  const ByteSpan bytes = transport_.OwnBytes(header_size + numbered + rtp::kOsnSize);
  std::memcpy(bytes.data(), source.bytes().data(), header_size + numbered);
  rtp::SetSequenceNumber(bytes, form.sequence_number);
  rtp::SetTimestamp(bytes, form.timestamp);
  rtp::SetMarker(bytes, form.marker);
  rtp::SetSsrc(bytes, rtp::Ssrc(ssrc_));
  if (numbered > 0) media::vp8::Renumber(bytes.subspan(header_size, numbered), *form.numbers);
  static_assert(kExtensionIdCount <= 16);
  if (const auto surplus = static_cast<ExtensionMask>(layout.short_ids() & ~negotiated_)) {
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

// Its number is closed over, unless the receiver knows of it already: then it is sent without what it carried.
void Consumer::LeaveOut(const ForwardedPacket& packet, PacketForm form, Time now) {
  const auto seq = sequence_.Drop(packet.sequence_number);
  if (!seq) return;
  form.sequence_number = *seq;
  form.marker = false;
  form.empty = true;
  form.numbers.reset();
  SendAs(packet, form, now);
}

void Consumer::Skip(const IngressStream& stream, rtp::SeqNum seq) {
  if (!paused_ && follower_.IsSent(&stream)) sequence_.Drop(seq);
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
  const std::size_t room = transport_.RoomToResend(now);
  const media::RetransmissionBuffer::Item* item = sent_.Answer(seq, now, std::min(rtx_budget_, room));
  if (!item) {
    context_.Drop(DropReason::kNackLimit);
    // What is asked for and will not come stops a decoder until it asks for a key frame: browsers wait three seconds.
    using Refusal = media::RetransmissionBuffer::Refusal;
    const Refusal why = sent_.last_refusal();
    const bool later = why == Refusal::kTooSoon || (why == Refusal::kOverBudget && room < rtx_budget_);
    if (!later && why != Refusal::kUnknown) HandleKeyFrameRequest(now);
    return;
  }
  const std::uint8_t lost = sender_.fraction_lost();
  const int times = lost >= kRepeatTwiceFrom && lost < kRepeatOnceFrom ? 2 : 1;
  for (int i = 0; i < times; ++i) SendRepetition(*item, now);
}

void Consumer::SendRepetition(const media::RetransmissionBuffer::Item& item, Time now) {
  // Whatever SRTP says to it, this number is done with: asked again, the answer would be the same, and nothing would
  // ever be repaired any more. A gap costs nothing, since nobody asks for RTX packets again.
  const rtp::SeqNum rtx_seq = std::exchange(rtx_sequence_, rtx_sequence_.Next());
  crypto::SrtpTicket ticket = transport_.TakeNumber(srtp_rtx_stream_, *rtx_ssrc_, rtx_seq);
  if (!ticket) return;
  const media::PacketBuffer& source = *item.packet;
  const PacketForm form = FormOf(item);
  const std::size_t header_size = source.header_size();
  const std::size_t size = (form.empty ? header_size : source.size()) + rtp::kOsnSize;
  const ByteSpan own = OwnBytes(source, form, size, now);
  const std::size_t own_size = own.size() - rtp::kOsnSize;
  rtp::EncapsulateRtx(own, own_size, header_size,
                      {rtp::Ssrc(*rtx_ssrc_), rtp::PayloadType(rtx_payload_type_), rtx_seq});
  transport_.SendRtp(std::move(ticket), header_size, own.size(), item.packet,
                     form.empty ? source.size() : own_size);
  transport_.HandleResent(size, now);
  rtx_budget_ -= std::min(rtx_budget_, source.size());
  ++context_.stats.retransmitted;
  sender_.HandleResent(source.size() - header_size);
}

void Consumer::HandleKeyFrameRequest(Time now) {
  // Asked before the transport is up, a key frame would be wasted and the one that is needed then late:
  // requests are a second apart. HandleTransportConnected asks again.
  if (paused_ || !transport_.CanSend()) return;
  if (IngressStream* stream = follower_.sought()) producer_.RequestKeyFrame(*stream, now);
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
  if (!paused_) UpdateScore();
}

void Consumer::UpdateScore() {
  if (!score_.Add({sender_.packets(), sender_.packets_lost(), sender_.packets_resent()})) return;
  context_.output.HandleEvent(ConsumerScoreChanged{id_, score_.value()});
}

std::uint8_t Consumer::RecentLoss(Time now) const {
  return paused_ || now - reported_at_ > kReportIsRecent ? std::uint8_t{0} : sender_.fraction_lost();
}

}  // namespace jb::sfu
