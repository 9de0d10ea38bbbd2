// SPDX-License-Identifier: Apache-2.0
// Incoming RTP: authenticated first, then told apart by SSRC, MID and RID (RFC 8843 section 9.2).
#include <algorithm>
#include <array>

#include "media/payload/red.h"
#include "proto/rtp/extensions.h"
#include "proto/rtp/header_layout.h"
#include "proto/rtp/rtx.h"
#include "sfu/ingress_stream.h"
#include "sfu/producer.h"
#include "sfu/transport.h"

namespace jb::sfu {
namespace {

// Reliability R6: at most media and RTX of each encoding are bound; this caps them over all producers.
constexpr std::size_t kMaxBindings = 128;

// The packet as it was sent, but for the header extensions, which nobody repeats. `room` has room for any.
ByteView WriteRecovered(ByteSpan room, rtp::Ssrc ssrc, const media::RedReceiver::Recovered& lost) {
  const std::size_t header = rtp::HeaderLayout().Write(
      room, {false, rtp::PayloadType(lost.payload_type), lost.sequence_number, lost.timestamp, ssrc});
  std::copy(lost.payload.begin(), lost.payload.end(), room.begin() + static_cast<std::ptrdiff_t>(header));
  return room.first(header + lost.payload.size());
}

// The packet with that block, which is part of its payload, for a payload.
ByteView ReplacePayload(const rtp::MutablePacketView& packet, const media::red::Block& block) {
  const ByteSpan bytes = packet.mutable_bytes();
  const ByteSpan payload = bytes.subspan(packet.header_size());
  std::copy(block.data.begin(), block.data.end(), payload.begin());  // forwards: it moves towards the front
  rtp::SetPayloadType(bytes, rtp::PayloadType(block.payload_type));
  bytes[0] &= 0xDF;  // the padding is cut off
  return bytes.first(packet.header_size() + block.data.size());
}

}  // namespace

bool Transport::TakeBudget(std::size_t size, Time now) {
  if (packet_budget_.Take(1, now) && byte_budget_.Take(size, now)) return true;
  context_.Drop(DropReason::kOverBudget);
  return false;
}

void Transport::CountSrtpError(crypto::SrtpError error) {
  using crypto::SrtpError;
  const bool repeated = error == SrtpError::kReplayed || error == SrtpError::kTooOld;
  context_.Drop(repeated ? DropReason::kSrtpReplay : DropReason::kSrtpAuth);
}

void Transport::HandleRtp(const Tuple& from, ByteSpan datagram, Time now) {
  if (!CanSend()) {
    context_.Drop(DropReason::kNotReady);
    return;
  }
  if (direction_ != TransportDirection::kSend) {
    context_.Drop(DropReason::kWrongDirection);
    return;
  }
  if (!TakeBudget(datagram.size(), now)) return;
  const auto size = srtp_->UnprotectRtp(datagram);
  if (!size.ok()) {
    CountSrtpError(size.error());
    return;
  }
  ice_.HandleAuthenticatedMedia(from);
  ++context_.stats.packets_in;
  context_.stats.bytes_in += datagram.size();
  const auto packet = rtp::MutablePacketView::Parse(datagram.first(*size));
  if (!packet.ok()) {
    context_.Drop(DropReason::kRtpMalformed);
    return;
  }
  last_media_ssrc_ = packet->ssrc();
  NoteTransportSequence(*packet, now);
  const Binding binding = Resolve(*packet, now);
  if (!binding.stream) return;
  if (binding.rtx) {
    HandleRtx(binding, *packet, now);
  } else if (binding.producer->IsRed(packet->payload_type().value())) {
    HandleRed(binding, *packet, now);
  } else {
    if (media::RedReceiver* red = binding.stream->red()) {
      red->HandlePacket(packet->sequence_number(), packet->timestamp());
    }
    HandleMedia(binding, *packet, false, now);
  }
}

void Transport::NoteTransportSequence(const rtp::PacketView& packet, Time now) {
  packet.ForEachExtension([&](std::uint8_t id, ByteView value) {
    if (extensions_[id] != ExtensionId::kTransportCc) return;
    const auto sequence = rtp::ParseTransportSequence(value);
    if (!sequence) return;
    twcc_.HandlePacket(*sequence, now);
    if (const auto next = twcc_.NextDeadline()) WakeAt(*next);
  });
}

Transport::Binding Transport::Resolve(const rtp::PacketView& packet, Time now) {
  const auto found = bindings_.find(packet.ssrc().value());
  if (found != bindings_.end()) return found->second;
  return BindNew(packet, now);
}

Transport::Binding Transport::BindNew(const rtp::PacketView& packet, Time now) {
  const std::uint32_t ssrc = packet.ssrc().value();
  const auto mid = StreamIdText(packet, ExtensionId::kMid);
  const auto rid = StreamIdText(packet, ExtensionId::kRid);
  const auto repaired_rid = StreamIdText(packet, ExtensionId::kRepairedRid);
  for (Producer* producer : producers_) {
    // A RID means something within its m-line: alone it finds only producers that named no MID.
    const std::optional<std::string>& named = producer->parameters().mid;
    if (mid ? named != *mid : named || (!rid && !repaired_rid)) continue;
    const std::uint8_t payload_type = packet.payload_type().value();
    IngressStream* stream = producer->Bindable(ssrc, payload_type, rid, repaired_rid, now);
    if (!stream) continue;
    const bool rtx = producer->IsRtx(payload_type);
    const auto before = rtx ? stream->rtx_ssrc() : stream->ssrc();
    if (before) {
      // SRTP keeps its state: forgetting it here would let old packets of that SSRC be replayed.
      bindings_.erase(*before);
    } else if (bindings_.size() >= kMaxBindings) {
      context_.Drop(DropReason::kSsrcLimit);
      return {};
    }
    stream->Bind(ssrc, rtx);
    if (before && !rtx) producer->HandleRebind(*stream);
    return bindings_[ssrc] = {producer, stream, rtx};
  }
  context_.Drop(DropReason::kUnknownSsrc);
  return {};
}

std::optional<std::string_view> Transport::StreamIdText(const rtp::PacketView& packet, ExtensionId id) const {
  std::optional<std::string_view> out;
  packet.ForEachExtension([&](std::uint8_t incoming, ByteView value) {
    if (!out && extensions_[incoming] == id) out = rtp::ParseStreamIdText(value);
  });
  return out;
}

void Transport::HandleMedia(const Binding& binding, const rtp::PacketView& packet, bool recovered, Time now) {
  binding.producer->HandlePacket(*binding.stream, packet, recovered, now);
  if (const auto next = binding.stream->NextDeadline()) WakeAt(*next);
}

void Transport::HandleRtx(const Binding& binding, const rtp::MutablePacketView& packet, Time now) {
  const std::uint8_t payload_type = packet.payload_type().value();
  // RTX may come before its primary stream did; then there is nothing to repair.
  if (!binding.producer->IsRtx(payload_type) || !binding.stream->ssrc()) {
    context_.Drop(DropReason::kUnknownPayloadType);
    return;
  }
  const rtp::PayloadType media(binding.producer->MediaPayloadType(payload_type));
  const auto original = rtp::DecapsulateRtx(packet, rtp::Ssrc(*binding.stream->ssrc()), media);
  if (!original.ok()) return;  // padding only: a bandwidth probe
  const auto view = rtp::PacketView::Parse(*original);
  if (!view.ok()) {
    context_.Drop(DropReason::kRtpMalformed);
    return;
  }
  HandleMedia(binding, *view, true, now);
}

// Behind this there is no RED. What was lost and is in it goes first, under its own number and time; then the packet.
void Transport::HandleRed(const Binding& binding, const rtp::MutablePacketView& packet, Time now) {
  const auto parsed = media::red::Payload::Parse(packet.payload());
  if (!parsed.ok()) {
    context_.Drop(DropReason::kRtpMalformed);
    return;
  }
  binding.stream->red()->Recover(
      *parsed, packet.sequence_number(), packet.timestamp(), [&](const media::RedReceiver::Recovered& lost) {
        std::array<std::uint8_t, rtp::kFixedHeaderSize + media::red::kMaxRedundantSize> room;
        const auto view = rtp::PacketView::Parse(WriteRecovered(room, packet.ssrc(), lost));
        if (!view.ok()) return;  // its payload type is one of RTCP's
        ++context_.stats.recovered_by_redundancy;
        HandleMedia(binding, *view, true, now);
      });
  const auto primary = rtp::PacketView::Parse(ReplacePayload(packet, parsed->primary()));
  if (!primary.ok()) {
    context_.Drop(DropReason::kRtpMalformed);
    return;
  }
  HandleMedia(binding, *primary, false, now);
}

}  // namespace jb::sfu
