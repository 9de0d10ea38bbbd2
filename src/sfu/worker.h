// SPDX-License-Identifier: Apache-2.0
// The SFU core of one media loop: every WebRTC transport behind one UDP and one TCP port, the producers
// and consumers on them, and the forwarding between them, in mediasoup's terms, so that an unmodified
// mediasoup-client talks to it.
// Does not: know rooms, people or permissions (the caller does), open sockets, read clocks, decode media.
// Thread: the media loop that owns it; no locks. Output goes to the WorkerOutput while a call runs; the
// output must not call back into the worker. Owns all its transports; borrows Random and WorkerOutput,
// which outlive it.
// Specs: RFC 8445 (ICE-lite), RFC 7675, RFC 6347, RFC 5764, RFC 3711, RFC 3550, RFC 4585, RFC 4588,
// RFC 8285, RFC 8843, mediasoup's ORTC dialect.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "base/random.h"
#include "base/result.h"
#include "base/socket_address.h"
#include "base/strong.h"
#include "base/time.h"
#include "sfu/ortc.h"
#include "sfu/pipe.h"

namespace jb::crypto {
class Certificate;
}

namespace jb::sfu {

// From the client's side, as protocol.md says it: "send" carries producers, "recv" carries consumers.
enum class TransportDirection : std::uint8_t { kSend, kRecv };

// disconnected: consent expired; media stopped, an ICE restart (or the same client's checks) revives it.
// failed: DTLS failed or the certificate was not the promised one; for good. closed: the peer closed it.
enum class TransportState : std::uint8_t { kNew, kConnected, kDisconnected, kFailed, kClosed };

// Where clients are told to find us. One per (listen address, protocol), best first.
struct IceCandidateAddress {
  SocketAddress address;
  TransportProtocol protocol = TransportProtocol::kUdp;
};

// What a video shows decides what is given up first where not everything fits: a face stays smooth, a shared screen
// stays sharp.
enum class VideoContent : std::uint8_t { kCamera, kScreen };

struct WorkerConfig {
  std::vector<IceCandidateAddress> announced;
  std::shared_ptr<const crypto::Certificate> certificate;
  // Microseconds to add to a Time to get Unix time; senders' reports need wall clock.
  Duration wall_clock_offset{};
  std::size_t max_transports = 4000;
  std::size_t max_producers_per_transport = 32;
  std::size_t max_consumers_per_transport = 512;
  // Buffers shared by all: what 30,000 packets per second need for two seconds of answering NACKs.
  std::size_t max_pooled_packets = 65'536;
  Duration consent_timeout = std::chrono::seconds(30);  // RFC 7675 section 5.1
};

// What happened without a command of the caller. Whatever a command itself closes or pauses directly
// is not reported; its consequences for others are (consumers of a closed producer).
struct TransportStateChanged {
  TransportId transport;
  TransportState state;
};
struct ConsumerClosed {
  ConsumerId consumer;  // already gone: its producer closed, or that producer's transport did
};
struct ConsumerPaused {
  ConsumerId consumer;  // because its producer is paused
};
struct ConsumerResumed {
  ConsumerId consumer;
};
struct ConsumerLayersChanged {
  ConsumerId consumer;
  std::optional<std::uint8_t> spatial_layer;  // nullopt: nothing is being forwarded
  std::optional<std::uint8_t> temporal_layer;
};
// How well the packets of a stream get through, 0 to 10 (media/rtp/stream_score.h): what is sent of it to that consumer...
struct ConsumerScoreChanged {
  ConsumerId consumer;
  std::uint8_t score = 0;
};
// ...and what comes of an encoding from its sender. 0: nothing does.
struct ProducerScoreChanged {
  ProducerId producer;
  std::uint8_t encoding = 0;
  std::uint8_t score = 0;
};
struct ActiveSpeaker {
  RoomCode room;
  std::optional<ProducerId> producer;
};
// The listeners of a synthetic producer lose more than they did, or less: how much of it should be encoded for (Opus
// in-band FEC); 0: none.
struct ExpectedLossChanged {
  ProducerId producer;
  int percent = 0;
};
using WorkerEvent = std::variant<TransportStateChanged, ConsumerClosed, ConsumerPaused, ConsumerResumed,
                                 ConsumerLayersChanged, ConsumerScoreChanged, ProducerScoreChanged, ActiveSpeaker,
                                 ExpectedLossChanged>;

// A decrypted audio packet of a tapped producer, in the producer's own numbering. `payload` is borrowed
// for the call.
struct TappedPacket {
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;  // in the codec's clock, 48 kHz for Opus
  bool marker = false;
  std::optional<std::int8_t> level_dbov;  // 0 loudest .. -127 silence, RFC 6464
  bool voice = false;
  Time arrival{};
  ByteView payload;
};

// Borrowed for the call.
struct OutgoingDatagram {
  const Tuple* to;
  ByteView bytes;
};
struct IncomingDatagram {
  Tuple from;
  ByteSpan bytes;  // decrypted in place
};

class WorkerOutput {
 public:
  virtual ~WorkerOutput() = default;
  virtual void SendDatagram(const Tuple& to, ByteView datagram) = 0;
  // RTP, which comes in numbers: those to one destination stand together, in their order.
  virtual void SendDatagrams(std::span<const OutgoingDatagram> datagrams) {
    for (const OutgoingDatagram& datagram : datagrams) SendDatagram(*datagram.to, datagram.bytes);
  }
  virtual void HandleEvent(const WorkerEvent& event) = 0;
  virtual void HandleTappedPacket(const ProducerId& producer, const TappedPacket& packet) = 0;
  // For HandlePipeMessages of that worker. Only where AddPipe or AddPipedProducer was called.
  virtual void HandlePipeMessage(WorkerIndex, const PipeMessage&) {}
};

// Why an incoming datagram or packet went no further.
enum class DropReason : std::uint8_t {
  kTooLarge,
  kNotMedia,  // RFC 7983: none of STUN, DTLS, RTP
  kStunMalformed,
  kStunUnknownUser,  // no transport has that ufrag
  kStunBadIntegrity,
  kStunIgnored,   // indications, responses, other methods
  kUnknownTuple,  // DTLS or RTP from an address no check has validated
  kNotReady,      // RTP before the DTLS handshake ended, DTLS before connect
  kSrtpAuth,
  kSrtpReplay,
  kRtpMalformed,
  kRtcpMalformed,
  kOverBudget,  // ingest token bucket
  kUnknownSsrc,
  kUnknownPayloadType,
  kSsrcLimit,
  kDuplicate,
  kPaused,
  kNackLimit,  // retransmission asked too often
  kWrongDirection,
  kCount,
};
const char* DropReasonName(DropReason reason);

// Counters since the worker was made; plain numbers, cheap to copy.
struct WorkerStats {
  std::uint64_t packets_in = 0, bytes_in = 0;    // RTP that authenticated
  std::uint64_t packets_out = 0, bytes_out = 0;  // RTP sent, retransmissions included
  std::uint64_t rtcp_in = 0, rtcp_out = 0;
  std::uint64_t stun_in = 0, stun_out = 0;
  std::uint64_t dtls_in = 0, dtls_out = 0;
  std::uint64_t nacks_received = 0, nacks_sent = 0;  // sequence numbers, not packets
  std::uint64_t retransmitted = 0;
  std::uint64_t recovered = 0, recovered_by_redundancy = 0;  // lost, and come after all; those of them by RED
  std::uint64_t key_frames_requested = 0, key_frames_seen = 0;
  std::uint64_t feedback_ignored = 0;
  std::uint64_t piped_in = 0, piped_out = 0;  // messages from and to other workers
  std::uint64_t probation_packets_out = 0;  // of packets_out: padding that measures a link
  std::array<std::uint64_t, static_cast<std::size_t>(DropReason::kCount)> drops{};
  // What was open when asked.
  std::uint64_t transports = 0, producers = 0, consumers = 0;
  // Over the transports whose link is estimated: how many, and what their links are believed to carry together.
  std::uint64_t estimated_links = 0, available_outgoing_bps = 0;
  std::uint64_t pooled_packets = 0;  // buffers in use, of max_pooled_packets
};

class Worker {
 public:
  Worker(WorkerConfig config, Random& random, WorkerOutput& output);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // --- network ---
  // What was read together: the packets that follow from it leave together too, at the end of the call.
  // `now` never goes backwards between calls.
  void HandleDatagrams(std::span<const IncomingDatagram> datagrams, Time now);
  // A batch of one.
  void HandleDatagram(const Tuple& from, ByteSpan datagram, Time now);
  void HandleTupleClosed(const Tuple& tuple, Time now);  // a TCP connection is gone
  // A check from there was authenticated and its consent has not expired.
  bool IsValidTuple(const Tuple& tuple) const;
  void HandleTimeout(Time now);
  std::optional<Time> NextDeadline() const;

