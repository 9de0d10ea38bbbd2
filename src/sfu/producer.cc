// SPDX-License-Identifier: Apache-2.0
#include "sfu/producer.h"

#include <algorithm>

#include "proto/rtp/extensions.h"
#include "proto/rtp/first_sequence.h"
#include "sfu/consumer.h"
#include "sfu/pipe_ends.h"
#include "sfu/speaker_group.h"
#include "sfu/transport.h"

namespace jb::sfu {
namespace {

// What is kept of an encoding that was silent this long is of no use any more.
constexpr Duration kStalledAfter = std::chrono::seconds(2);
constexpr std::size_t kMaxProxiedSize = 16;
// mediasoup's; a shared screen that stands still sends a picture now and then.
constexpr Duration kLayerSilence = std::chrono::milliseconds(1500);
constexpr Duration kScreenLayerSilence = std::chrono::seconds(5);
constexpr Duration kSoundSilence = std::chrono::milliseconds(1500);
constexpr Duration kDtxSilence = std::chrono::seconds(5);  // discontinuous transmission, RFC 7587 section 3.1.3

Duration SilenceOf(VideoContent content) {
  return content == VideoContent::kScreen ? kScreenLayerSilence : kLayerSilence;
}

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
      flow_(SilenceOf(options_.content)),
      injected_sequence_(rtp::FirstSequence(context.random)) {
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
  for (auto codec = parameters.codecs.rbegin(); codec != parameters.codecs.rend(); ++codec) {
    const media::CodecInfo* info = media::FindCodec(codec->mime_type);
    if (info && !codec->is_rtx()) codec_ = info->codec;
  }
  for (const RtpCodec& codec : parameters.codecs) {
    Payload& row = payloads_[codec.payload_type];
    row.rtx = codec.is_rtx();
    row.red = codec.is_red();
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
    options.silence = options.video ? SilenceOf(options_.content) : kSoundSilence;
    if (encoding.dtx.value_or(false)) options.silence = kDtxSilence;
    options.dependency = ParseScalabilityMode(encoding.scalability_mode.value_or("")).dependency;
    for (const RtpCodec& codec : parameters.codecs) options.red |= codec.is_red();
    for (const RtpCodec& codec : parameters.codecs) {
      if (!codec.is_media()) continue;
      options.clock_rate = codec.clock_rate;
      options.nack = !options_.piped && HasFeedback(codec, "nack", "");
      break;
    }
    dependency_ = options.dependency;
    streams_.push_back(std::make_unique<IngressStream>(std::move(options)));
  }
}

void Producer::AddConsumer(Consumer& consumer) {
  consumers_.push_back(&consumer);
  for (const auto& stream : streams_) stream->ReserveFollowers(consumers_.size());
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
  flow_.Reset();  // nothing is known of what went by
  ForgetRecent();  // probes took numbers meanwhile
  for (Consumer* consumer : consumers_) consumer->Resync();
  RequestKeyFrames(now);
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

IngressStream* Producer::StreamFor(std::uint8_t spatial) const {
  if (streams_.size() == 1) return streams_[0].get();
  IngressStream* best = nullptr;
  for (const auto& stream : streams_) {
    const auto index = static_cast<std::uint8_t>(stream->index());
    if (flow_.Flows(index) && (!best || index <= spatial)) best = stream.get();
  }
  return best;
}

void Producer::UpdateFlow(Time now) {
  if (!is_simulcast() || !flow_.Update(now)) return;
  for (Consumer* consumer : consumers_) consumer->Retarget(now);
}

IngressStream* Producer::Bindable(std::uint32_t ssrc, std::uint8_t payload_type, std::optional<std::string_view> rid,
                                  std::optional<std::string_view> repaired_rid, Time now) {
  const Payload& payload = payloads_[payload_type];
  if (!payload.known && !payload.red) return nullptr;
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

std::optional<ByteView> Producer::FindExtension(const rtp::PacketView& packet, ExtensionId id) const {
  std::optional<ByteView> out;
  packet.ForEachExtension([&](std::uint8_t incoming, ByteView value) {
    if (!out && extensions_[incoming] == id) out = value;
  });
  return out;
}

bool Producer::LayOut(ForwardedPacket& out, std::uint8_t payload_type, const ProxiedList& proxied, ByteView payload) {
  out.packet = context_.packets.Take();
  if (!out.packet) {
    context_.Drop(DropReason::kOverBudget);
    return false;
  }
  media::PacketBuffer& buffer = *out.packet;
  rtp::HeaderLayout& layout = buffer.layout();
  layout = rtp::HeaderLayout();
  layout.Reserve(IdOf(ExtensionId::kMid), kMidSlotSize);
  layout.Reserve(IdOf(ExtensionId::kAbsSendTime), 3);
  if (options_.kind == MediaKind::kVideo) layout.Reserve(IdOf(ExtensionId::kTransportCc), 2);
  for (std::size_t i = 0; i < proxied.count; ++i) {
    layout.Reserve(IdOf(proxied.items[i].id), static_cast<std::uint8_t>(proxied.items[i].value.size()));
  }
  rtp::HeaderFields fields;
  fields.marker = out.marker;
  fields.payload_type = rtp::PayloadType(payload_type);
  fields.sequence_number = out.sequence_number;
  fields.timestamp = out.timestamp;
  const std::size_t header = layout.Write(buffer.storage(), fields);
  const std::size_t size = WritePayload(out, payload, buffer.storage().subspan(header));
  if (size == 0) {
    out.packet.Release();
    return false;
  }
  buffer.set_size(header + size);
  for (std::size_t i = 0; i < proxied.count; ++i) {
    layout.Set(buffer.bytes(), IdOf(proxied.items[i].id), proxied.items[i].value);
  }
  return true;
}

// Returns its size; 0: no room. A VP8 picture id of seven bits would wrap too soon to leave pictures out: it goes on
// with fifteen. The byte behind the descriptor goes with it, so that it can be read again.
std::size_t Producer::WritePayload(ForwardedPacket& out, ByteView payload, ByteSpan room) const {
  const media::PacketLayers& layers = out.layers;
  std::size_t size = 0;
  if (layers.narrow_picture_id) size = media::vp8::WidenPictureId(payload, *layers.picture_id, room);
  if (size == 0) {
    if (payload.size() > room.size()) return 0;
    std::copy(payload.begin(), payload.end(), room.begin());
    size = payload.size();
  }
  const bool numbered = layers.picture_id || layers.tl0_picture_index;
  if (numbered) out.packet->set_numbered_size(layers.descriptor_size + (size - payload.size()) + 1);
  return size;
}

void Producer::HandlePacket(IngressStream& stream, const rtp::PacketView& packet, bool recovered, Time now) {
  const Payload& payload = payloads_[packet.payload_type().value()];
  const rtp::SeqNum seq = packet.sequence_number();
  const ByteView body = packet.payload();
  if (!stream.IsNew(seq)) {
    // A repetition was faster than the packet itself, which is late and not lost (RFC 3550 section 6.4.1).
    if (!recovered) stream.receiver().HandlePacket(seq, packet.timestamp(), body.size(), now);
    context_.Drop(DropReason::kDuplicate);
    return;
  }
  const bool known = payload.known && !payload.rtx;
  const bool usable = known && !body.empty();
  const bool video = usable && options_.kind == MediaKind::kVideo;
  media::PacketLayers layers;
  std::optional<ByteView> descriptor;
  if (video) {
    if (media::HasDependencyDescriptor(payload.codec)) {
      descriptor = FindExtension(packet, ExtensionId::kDependencyDescriptor);
    }
    layers = stream.HandleLayers(payload.codec, body, descriptor, packet.size(), now);
  }
  stream.HandlePacket(seq, packet.timestamp(), body.size(), video && layers.begins_key_picture(), recovered, now);
  if (recovered && !inlet_) ++context_.stats.recovered;
  if (!paused_) PipePacket(stream, packet, recovered);
  // Padding-only probes, and codecs we do not forward, take numbers too: consumers must not see a gap.
  if (!usable) {
    if (!known) context_.Drop(DropReason::kUnknownPayloadType);
    return Skip(stream, seq);
  }
  if (paused_) {
    context_.Drop(DropReason::kPaused);
    return;
  }
  if (video) {
    HandleVideo(stream, payload, packet, layers, descriptor, now);
  } else {
    HandleAudio(payload, packet, now);
  }
}

void Producer::HandleVideo(IngressStream& stream, const Payload& payload, const rtp::PacketView& packet,
                           const media::PacketLayers& layers, std::optional<ByteView> descriptor, Time now) {
  ForwardedPacket out{{}, packet.sequence_number(), packet.timestamp(), packet.marker(), false, layers};
  out.key_frame = layers.begins_key_picture();
  if (out.key_frame) ++context_.stats.key_frames_seen;
  if (is_simulcast()) {
    flow_.HandlePacket(static_cast<std::uint8_t>(stream.index()), layers.begins_frame, now);
    UpdateFlow(now);
  }
  if (stream.nack() && stream.nack()->TakeKeyFrameWanted()) RequestKeyFrame(stream, now);
  if (stream.followers().empty()) return;
  if (!LayOut(out, payload.mapped, CollectProxied(packet), packet.payload())) return;
  ForwardVideo(stream, out, now);
  if (context_.packets.is_scarce()) return;
  const bool hold = !layers.resolved && descriptor;
  stream.recent().Add(out, hold ? *descriptor : ByteView());
}

void Producer::HandleAudio(const Payload& payload, const rtp::PacketView& packet, Time now) {
  const ProxiedList proxied = CollectProxied(packet);
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
  ForwardedPacket out{{}, packet.sequence_number(), packet.timestamp(), packet.marker(), true, {}};
  if (LayOut(out, payload.mapped, proxied, packet.payload())) ForwardAudio(out, now);
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
  ForwardedPacket out{{}, injected_sequence_, timestamp, marker, true, {}};
  injected_sequence_ = injected_sequence_.Next();
  if (group_) group_->HandleLevel(*this, level_dbov, voice, now);
  if (LayOut(out, options_.consumable.codecs[0].payload_type, proxied, opus)) ForwardAudio(out, now);
}

bool Producer::IsStalled(const IngressStream& stream, Time now) const {
  return !stream.last_packet_at() || now - *stream.last_packet_at() > kStalledAfter;
}

std::optional<Time> Producer::FlowsSince(media::Layers layers, Time now) const {
  const auto since = [&](const media::LayerMeter& meter, media::Layers layer) {
    return meter.Flows(layer, now) ? meter.FlowsSince(layer) : std::nullopt;
  };
  if (streams_.size() == 1) return since(streams_[0]->meter(), layers);
  if (layers.spatial >= streams_.size()) return std::nullopt;
  for (std::uint8_t s = 0; s < media::kMaxSpatialLayers; ++s) {
    if (const auto time = since(streams_[layers.spatial]->meter(), {s, layers.temporal})) return time;
  }
  return std::nullopt;
}

bool Producer::IsMeasured(std::uint8_t spatial, Time now) const {
  const auto since = FlowsSince({spatial, 0}, now);
  return since && now - *since >= kMeasured;
}

std::uint64_t Producer::BitrateBps(media::Layers layers, Time now) const {
  if (streams_.size() == 1) return streams_[0]->meter().LastingBps(layers, now);
  // Of a simulcast encoding everything is sent that is of those temporal layers.
  const media::Layers within{media::kMaxSpatialLayers - 1, layers.temporal};
  return streams_[layers.spatial]->meter().LastingBps(within, now);
}

void Producer::CollectLayers(media::LayerLadder& out, media::Layers cap, Time now) {
  out.Clear();
  if (options_.kind != MediaKind::kVideo || streams_.empty()) return;
  const auto add = [&](media::Layers layers) {
    if (!FlowsSince(layers, now)) return;
    const bool smallest = out.empty() || layers.spatial == out[0].layers.spatial;
    if (smallest || IsMeasured(layers.spatial, now)) out.Add({layers, BitrateBps(layers, now)});
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
  for (Consumer* consumer : consumers_) consumer->HandleRestart(stream);
}

void Producer::ForwardAudio(const ForwardedPacket& packet, Time now) {
  IngressStream* stream = streams_.empty() ? nullptr : streams_[0].get();
  for (Consumer* consumer : consumers_) consumer->Send(stream, packet, now);
}

// Who begins with this packet gets those that overtook it too; where it told how to read some that were held, all do.
void Producer::ForwardVideo(IngressStream& stream, const ForwardedPacket& packet, Time now) {
  const rtp::SeqNum seq = packet.sequence_number;
  const bool releases = stream.ReadHeldAfter(seq);
  for (Consumer* consumer : stream.followers()) {
    const bool began = consumer->Send(&stream, packet, now);
    if (!began && !releases) continue;
    stream.recent().ForEachAfter(seq, [&](const RecentPackets::Item& item) {
      if (!began && !item.held) return;
      if (item.packet.packet) {
        consumer->Send(&stream, item.packet, now);
      } else {
        consumer->Skip(stream, item.packet.sequence_number);
      }
    });
  }
  if (releases) stream.ReleaseHeldAfter(seq);
}

void Producer::Skip(IngressStream& stream, rtp::SeqNum seq) {
  if (options_.kind != MediaKind::kVideo) {
    for (Consumer* consumer : consumers_) consumer->Skip(stream, seq);
    return;
  }
  ForwardedPacket nothing;
  nothing.sequence_number = seq;
  stream.recent().Add(nothing);
  for (Consumer* consumer : stream.followers()) consumer->Skip(stream, seq);
}

void Producer::RequestKeyFrames(Time now) {
  for (const auto& stream : streams_) {
    if (!stream->followers().empty()) RequestKeyFrame(*stream, now);
  }
}

void Producer::RequestKeyFrame(IngressStream& stream, Time now) {
  if (paused_ || options_.kind != MediaKind::kVideo) return;
  if (inlet_) return inlet_->RequestKeyFrame(stream.index(), now);
  if (transport_) transport_->RequestKeyFrame(*this, stream, now);
}

}  // namespace jb::sfu
