// SPDX-License-Identifier: Apache-2.0
#include "sfu/producer.h"

#include <algorithm>

#include "proto/rtp/extensions.h"
#include "sfu/consumer.h"
#include "sfu/pipe_ends.h"
#include "sfu/speaker_group.h"
#include "sfu/transport.h"

namespace jb::sfu {
namespace {

// An encoding that was silent this long has stalled: browsers stop the upper ones when the network or the
// CPU cannot carry them.
constexpr Duration kStalledAfter = std::chrono::seconds(2);
// Timestamps step at least this far over a switch: about one frame at 30 fps.
constexpr Duration kFrameTime = std::chrono::milliseconds(33);
constexpr std::size_t kMaxProxiedSize = 16;
// mediasoup's; a shared screen that stands still sends a picture now and then.
constexpr Duration kLayerSilence = std::chrono::milliseconds(1500);
constexpr Duration kScreenLayerSilence = std::chrono::seconds(5);

bool HasFeedback(const RtpCodec& codec, std::string_view type, std::string_view parameter) {
  return std::any_of(codec.rtcp_feedback.begin(), codec.rtcp_feedback.end(), [&](const RtcpFeedback& fb) {
    return EqualsIgnoringCase(fb.type, type) && EqualsIgnoringCase(fb.parameter, parameter);
  });
}

bool TravelsToConsumers(ExtensionId id) {
  switch (id) {
    case ExtensionId::kAudioLevel:
    case ExtensionId::kOrientation:
    case ExtensionId::kTimeOffset:
    case ExtensionId::kAbsCaptureTime:
    case ExtensionId::kPlayoutDelay: return true;
    default: return false;  // written by us, or ours to keep
  }
}

}  // namespace

Producer::Producer(Context& context, Transport* transport, ProducerOptions options)
    : context_(context),
      transport_(transport),
      options_(std::move(options)),
      injected_sequence_(static_cast<std::uint16_t>(context.random.Between(1000, 32767))) {
  for (const auto& extension : options_.parameters.header_extensions) {
    extensions_[extension.id] = RouterExtensionId(extension.uri);
  }
  BuildPayloadTable(options_.parameters, options_.mapping);
  BuildStreams(options_.parameters);
}

Producer::~Producer() = default;

void Producer::BuildPayloadTable(const RtpParameters& parameters, const RtpMapping& mapping) {
  for (const RtpMapping::Codec& mapped : mapping.codecs) {
    Payload& row = payloads_[mapped.payload_type];
    row.known = true;
    row.mapped = mapped.mapped_payload_type;
  }
  for (const RtpCodec& codec : parameters.codecs) {
    Payload& row = payloads_[codec.payload_type];
    row.rtx = codec.is_rtx();
    if (row.rtx) {
      row.apt = static_cast<std::uint8_t>(codec.IntParameter("apt").value_or(0) & 0x7F);
    } else if (const media::CodecInfo* info = media::FindCodec(codec.mime_type)) {
      row.codec = info->codec;
      uses_pli_ |= HasFeedback(codec, "nack", "pli");
      uses_inband_fec_ |= info->codec == media::Codec::kOpus && codec.IntParameter("useinbandfec") == 1;
    } else {
      row.known = false;
    }
  }
}

void Producer::BuildStreams(const RtpParameters& parameters) {
  if (options_.synthetic) return;
  for (std::size_t i = 0; i < parameters.encodings.size(); ++i) {
    const RtpEncoding& encoding = parameters.encodings[i];
    IngressStreamOptions options;
    options.index = i;
    options.rid = encoding.rid;
    options.ssrc = encoding.ssrc;
    options.rtx_ssrc = encoding.rtx_ssrc;
    options.video = options_.kind == MediaKind::kVideo;
    options.dependency = ParseScalabilityMode(encoding.scalability_mode.value_or("")).dependency;
    for (const RtpCodec& codec : parameters.codecs) {
      if (codec.is_rtx()) continue;
      options.clock_rate = codec.clock_rate;
      options.nack = !options_.piped && HasFeedback(codec, "nack", "");
      break;
    }
    streams_.push_back(std::make_unique<IngressStream>(std::move(options)));
  }
}

void Producer::RemoveConsumer(Consumer& consumer) { std::erase(consumers_, &consumer); }

void Producer::Pause() {
  paused_ = true;
  ForgetRecent();
  for (Consumer* consumer : consumers_) consumer->ForgetSent();
}

void Producer::Resume(Time now) {
  if (!paused_) return;
  paused_ = false;
  ForgetRecent();  // probes took numbers meanwhile
  for (Consumer* consumer : consumers_) consumer->Resync();
  RequestKeyFrame(now);
}

void Producer::ForgetStalled(Time now) {
  for (const auto& stream : streams_) {
    if (IsStalled(*stream, now)) stream->recent().Clear();
  }
}

void Producer::ForgetRecent() {
  for (const auto& stream : streams_) stream->recent().Clear();
}

std::uint8_t Producer::LossOfListeners(Time now) const {
  std::uint8_t worst = 0;
  if (!uses_inband_fec_) return worst;
  for (const Consumer* consumer : consumers_) worst = std::max(worst, consumer->RecentLoss(now));
  return std::max(worst, LossBehindPipes(now));
}

std::optional<std::uint8_t> Producer::current_spatial_layer() const {
  if (!current_) return std::nullopt;
  return static_cast<std::uint8_t>(current_->index());
}

IngressStream* Producer::Bindable(std::uint32_t ssrc, std::uint8_t payload_type, std::optional<std::string_view> rid,
                                  std::optional<std::string_view> repaired_rid, Time now) {
  const Payload& payload = payloads_[payload_type];
  if (!payload.known) return nullptr;
  const std::optional<std::string_view> wanted = payload.rtx && repaired_rid ? repaired_rid : rid;
  for (const auto& stream : streams_) {
    // Encodings with a RID are found by it alone; a single one without needs none.
    const bool fits = stream->rid() ? wanted == std::string_view(*stream->rid()) : streams_.size() == 1;
    if (fits) return stream->CanBind(ssrc, payload.rtx, now) ? stream.get() : nullptr;
  }
  return nullptr;
}

Producer::ProxiedList Producer::CollectProxied(const rtp::PacketView& packet) const {
  ProxiedList out;
  packet.ForEachExtension([&](std::uint8_t id, ByteView value) {
    const ExtensionId ours = extensions_[id];
    if (!TravelsToConsumers(ours) || value.empty() || value.size() > kMaxProxiedSize) return;
    for (std::size_t i = 0; i < out.count; ++i) {
      if (out.items[i].id == ours) return;
    }
    if (out.count < out.items.size()) out.items[out.count++] = {ours, value};
  });
  return out;
}

ForwardedPacket Producer::LayOut(std::uint8_t payload_type, bool marker, rtp::SeqNum seq, rtp::Timestamp timestamp,
                                 const ProxiedList& proxied, ByteView payload) {
  ForwardedPacket out{context_.packets.Take(), seq, timestamp, marker, false, 0};
  if (!out.packet) {
    context_.Drop(DropReason::kOverBudget);
    return out;
  }
  media::PacketBuffer& buffer = *out.packet;
  rtp::HeaderLayout& layout = buffer.layout();
  layout = rtp::HeaderLayout();
  const auto reserve = [&](ExtensionId id, std::size_t size) {
    if (layout.Reserve(IdOf(id), static_cast<std::uint8_t>(size))) out.extensions |= MaskOf(id);
  };
  reserve(ExtensionId::kMid, kMidSlotSize);
  reserve(ExtensionId::kAbsSendTime, 3);
  if (options_.kind == MediaKind::kVideo) reserve(ExtensionId::kTransportCc, 2);
  for (std::size_t i = 0; i < proxied.count; ++i) reserve(proxied.items[i].id, proxied.items[i].value.size());
  if (layout.size() + payload.size() > media::PacketBuffer::kCapacity) {
    out.packet.Release();
    return out;
  }
  rtp::HeaderFields fields;
  fields.marker = marker;
  fields.payload_type = rtp::PayloadType(payload_type);
  fields.sequence_number = seq;
  fields.timestamp = timestamp;
  const std::size_t header = layout.Write(buffer.storage(), fields);
  std::copy(payload.begin(), payload.end(), buffer.storage().begin() + static_cast<std::ptrdiff_t>(header));
  buffer.set_size(header + payload.size());
  for (std::size_t i = 0; i < proxied.count; ++i) {
    layout.Set(buffer.bytes(), IdOf(proxied.items[i].id), proxied.items[i].value);
  }
  return out;
}

void Producer::HandlePacket(IngressStream& stream, const rtp::PacketView& packet, bool recovered, Time now) {
  const Payload& payload = payloads_[packet.payload_type().value()];
  const rtp::SeqNum seq = packet.sequence_number();
  const bool usable = payload.known && !payload.rtx;
  const ByteView body = packet.payload();
  const bool video = options_.kind == MediaKind::kVideo;
  const bool key_frame = usable && !body.empty() && media::IsKeyFrame(payload.codec, body);
  if (!stream.HandlePacket(seq, packet.timestamp(), body.size(), key_frame, recovered, now)) {
    context_.Drop(DropReason::kDuplicate);
    return;
  }
  if (recovered && !inlet_) ++context_.stats.recovered;
  if (!paused_) PipePacket(stream, packet, recovered);
  if (video && usable && !body.empty()) stream.HandleLayers(payload.codec, body, packet.size(), now);
  if (video && key_frame) ++context_.stats.key_frames_seen;
  // Padding-only probes, and codecs we do not forward, take numbers too: consumers must not see a gap.
  if (!usable || body.empty()) {
    if (!usable) context_.Drop(DropReason::kUnknownPayloadType);
    Skip(stream, seq);
    return;
  }
  if (stream.nack() && stream.nack()->TakeKeyFrameWanted() && video) RequestKeyFrame(stream, now);
  if (paused_) {
    context_.Drop(DropReason::kPaused);
    return;
  }
  const Choice choice = Select(stream, seq, video && key_frame, packet.timestamp(), now);
  if (choice == Choice::kIgnore) return;
  const ProxiedList proxied = CollectProxied(packet);
  if (!video) {
    std::optional<std::int8_t> level;
    bool voice = true;  // without the extension nobody denies it
    for (std::size_t i = 0; i < proxied.count; ++i) {
      if (proxied.items[i].id != ExtensionId::kAudioLevel) continue;
      if (const auto parsed = rtp::ParseAudioLevel(proxied.items[i].value)) {
        level = parsed->dbov();
        voice = parsed->voice;
      }
    }
    Observe(packet, level, voice, now);
  }
  const rtp::Timestamp timestamp(packet.timestamp().value() + stream.timestamp_offset);
  ForwardedPacket out = LayOut(payload.mapped, packet.marker(), seq, timestamp, proxied, body);
  out.key_frame = key_frame;
  if (choice == Choice::kForward) Forward(out, video ? &stream.recent() : nullptr, now);
  if (video && out.packet && !context_.packets.is_scarce()) stream.recent().Add(out);
}

void Producer::Observe(const rtp::PacketView& packet, std::optional<std::int8_t> level, bool voice, Time now) {
  if (group_ && level) group_->HandleLevel(*this, *level, voice, now);
  if (!tapped_) return;
  TappedPacket tapped;
  tapped.sequence = packet.sequence_number().value();
  tapped.timestamp = packet.timestamp().value();
  tapped.marker = packet.marker();
  tapped.level_dbov = level;
  tapped.voice = voice;
  tapped.arrival = now;
  tapped.payload = packet.payload();
  context_.output.HandleTappedPacket(options_.id, tapped);
}

void Producer::Inject(ByteView opus, rtp::Timestamp timestamp, bool marker, std::int8_t level_dbov, bool voice,
                      Time now) {
  if (paused_) {
    context_.Drop(DropReason::kPaused);
    return;
  }
  if (!outlets_.empty()) {
    PipeMessage message;
    message.kind = PipeMessageKind::kInjected;
    message.marker = marker;
    message.voice = voice;
    message.level_dbov = level_dbov;
    message.timestamp = timestamp.value();
    message.payload = opus;
    Pipe(message);
  }
  const int level = std::clamp(-static_cast<int>(level_dbov), 0, 127);
  const std::uint8_t wire = rtp::WriteAudioLevel({voice, static_cast<std::uint8_t>(level)});
  ProxiedList proxied;
  proxied.items[proxied.count++] = {ExtensionId::kAudioLevel, ByteView(&wire, 1)};
  ForwardedPacket out =
      LayOut(options_.consumable.codecs[0].payload_type, marker, injected_sequence_, timestamp, proxied, opus);
  injected_sequence_ = injected_sequence_.Next();
  out.key_frame = true;
  if (group_) group_->HandleLevel(*this, level_dbov, voice, now);
  Forward(out, nullptr, now);
}

bool Producer::IsStalled(const IngressStream& stream, Time now) const {
  return !stream.last_packet_at() || now - *stream.last_packet_at() > kStalledAfter;
}

Producer::Choice Producer::Select(IngressStream& stream, rtp::SeqNum seq, bool key_frame, rtp::Timestamp timestamp,
                                  Time now) {
  if (!current_ && streams_.size() == 1) current_ = &stream;
  if (current_ == &stream) {
    if (realign_) AlignTimestamps(stream, timestamp, now);
    return Choice::kForward;
  }
  const bool better = !current_ || stream.index() > current_->index() || IsStalled(*current_, now);
  if (!better) return Choice::kIgnore;
  if (key_frame) {
    SwitchTo(stream, seq, timestamp, now);
    return Choice::kForward;
  }
  // Of several candidates only the best is asked: each PLI costs the sender a key frame.
  for (const auto& other : streams_) {
    if (other->index() > stream.index() && !IsStalled(*other, now)) return Choice::kIgnore;
  }
  RequestKeyFrame(stream, now);
  return Choice::kKeep;
}

bool Producer::Flows(media::Layers layers, Time now) const {
  const Duration silence = options_.content == VideoContent::kScreen ? kScreenLayerSilence : kLayerSilence;
  if (streams_.size() == 1) return streams_[0]->meter().Flows(layers, silence, now);
  if (layers.spatial >= streams_.size()) return false;
  media::LayerMeter& meter = streams_[layers.spatial]->meter();
  for (std::uint8_t s = 0; s < media::kMaxSpatialLayers; ++s) {
    if (meter.Flows({s, layers.temporal}, silence, now)) return true;
  }
  return false;
}

std::uint64_t Producer::BitrateBps(media::Layers layers, Time now) const {
  if (streams_.size() == 1) return streams_[0]->meter().BitrateBps(layers, now);
  // Of a simulcast encoding everything is sent that is of those temporal layers.
  const media::Layers within{media::kMaxSpatialLayers - 1, layers.temporal};
  return streams_[layers.spatial]->meter().BitrateBps(within, now);
}

void Producer::CollectLayers(media::LayerLadder& out, media::Layers cap, Time now) {
  out.Clear();
  if (options_.kind != MediaKind::kVideo || streams_.empty()) return;
  const auto add = [&](media::Layers layers) {
    if (Flows(layers, now)) out.Add({layers, BitrateBps(layers, now)});
  };
  if (options_.content == VideoContent::kCamera) {  // mediasoup's order: smooth, then larger
    for (std::uint8_t s = 0; s <= cap.spatial; ++s) {
      for (std::uint8_t t = 0; t <= cap.temporal; ++t) add({s, t});
    }
    return;
  }
  for (std::uint8_t s = 0; s <= cap.spatial; ++s) add({s, 0});
  if (out.empty()) return;
  const std::uint8_t sharpest = out[out.size() - 1].layers.spatial;
  for (std::uint8_t t = 1; t <= cap.temporal; ++t) add({sharpest, t});
}

void Producer::HandleRebind(IngressStream& stream) {
  if (current_ != &stream) return;
  realign_ = true;
  for (Consumer* consumer : consumers_) consumer->Resync();
}

// So that `timestamp` follows the last one forwarded by as much time as passed.
void Producer::AlignTimestamps(IngressStream& stream, rtp::Timestamp timestamp, Time now) {
  realign_ = false;
  if (!last_timestamp_) return;
  const Duration elapsed = std::max<Duration>(now - last_forwarded_at_, kFrameTime);
  const auto ticks = static_cast<std::uint64_t>(elapsed.count()) * stream.clock_rate() / 1'000'000;
  stream.timestamp_offset = last_timestamp_->value() + static_cast<std::uint32_t>(ticks) - timestamp.value();
}

void Producer::SwitchTo(IngressStream& stream, rtp::SeqNum seq, rtp::Timestamp timestamp, Time now) {
  const std::uint32_t laid_out_with = stream.timestamp_offset;
  AlignTimestamps(stream, timestamp, now);
  // What was kept has been sent to nobody yet: it moves to the new timeline in place.
  stream.recent().ForEachAfter(seq, [&](ForwardedPacket& kept) {
    kept.timestamp = rtp::Timestamp(kept.timestamp.value() - laid_out_with + stream.timestamp_offset);
    if (kept.packet) rtp::SetTimestamp(kept.packet->bytes(), kept.timestamp);
  });
  for (const auto& other : streams_) {
    if (other.get() != &stream) other->recent().Clear();  // old by the time it is wanted again
  }
  const bool first = !current_;
  current_ = &stream;
  for (Consumer* consumer : consumers_) {
    if (!first) consumer->Resync();
  }
}

void Producer::Forward(const ForwardedPacket& packet, RecentPackets* recent, Time now) {
  if (!packet.packet) return;
  if (!last_timestamp_ || packet.timestamp.IsNewerThan(*last_timestamp_)) last_timestamp_ = packet.timestamp;
  last_forwarded_at_ = now;
  for (Consumer* consumer : consumers_) {
    const bool began = consumer->Send(packet, now);
    if (!began || !recent) continue;
    if (streams_.size() > 1) consumer->HandleLayer(static_cast<std::uint8_t>(current_->index()));
    recent->ForEachAfter(packet.sequence_number, [&](const ForwardedPacket& overtaker) {
      if (overtaker.packet) {
        consumer->Send(overtaker, now);
      } else {
        consumer->Skip(overtaker.sequence_number);
      }
    });
  }
}

void Producer::Skip(IngressStream& stream, rtp::SeqNum seq) {
  if (options_.kind == MediaKind::kVideo) stream.recent().Add({{}, seq, {}});
  if (current_ != &stream) return;
  for (Consumer* consumer : consumers_) consumer->Skip(seq);
}

void Producer::RequestKeyFrame(Time now) {
  if (options_.kind != MediaKind::kVideo || streams_.empty()) return;
  if (current_ && !IsStalled(*current_, now)) {
    RequestKeyFrame(*current_, now);
    return;
  }
  // Nothing flows yet: whichever answers first.
  for (const auto& stream : streams_) {
    if (stream->ssrc() && (streams_.size() == 1 || !IsStalled(*stream, now))) RequestKeyFrame(*stream, now);
  }
}

void Producer::RequestKeyFrame(IngressStream& stream, Time now) {
  if (paused_ || options_.kind != MediaKind::kVideo) return;
  if (inlet_) return inlet_->RequestKeyFrame(stream.index(), now);
  if (transport_) transport_->RequestKeyFrame(*this, stream, now);
}

}  // namespace jb::sfu