  // --- commands ---
  // Ids are the caller's and must be fresh within their kind; a used one is invalid_parameters.
  // Error codes: transport_not_found, producer_not_found, consumer_not_found, already_connected,
  // invalid_parameters, unsupported_codec, cannot_consume, limit_reached, wrong_direction.
  const json::object& RouterRtpCapabilities() const;

  // The options of mediasoup-client's createSendTransport / createRecvTransport.
  Result<json::object> CreateTransport(const TransportId& id, TransportDirection direction, Time now);
  Status<> ConnectTransport(const TransportId& id, const json::value& dtls_parameters, Time now);
  // {"iceParameters":{...}}
  Result<json::object> RestartIce(const TransportId& id, Time now);
  void CloseTransport(const TransportId& id, Time now);

  // {"id","type"}; kind is "audio" or "video".
  Result<json::object> Produce(const TransportId& transport, const ProducerId& id, MediaKind kind,
                               const json::value& rtp_parameters, bool paused, Time now,
                               VideoContent content = VideoContent::kCamera);
  Status<> PauseProducer(const ProducerId& id, Time now);
  Status<> ResumeProducer(const ProducerId& id, Time now);
  Status<> CloseProducer(const ProducerId& id, Time now);

  // {"id","producerId","kind","rtpParameters","type","producerPaused"}; created paused.
  Result<json::object> Consume(const TransportId& transport, const ConsumerId& id, const ProducerId& producer,
                               const json::value& rtp_capabilities, Time now);
  Status<> PauseConsumer(const ConsumerId& id, Time now);
  Status<> ResumeConsumer(const ConsumerId& id, Time now);
  Status<> CloseConsumer(const ConsumerId& id, Time now);
  Status<> RequestKeyFrame(const ConsumerId& id, Time now);
  Status<> SetPreferredLayers(const ConsumerId& id, std::uint8_t spatial_layer,
                              std::optional<std::uint8_t> temporal_layer, Time now);
  // 1 (as it begins) to 255: its share of what a link can carry, beside other consumers of the transport.
  Status<> SetConsumerPriority(const ConsumerId& id, std::uint8_t priority, Time now);

