// SPDX-License-Identifier: Apache-2.0
// A minimal honest client of one transport, from the same protocol cores: ICE controlling, DTLS client,
// SRTP both ways, transport-wide feedback. Speaks to the worker's JSON as mediasoup-client would.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "crypto/dtls.h"
#include "crypto/srtp.h"
#include "media/rtp/twcc_receiver.h"
#include "proto/rtp/packet.h"
#include "scenario/world.h"

namespace jb::scenario {

struct ReceivedRtp {
  Bytes bytes;  // decrypted
  Time at{};
  rtp::PacketView view() const { return *rtp::PacketView::Parse(bytes); }
};

class TestPeer : public Endpoint {
 public:
  // Creates the transport at the worker too.
  TestPeer(World& world, std::string id, sfu::TransportDirection direction, const Tuple& local);
  ~TestPeer() override;

  const TransportId& id() const { return id_; }
  const Tuple& local() const { return local_; }
  json::value DtlsParameters() const;
  // connect at the worker, then checks and the handshake.
  void Connect();
  void ConnectWith(const json::value& dtls_parameters);
  void StartChecks();
  void StopChecks() { checking_ = false; }
  bool connected() const { return dtls_.state() == crypto::DtlsState::kConnected; }
  crypto::DtlsState dtls_state() const { return dtls_.state(); }
  // As after a network change: the same credentials from another address.
  void MoveTo(const Tuple& local);
  // New credentials from the worker's answer to RestartIce.
  void UseIceParameters(const json::value& ice_parameters);
  void SendCheck(bool use_candidate = true);
  // A check as this client would sign it, for tests to damage.
  Bytes MakeCheck(bool use_candidate = true);
  void CloseDtls();

  // Plain packets; protected and sent if connected.
  bool SendRtp(ByteView packet);
  // What that sent, protected: to be sent again as it was.
  const Bytes& last_rtp() const { return last_rtp_; }
  bool SendRtcp(ByteView packet);
  Bytes Protect(ByteView packet);
  Bytes ProtectRtcp(ByteView packet);

  void HandleDatagram(const Tuple& at, ByteSpan datagram, Time now) override;
  void HandleTimeout(Time now) override;
  std::optional<Time> NextDeadline() const override;

  std::function<void(const ReceivedRtp&)> on_rtp;
  std::function<void(ByteView)> on_rtcp;  // decrypted compound
  std::vector<ReceivedRtp> received;
  bool keep_received = true;
  bool gives_feedback = true;  // transport-wide, on what arrives
  std::size_t checks_answered = 0;
  std::size_t errors_answered = 0;
  std::size_t undecryptable = 0;
  std::string username_fragment, password;  // the worker's
  World& world() { return world_; }

 private:
  void FlushDtls();
  void UpdateSrtp();
  void NoteTransportSequence(const rtp::PacketView& packet, Time now);
  void GiveFeedback(Time now);

  World& world_;
  TransportId id_;
  Tuple local_;
  crypto::DtlsEndpoint dtls_;
  std::optional<crypto::SrtpSession> srtp_;
  Bytes last_rtp_;
  std::string our_fragment_ = "peer";
  std::uint64_t tie_breaker_;
  bool checking_ = false;
  bool dtls_started_ = false;
  Time next_check_ = kNever;
  media::TwccReceiver twcc_;
  rtp::Ssrc last_ssrc_;
};

}  // namespace jb::scenario
