// SPDX-License-Identifier: Apache-2.0
// One client's connection in one direction: ICE, DTLS and SRTP of it, which of its packets belong to which
// producer, which of its feedback to which consumer, and the RTCP that goes back.
// Does not own producers and consumers: the worker does, and takes them out before it ends.
// Sans-IO, single-threaded.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/json.h"
#include "crypto/dtls.h"
#include "crypto/srtp.h"
#include "media/rtp/stream_sender.h"
#include "media/rtp/token_bucket.h"
#include "media/rtp/twcc_receiver.h"
#include "proto/rtcp/compound.h"
#include "proto/rtp/packet.h"
#include "proto/stun/message.h"
#include "sfu/context.h"
#include "sfu/ice_server.h"
#include "sfu/ortc.h"
#include "sfu/ortc_internal.h"

namespace jb::sfu {

class Bandwidth;
class Consumer;
class IngressStream;
class Producer;

class Transport : public Timed {
 public:
  Transport(Context& context, TransportId id, TransportDirection direction, Time now);
  ~Transport() override;

  const TransportId& id() const { return id_; }
  TransportDirection direction() const { return direction_; }
  TransportState state() const { return state_; }

  // --- commands ---
  json::object Options() const;
  json::object IceParameters() const;
  Status<> Connect(const json::value& dtls_parameters, Time now);
  void RestartIce(Time now);
  // Tells the peer; no event.
  void Close(Time now);

  // --- network, `from` being a tuple of this transport except for STUN ---
  void HandleStun(const stun::Message& request, const Tuple& from, Time now);
  void HandleDtls(ByteView datagram, Time now);
  void HandleRtp(const Tuple& from, ByteSpan datagram, Time now);
  void HandleRtcp(const Tuple& from, ByteSpan datagram, Time now);
  // The tuple is another transport's now, or its connection closed.
  void HandleTupleLost(const Tuple& tuple, Time now);

  // --- producers and consumers on it ---
  // invalid_parameters when mid or an SSRC is taken.
  Status<> CheckFree(const RtpParameters& parameters) const;
  void AddProducer(Producer& producer, Time now);
  void RemoveProducer(Producer& producer);
  const std::vector<Producer*>& producers() const { return producers_; }
  void AddConsumer(Consumer& consumer);
  void RemoveConsumer(Consumer& consumer);
  const std::vector<Consumer*>& consumers() const { return consumers_; }
  // Trap T2: one cname per transport, never empty.
  const std::string& UseCname(const std::string& offered);
  std::string NextMid() { return std::to_string(next_mid_++); }
  // One for media and the one above it for RTX. Each is given out once in the life of the transport: no two
  // packets may ever share a nonce, though SRTP forgets the numbers of a consumer that has gone.
  std::uint32_t TakeSsrcPair() { return std::exchange(next_ssrc_, next_ssrc_ + 2); }

  // --- sending ---
  bool CanSend() const { return state_ == TransportState::kConnected; }
  // Three steps for an RTP packet, while CanSend(). SRTP's leave to send that number of that SSRC, which it gives
  // once; `stream` is found the first time and kept by the caller.
  crypto::SrtpTicket TakeNumber(crypto::SrtpSendStream*& stream, std::uint32_t ssrc, rtp::SeqNum seq);
  // Room for the bytes that are the packet's own.
  ByteSpan OwnBytes(std::size_t size) { return context_.egress.Own(queue_, *ice_.selected(), size); }
  // See Egress::Add: own bytes, of which the header stays in the clear, and the shared rest.
  void SendRtp(crypto::SrtpTicket ticket, std::size_t header_size, std::size_t own_size, media::PacketRef shared,
               std::size_t shared_from) {
    context_.egress.Add(queue_, std::move(ticket), header_size, own_size, std::move(shared), shared_from);
  }
  // --- bandwidth, as consumers tell of it ---
  // A video packet of `size` bytes is sent now: its transport-wide number.
  std::uint16_t TakeTransportSequence(std::size_t size, Time now);
  void HandleResent(std::size_t size, Time now);
  // So many bytes may be sent again now, for all consumers together.
  std::size_t RoomToResend(Time now) const;
  void HandleAudioSent(std::size_t size, Time now);
  // A consumer wants something else than before.
  void ShareOut(Time now);
  // nullptr before the first video consumer.
  const Bandwidth* bandwidth() const { return bandwidth_.get(); }
  // PLI or FIR, merged with the requests before.
  void RequestKeyFrame(Producer& producer, IngressStream& stream, Time now);