  // An Opus producer with no transport: a translated voice. Its msid stream id is its own, so that
  // browsers do not delay the speaker's camera to match it.
  Status<> ProduceSynthetic(const ProducerId& id, const std::string& cname, Time now);
  // One Opus packet. `rtp_timestamp` in 48 kHz; level 0..-127 dBov. A paused or unknown id drops it.
  void InjectOpus(const ProducerId& id, ByteView opus, std::uint32_t rtp_timestamp, bool marker, std::int8_t level_dbov,
                  bool voice, Time now);

  // Hands every audio packet of it to HandleTappedPacket, in arrival order, paused or not forwarded:
  // a paused producer is not tapped either.
  Status<> SetTap(const ProducerId& id, bool on);
  // Takes part in the choice of that group's dominant speaker; the empty code takes it out.
  Status<> SetSpeakerGroup(const ProducerId& id, const RoomCode& room);

  // --- pipes: producers of other workers of this process, see pipe.h ---
  // At the origin, and to be told to the other worker. The pipe goes when the producer does.
  Result<PipeDescriptionPtr> AddPipe(const ProducerId& producer, PipeId id, WorkerIndex to);
  void RemovePipe(PipeId id);
  // A producer of the id that it has at its origin. It can be consumed, paused, resumed, closed and put into a
  // speaker group as any other; the caller says so to both workers.
  Status<> AddPipedProducer(const PipeDescriptionPtr& description, PipeId id, WorkerIndex from);
  // In the order in which the other worker sent them; what they make leaves together.
  void HandlePipeMessages(std::span<const PipeMessage> messages, Time now);

  // Forwarding delay is the caller's to measure, since the core sees one `now` per call: packets leave
  // inside HandleDatagram, so it is the clock when they have been sent minus the time the datagram was read.
  WorkerStats stats() const;
  TransportState transport_state(const TransportId& id) const;  // kClosed for an unknown one

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace jb::sfu
