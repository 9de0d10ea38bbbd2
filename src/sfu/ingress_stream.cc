// SPDX-License-Identifier: Apache-2.0
#include "sfu/ingress_stream.h"

#include <algorithm>

namespace jb::sfu {
namespace {

constexpr Duration kTakeOverAfter = std::chrono::seconds(1);  // reliability R7
// A jump of this many numbers is a sender that restarted, not reordering.
constexpr std::int64_t kRestartJump = 8192;

}  // namespace

bool ReceivedWindow::Insert(rtp::SeqNum seq) {
  const std::int64_t number = unwrapper_.Unwrap(seq.value());
  if (!highest_ || number > *highest_ + kSize || number < *highest_ - kRestartJump) {
    seen_.Clear();
    highest_ = number;
  } else if (number <= *highest_ - kSize) {
    return false;
  }
  seen_.Clear(*highest_ + 1, number);
  highest_ = std::max(*highest_, number);
  if (seen_.Test(number)) return false;
  seen_.Set(number);
  return true;
}

IngressStream::IngressStream(IngressStreamOptions options)
    : options_(std::move(options)),
      ssrc_(options_.ssrc),
      rtx_ssrc_(options_.rtx_ssrc),
      layer_reader_(options_.dependency),
      meter_(options_.silence),
      receiver_(rtp::Ssrc(options_.ssrc.value_or(0)), options_.clock_rate) {
  if (options_.red) red_.emplace();
}

bool IngressStream::CanBind(std::uint32_t ssrc, bool rtx, Time now) const {
  const std::optional<std::uint32_t>& declared_one = rtx ? options_.rtx_ssrc : options_.ssrc;
  if (declared_one) return *declared_one == ssrc;
  const std::optional<std::uint32_t>& owner = rtx ? rtx_ssrc_ : ssrc_;
  if (!owner || *owner == ssrc || silent_) return true;
  return !last_packet_at_ || now - *last_packet_at_ >= kTakeOverAfter;
}

void IngressStream::Bind(std::uint32_t ssrc, bool rtx) {
  if (rtx) {
    rtx_ssrc_ = ssrc;
    return;
  }
  if (ssrc_ == ssrc) return;
  ssrc_ = ssrc;
  silent_ = false;
  received_.Reset();
  recent_.Clear();
  layer_reader_ = media::LayerReader(options_.dependency);
  meter_.Reset();
  receiver_ = media::StreamReceiver(rtp::Ssrc(ssrc), options_.clock_rate);
  nack_.Reset();
  if (red_) red_->Reset();
}

void IngressStream::HandlePacket(rtp::SeqNum seq, rtp::Timestamp timestamp, std::size_t payload_size, bool key_frame,
                                 bool recovered, Time now) {
  silent_ = false;
  last_packet_at_ = now;
  // Without RTX a repetition looks like a packet that is late. Counted as that it would hide the loss from the sender, who
  // could do more against it (Opus in-band FEC).
  const bool repeated = !rtx_ssrc_ && nack_.WasAskedFor(seq);
  if (recovered || repeated) {
    receiver_.HandleRepaired(payload_size);
  } else {
    receiver_.HandlePacket(seq, timestamp, payload_size, now);
  }
  if (options_.nack) nack_.HandlePacket(seq, key_frame, recovered, now);
  if (key_frame && options_.video) key_frames_.HandleKeyFrame();
}

media::PacketLayers IngressStream::HandleLayers(media::Codec codec, ByteView payload,
                                                std::optional<ByteView> descriptor, std::size_t size, Time now) {
  const media::PacketLayers layers = layer_reader_.Read(codec, payload, descriptor);
  meter_.Add(layers, size, now);
  return layers;
}

bool IngressStream::ReadHeldAfter(rtp::SeqNum seq) {
  if (!layer_reader_.has_new_templates()) return false;
  bool any = false;
  recent_.ForEachAfter(seq, [&](RecentPackets::Item& item) {
    if (!item.held) return;
    item.packet.layers = layer_reader_.ReadAgain(item.held_descriptor());
    any |= item.packet.layers.resolved;
  });
  return any;
}

void IngressStream::ReleaseHeldAfter(rtp::SeqNum seq) {
  recent_.ForEachAfter(seq, [](RecentPackets::Item& item) {
    if (item.packet.layers.resolved) item.held = false;
  });
}

std::optional<std::uint8_t> IngressStream::UpdateScore(Time now) {
  if (!last_packet_at_) return std::nullopt;
  const bool silent = now - *last_packet_at_ > options_.silence;
  const bool is_news =
      silent ? score_.HandleSilence()
             : score_.Add({receiver_.packets_expected(), receiver_.packets_lost(), receiver_.packets_repaired()});
  return is_news ? std::optional(score_.value()) : std::nullopt;
}

std::optional<Time> IngressStream::NextDeadline() const {
  std::optional<Time> next = key_frames_.NextDeadline();
  if (!options_.nack) return next;
  const std::optional<Time> nack = nack_.NextDeadline();
  if (!next || (nack && *nack < *next)) next = nack;
  return next;
}

}  // namespace jb::sfu
