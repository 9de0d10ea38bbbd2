// SPDX-License-Identifier: Apache-2.0
// One track that somebody sends: lays the packets of its encodings out with the router's numbers, once, and hands each
// to the consumers that follow that encoding. Knows which encodings flow; which of them a consumer is sent is that
// consumer's choice. A synthetic producer has no transport; its packets are injected. Nor has a piped one: another
// worker's producer of the same id gives it what it receives.
// Sans-IO, single-threaded. Owned by the worker; borrows its transport, which closes it before it goes.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/audio/expected_loss.h"
#include "media/layers/layer_ladder.h"
#include "media/layers/spatial_flow.h"
#include "media/payload/codec.h"
#include "proto/rtcp/sender_report.h"
#include "proto/rtp/packet.h"
#include "sfu/context.h"
#include "sfu/forward.h"
#include "sfu/ingress_stream.h"
#include "sfu/ortc.h"
#include "sfu/pipe.h"

namespace jb::sfu {

class Consumer;
class PipeInlet;
struct PipeOutlet;
class SpeakerGroup;
class Transport;

struct ProducerOptions {
  ProducerId id;
  MediaKind kind = MediaKind::kAudio;
  ProducerType type = ProducerType::kSimple;
  VideoContent content = VideoContent::kCamera;
  RtpParameters parameters;  // as the client sent them
  RtpMapping mapping;
  RtpParameters consumable;
  bool synthetic = false;  // no encodings: injected
  bool piped = false;      // from its origin, where repairs are asked for
};

class Producer {
 public:
  Producer(Context& context, Transport* transport, ProducerOptions options);
  ~Producer();
  Producer(const Producer&) = delete;
  Producer& operator=(const Producer&) = delete;

  const ProducerId& id() const { return options_.id; }
  const ProducerOptions& options() const { return options_; }
  MediaKind kind() const { return options_.kind; }
  ProducerType type() const { return options_.type; }
  const RtpParameters& parameters() const { return options_.parameters; }
  const RtpParameters& consumable() const { return options_.consumable; }
  Transport* transport() const { return transport_; }
  std::vector<std::unique_ptr<IngressStream>>& streams() { return streams_; }
  bool paused() const { return paused_; }
  bool uses_pli() const { return uses_pli_; }
  bool is_simulcast() const { return streams_.size() > 1; }
  // Of the codec that is negotiated first.
  media::Codec codec() const { return codec_; }
  media::SpatialDependency dependency() const { return dependency_; }

  // --- consumers ---
  void AddConsumer(Consumer& consumer);
  void RemoveConsumer(Consumer& consumer);
  const std::vector<Consumer*>& consumers() const { return consumers_; }

  // --- state ---
  void Pause();
  void Resume(Time now);
  // Returns the buffers kept of encodings that send nothing any more; ForgetRecent: of all of them.
  void ForgetStalled(Time now);
  void ForgetRecent();
  void set_tapped(bool on) { tapped_ = on; }
  void set_speaker_group(SpeakerGroup* group) { group_ = group; }
  SpeakerGroup* speaker_group() const { return group_; }
  // Of 256: the worst loss among those who receive it, where the sender can put redundancy against that into
  // what it sends (Opus in-band FEC, RFC 7587 section 3.3); else 0.
  std::uint8_t LossOfListeners(Time now) const;

  // The encoding to send to whoever wants that spatial layer: of those that flow the highest up to it, else the lowest
  // above. nullptr: none flows.
  IngressStream* StreamFor(std::uint8_t spatial) const;
  bool Flows(const IngressStream& stream) const {
    return !is_simulcast() || flow_.Flows(static_cast<std::uint8_t>(stream.index()));
  }
  // Looks at the clock: an encoding that has stopped is noticed by what does not come.
  void UpdateFlow(Time now);
  // The layers that flow, none above `cap`, as a ladder. What a size costs is not known before it has flowed for
  // kMeasured: until then only the smallest counts.
  static constexpr Duration kMeasured = std::chrono::milliseconds(600);
  void CollectLayers(media::LayerLadder& out, media::Layers cap, Time now);

  // --- packets in ---
  // Which encoding an unknown SSRC is, given the RIDs it shows; nullptr: none may have it.
  IngressStream* Bindable(std::uint32_t ssrc, std::uint8_t payload_type, std::optional<std::string_view> rid,
                          std::optional<std::string_view> repaired_rid, Time now);
  bool IsRtx(std::uint8_t payload_type) const { return payloads_[payload_type].rtx; }
  bool IsRed(std::uint8_t payload_type) const { return payloads_[payload_type].red; }
  // The media payload type an RTX payload type repairs.
  std::uint8_t MediaPayloadType(std::uint8_t rtx_payload_type) const { return payloads_[rtx_payload_type].apt; }
  // Another SSRC took `stream` over: its numbers and timestamps begin anew.
  void HandleRebind(IngressStream& stream);
  // A decrypted packet of `stream`, after RTX decapsulation.
  void HandlePacket(IngressStream& stream, const rtp::PacketView& packet, bool recovered, Time now);
  void Inject(ByteView opus, rtp::Timestamp timestamp, bool marker, std::int8_t level_dbov, bool voice, Time now);

