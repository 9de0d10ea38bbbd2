// SPDX-License-Identifier: Apache-2.0
// One track that somebody sends: turns the packets of its encodings into one stream with the router's
// numbers and hands that to its consumers. Of simulcast it forwards the best encoding that arrives.
// A synthetic producer has no transport; its packets are injected. Nor has a piped one: another worker's producer
// of the same id gives it what it receives.
// Sans-IO, single-threaded. Owned by the worker; borrows its transport, which closes it before it goes.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/layers/layer_ladder.h"
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

  // --- consumers ---
  void AddConsumer(Consumer& consumer) { consumers_.push_back(&consumer); }
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
  // What consumers see, as layers: nullopt until something flowed.
  std::optional<std::uint8_t> current_spatial_layer() const;

  // The layers that flow, none above `cap`, as a ladder.
  void CollectLayers(media::LayerLadder& out, media::Layers cap, Time now);

  // --- packets in ---
  // Which encoding an unknown SSRC is, given the RIDs it shows; nullptr: none may have it.
  IngressStream* Bindable(std::uint32_t ssrc, std::uint8_t payload_type, std::optional<std::string_view> rid,
                          std::optional<std::string_view> repaired_rid, Time now);
  bool IsRtx(std::uint8_t payload_type) const { return payloads_[payload_type].rtx; }
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
  // A receiver has reported; the origin needs to know.
  void HandleListenerReport(Time now);

  // Somebody needs a key frame; merged and rate limited.
  void RequestKeyFrame(Time now);
  void RequestKeyFrame(IngressStream& stream, Time now);

 private:
  struct Payload {
    bool known = false;
    bool rtx = false;
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
  // Lays `payload` out as a packet with the router's numbers. Empty packet: the pool ran out.
  ForwardedPacket LayOut(std::uint8_t payload_type, bool marker, rtp::SeqNum seq, rtp::Timestamp timestamp,
                         const ProxiedList& proxied, ByteView payload);
  // What is done with a packet of that stream; switches the encoding when it is time.
  enum class Choice : std::uint8_t {
    kForward,
    kKeep,  // its stream is next, once the key frame is there that this packet may have overtaken
    kIgnore,
  };
  Choice Select(IngressStream& stream, rtp::SeqNum seq, bool key_frame, rtp::Timestamp timestamp, Time now);
  void SwitchTo(IngressStream& stream, rtp::SeqNum seq, rtp::Timestamp timestamp, Time now);
  void AlignTimestamps(IngressStream& stream, rtp::Timestamp timestamp, Time now);
  bool IsStalled(const IngressStream& stream, Time now) const;
  bool Flows(media::Layers layers, Time now) const;
  std::uint64_t BitrateBps(media::Layers layers, Time now) const;
  // `recent`: of the encoding the packet is of; nullptr for audio, where any packet is a beginning.
  void Forward(const ForwardedPacket& packet, RecentPackets* recent, Time now);
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
  IngressStream* current_ = nullptr;
  std::optional<rtp::Timestamp> last_timestamp_;  // newest forwarded, on the common timeline
  Time last_forwarded_at_{};
  rtp::SeqNum injected_sequence_;
  bool realign_ = false;  // the current stream's timestamps began anew
  bool paused_ = false;
  bool tapped_ = false;
  bool uses_pli_ = false;
  bool uses_inband_fec_ = false;
};

}  // namespace jb::sfu