 private:
  struct Binding {
    Producer* producer = nullptr;
    IngressStream* stream = nullptr;
    bool rtx = false;
  };
  struct PeerClock {  // the last RRTR, to be answered by DLRR
    rtp::Ssrc ssrc;
    std::uint32_t compact = 0;
    Time at{};
  };

  void HandleDeadline(Time now) override;
  void Reschedule();
  void UpdateState(Time now);
  void ForgetOld(Time now);
  void FlushDtls();
  void UnbindTuples(const std::vector<Tuple>& tuples);
  void SyncFragments();

  // transport_rtp.cc
  bool TakeBudget(std::size_t size, Time now);
  void CountSrtpError(crypto::SrtpError error);
  void NoteTransportSequence(const rtp::PacketView& packet, Time now);
  Binding Resolve(const rtp::PacketView& packet, Time now);
  Binding BindNew(const rtp::PacketView& packet, Time now);
  std::optional<std::string_view> StreamIdText(const rtp::PacketView& packet, ExtensionId id) const;
  void HandleMedia(const Binding& binding, const rtp::PacketView& packet, bool recovered, Time now);
  void HandleRtx(const Binding& binding, const rtp::MutablePacketView& packet, Time now);
  void HandleRed(const Binding& binding, const rtp::MutablePacketView& packet, Time now);

  // transport_rtcp.cc
  void HandleRtcpPacket(const rtcp::RawPacket& packet, Time now);
  void HandleTransportFeedback(const rtcp::RawPacket& packet, Time now);
  void HandlePayloadFeedback(const rtcp::RawPacket& packet, Time now);
  void HandleExtendedReport(const rtcp::RawPacket& packet, Time now);
  template <class Report>
  void HandleReportBlocks(const Report& report, Time now);
  Consumer* FindConsumer(rtp::Ssrc media_ssrc);
  void SendRtcp(ByteWriter& out);
  void SendDueFeedback(Time now);
  void HandleBandwidthFeedback(const rtcp::RawPacket& packet, Time now);
  void SendProbation(Time now);
  void SendTwcc(Time now);
  void SendNacks(Producer& producer, IngressStream& stream, Time now);
  void SendKeyFrameRequest(Producer& producer, IngressStream& stream);
  void SendReports(Time now);
  void SendReceiverReports(Time now);
  void SendSenderReports(Time now);
  void WritePendingDlrr(ByteWriter& out, Time now);

  Context& context_;
  const TransportId id_;
  const TransportDirection direction_;
  IceServer ice_;
  std::optional<crypto::DtlsEndpoint> dtls_;  // from connect on
  bool dtls_started_ = false;
  crypto::SrtpSendStream* srtp_probation_stream_ = nullptr;  // from the first probation packet on
  std::optional<crypto::SrtpSession> srtp_;  // once the peer's certificate was the promised one
  TransportState state_ = TransportState::kNew;
  Egress::Queue queue_;

  std::vector<Producer*> producers_;
  std::unordered_map<std::uint32_t, Binding> bindings_;  // by incoming SSRC
  std::array<ExtensionId, 256> extensions_{};            // incoming ids needed before the producer is known
  std::vector<Consumer*> consumers_;                     // oldest first
  std::unordered_map<std::uint32_t, Consumer*> consumers_by_ssrc_;
  std::string cname_;
  std::uint32_t next_mid_ = 0;
  std::uint32_t next_ssrc_;

  media::TokenBucket packet_budget_;
  media::TokenBucket byte_budget_;
  media::TwccReceiver twcc_;
  rtp::Ssrc last_media_ssrc_;
  std::uint16_t transport_sequence_ = 0;  // while there is no `bandwidth_`
  std::unique_ptr<Bandwidth> bandwidth_;
  media::ReportSchedule reports_;
  const rtp::Ssrc rtcp_ssrc_;  // ours where we have no stream of our own
  std::optional<PeerClock> peer_clock_;
};

}  // namespace jb::sfu