  // The sender has told of `stream`.
  void HandleSenderReport(IngressStream& stream, const rtcp::SenderInfo& info, Time now);

  // --- pipes, pipe.cc ---
  void AddOutlet(const PipeOutlet& outlet);
  void RemoveOutlet(PipeId id);
  const std::vector<PipeOutlet>& outlets() const { return outlets_; }
  void SetInlet(std::unique_ptr<PipeInlet> inlet);
  const PipeInlet* inlet() const { return inlet_.get(); }
  // From the other end of a pipe of ours.
  void HandlePipeMessage(const PipeMessage& message, Time now);
  // A receiver has reported: the origin needs to know, and whoever makes a synthetic one.
  void HandleListenerReport(Time now);

  // Somebody needs a key frame; merged and rate limited. Of one encoding, or of all that are followed.
  void RequestKeyFrame(IngressStream& stream, Time now);
  void RequestKeyFrames(Time now);

 private:
  struct Payload {
    bool known = false;
    bool rtx = false;
    bool red = false;  // taken apart before it gets here; nothing to forward as it is
    std::uint8_t apt = 0;
    std::uint8_t mapped = 0;
    media::Codec codec = media::Codec::kOpus;
  };
  // A header extension that travels to the consumers.
  struct Proxied {
    ExtensionId id;
    ByteView value;
  };
  struct ProxiedList {
    std::array<Proxied, 8> items;
    std::size_t count = 0;
  };

  void BuildPayloadTable(const RtpParameters& parameters, const RtpMapping& mapping);
  void BuildStreams(const RtpParameters& parameters);
  ProxiedList CollectProxied(const rtp::PacketView& packet) const;
  // The value of that extension of ours in a packet as it came.
  std::optional<ByteView> FindExtension(const rtp::PacketView& packet, ExtensionId id) const;
  // Lays `payload` out as a packet with the router's numbers. False: too large, or the pool ran out.
  bool LayOut(ForwardedPacket& out, std::uint8_t payload_type, const ProxiedList& proxied, ByteView payload);
  std::size_t WritePayload(ForwardedPacket& out, ByteView payload, ByteSpan room) const;
  void HandleAudio(const Payload& payload, const rtp::PacketView& packet, Time now);
  void HandleVideo(IngressStream& stream, const Payload& payload, const rtp::PacketView& packet,
                   const media::PacketLayers& layers, std::optional<ByteView> descriptor, Time now);
  bool IsStalled(const IngressStream& stream, Time now) const;
  std::optional<Time> FlowsSince(media::Layers layers, Time now) const;
  bool IsMeasured(std::uint8_t spatial, Time now) const;
  std::uint64_t BitrateBps(media::Layers layers, Time now) const;
  void ForwardAudio(const ForwardedPacket& packet, Time now);
  void ForwardVideo(IngressStream& stream, const ForwardedPacket& packet, Time now);
  void Skip(IngressStream& stream, rtp::SeqNum seq);
  void Pipe(PipeMessage message);
  void PipePacket(const IngressStream& stream, const rtp::PacketView& packet, bool recovered);
  std::uint8_t LossBehindPipes(Time now) const;
  void Observe(const rtp::PacketView& packet, std::optional<std::int8_t> level, bool voice, Time now);

  Context& context_;
  Transport* transport_;
  ProducerOptions options_;
  std::array<Payload, 128> payloads_{};
  std::array<ExtensionId, 256> extensions_{};  // incoming id -> ours
  std::vector<std::unique_ptr<IngressStream>> streams_;
  std::vector<Consumer*> consumers_;
  std::vector<PipeOutlet> outlets_;
  std::unique_ptr<PipeInlet> inlet_;
  SpeakerGroup* group_ = nullptr;
  media::Codec codec_ = media::Codec::kOpus;
  media::SpatialDependency dependency_ = media::SpatialDependency::kFull;
  media::SpatialFlow flow_;  // of simulcast encodings
  rtp::SeqNum injected_sequence_;
  bool paused_ = false;
  bool tapped_ = false;
  bool uses_pli_ = false;
  bool uses_inband_fec_ = false;
  media::ExpectedLoss expected_loss_;  // of a synthetic producer
};

}  // namespace jb::sfu
