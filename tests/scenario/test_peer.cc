// SPDX-License-Identifier: Apache-2.0
#include "scenario/test_peer.h"

#include <gtest/gtest.h>

#include <array>

#include "proto/demux.h"
#include "proto/rtp/extensions.h"
#include "proto/stun/message.h"

namespace jb::scenario {
namespace {

constexpr Duration kCheckWhileConnecting = 50ms;
constexpr Duration kCheckWhenConnected = 2500ms;
constexpr std::uint8_t kTransportCcId = 5;  // the router's, for consumers

}  // namespace

TestPeer::TestPeer(World& world, std::string id, sfu::TransportDirection direction, const Tuple& local)
    : world_(world),
      id_(std::move(id)),
      local_(local),
      dtls_(crypto::DtlsRole::kClient, world.client_certificate()),
      tie_breaker_(world.random().U64()) {
  const auto created = world.worker().CreateTransport(id_, direction, world.now());
  EXPECT_TRUE(created.ok());
  const json::value options = *created;
  UseIceParameters(*GetMember(options, "iceParameters"));
  const json::value& fingerprint = GetArray(*GetMember(options, "dtlsParameters"), "fingerprints")->front();
  dtls_.SetRemoteFingerprint(
      {std::string(*GetString(fingerprint, "algorithm")), std::string(*GetString(fingerprint, "value"))});
  world_.Attach(local_, *this);
  world_.AddTimed(*this);
}

TestPeer::~TestPeer() {
  world_.Detach(local_);
  world_.RemoveTimed(*this);
}

json::value TestPeer::DtlsParameters() const {
  return json::object{
      {"role", "client"},
      {"fingerprints", json::array{json::object{{"algorithm", "sha-256"},
                                                {"value", world_.client_certificate()->fingerprint_sha256()}}}}};
}

void TestPeer::Connect() { ConnectWith(DtlsParameters()); }

void TestPeer::ConnectWith(const json::value& dtls_parameters) {
  const auto connected = world_.worker().ConnectTransport(id_, dtls_parameters, world_.now());
  EXPECT_TRUE(connected.ok()) << connected.error().message;
  StartChecks();
}

void TestPeer::StartChecks() {
  checking_ = true;
  next_check_ = world_.now();
}

void TestPeer::MoveTo(const Tuple& local) {
  world_.Detach(local_);
  local_ = local;
  world_.Attach(local_, *this);
}

void TestPeer::UseIceParameters(const json::value& ice_parameters) {
  username_fragment = std::string(*GetString(ice_parameters, "usernameFragment"));
  password = std::string(*GetString(ice_parameters, "password"));
}

Bytes TestPeer::MakeCheck(bool use_candidate) {
  stun::BindingRequest request;
  world_.random().Fill(request.id);
  const std::string username = username_fragment + ":" + our_fragment_;
  request.username = username;
  request.password = password;
  request.priority = 0x6e7f1eff;
  request.tie_breaker = tie_breaker_;
  request.use_candidate = use_candidate;
  std::array<std::uint8_t, stun::kMaxMessageSize> buffer;
  const auto written = stun::WriteBindingRequest(buffer, request);
  EXPECT_TRUE(written);
  return Bytes(written->begin(), written->end());
}

void TestPeer::SendCheck(bool use_candidate) { world_.SendToWorker(local_, MakeCheck(use_candidate)); }

void TestPeer::CloseDtls() {
  dtls_.Close(world_.now());
  FlushDtls();
}

Bytes TestPeer::Protect(ByteView packet) {
  Bytes buffer(packet.begin(), packet.end());
  buffer.resize(packet.size() + crypto::SrtpSession::kMaxOverhead);
  const auto size = srtp_->ProtectRtp(buffer, packet.size());
  buffer.resize(size.ok() ? *size : 0);
  return buffer;
}

Bytes TestPeer::ProtectRtcp(ByteView packet) {
  Bytes buffer(packet.begin(), packet.end());
  buffer.resize(packet.size() + crypto::SrtpSession::kMaxOverhead);
  const auto size = srtp_->ProtectRtcp(buffer, packet.size());
  buffer.resize(size.ok() ? *size : 0);
  return buffer;
}

bool TestPeer::SendRtp(ByteView packet) {
  if (!srtp_) return false;
  last_rtp_ = Protect(packet);
  if (last_rtp_.empty()) return false;
  world_.SendToWorker(local_, last_rtp_);
  return true;
}

bool TestPeer::SendRtcp(ByteView packet) {
  if (!srtp_) return false;
  const Bytes datagram = ProtectRtcp(packet);
  if (datagram.empty()) return false;
  world_.SendToWorker(local_, datagram);
  return true;
}

void TestPeer::HandleDatagram(const Tuple&, ByteSpan datagram, Time now) {
  switch (proto::Classify(datagram)) {
    case proto::PacketKind::kStun: {
      const auto message = stun::Message::Parse(datagram);
      if (!message.ok() || !message->VerifyIntegrity(password)) return;
      if (message->message_class() == stun::MessageClass::kError) ++errors_answered;
      if (message->message_class() != stun::MessageClass::kSuccess) return;
      ++checks_answered;
      if (dtls_started_) return;
      dtls_started_ = true;
      dtls_.Start(now);
      FlushDtls();
      return;
    }
    case proto::PacketKind::kDtls:
      dtls_.HandlePacket(datagram, now);
      FlushDtls();
      UpdateSrtp();
      return;
    case proto::PacketKind::kRtp: {
      if (!srtp_) return;
      const auto size = srtp_->UnprotectRtp(datagram);
      if (!size.ok()) {
        ++undecryptable;
        return;
      }
      ReceivedRtp packet{Bytes(datagram.begin(), datagram.begin() + static_cast<std::ptrdiff_t>(*size)), now};
      NoteTransportSequence(packet.view(), now);
      if (on_rtp) on_rtp(packet);
      if (keep_received) received.push_back(std::move(packet));
      return;
    }
    case proto::PacketKind::kRtcp: {
      if (!srtp_) return;
      const auto size = srtp_->UnprotectRtcp(datagram);
      if (!size.ok()) {
        ++undecryptable;
        return;
      }
      if (on_rtcp) on_rtcp(datagram.first(*size));
      return;
    }
    case proto::PacketKind::kUnknown: return;
  }
}

void TestPeer::HandleTimeout(Time now) {
  if (checking_ && now >= next_check_) {
    SendCheck();
    next_check_ = now + (connected() ? kCheckWhenConnected : kCheckWhileConnecting);
  }
  dtls_.HandleTimeout(now);
  FlushDtls();
  UpdateSrtp();
  if (const auto at = twcc_.NextDeadline(); at && *at <= now) GiveFeedback(now);
}

void TestPeer::NoteTransportSequence(const rtp::PacketView& packet, Time now) {
  packet.ForEachExtension([&](std::uint8_t id, ByteView value) {
    if (!gives_feedback || id != kTransportCcId) return;
    const auto sequence = rtp::ParseTransportSequence(value);
    if (!sequence) return;
    last_ssrc_ = packet.ssrc();
    twcc_.HandlePacket(*sequence, now);
  });
}

void TestPeer::GiveFeedback(Time now) {
  std::array<std::uint8_t, 1200> room;
  while (const std::size_t size = twcc_.PollFeedback(room, rtp::Ssrc(1), last_ssrc_, now)) {
    SendRtcp(ByteView(room).first(size));
  }
}

std::optional<Time> TestPeer::NextDeadline() const {
  std::optional<Time> next = dtls_.NextDeadline();
  if (checking_ && (!next || next_check_ < *next)) next = next_check_;
  if (const auto feedback = twcc_.NextDeadline(); feedback && (!next || *feedback < *next)) next = feedback;
  return next;
}

void TestPeer::FlushDtls() {
  Bytes datagram;
  while (dtls_.PollTransmit(datagram)) world_.SendToWorker(local_, datagram);
}

void TestPeer::UpdateSrtp() {
  if (!srtp_ && dtls_.state() == crypto::DtlsState::kConnected) srtp_.emplace(dtls_.keys());
}

}  // namespace jb::scenario
