// SPDX-License-Identifier: Apache-2.0
// The transport against a lite server made of its parts, in virtual time.
#include "client/peer_transport.h"

#include <gtest/gtest.h>

#include <functional>

#include "crypto/certificate.h"
#include "testing/seeded_random.h"

namespace jb::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const SocketAddress kServerAddress = *SocketAddress::Parse("192.0.2.1", 40000);
const SocketAddress kStranger = *SocketAddress::Parse("192.0.2.66", 40000);
constexpr const char* kUfrag = "lite";
constexpr const char* kPassword = "0123456789abcdef0123456789abcdef";

json::object TransportOptions(const std::string& fingerprint) {
  json::object udp{{"foundation", "udp"}, {"priority", 1076302079}, {"address", "192.0.2.1"}, {"ip", "192.0.2.1"},
                   {"protocol", "udp"},   {"port", 40000},          {"type", "host"}};
  json::object tcp = udp;
  tcp["protocol"] = "tcp";
  tcp["tcpType"] = "passive";
  return {{"id", "t1"},
          {"iceParameters", {{"usernameFragment", kUfrag}, {"password", kPassword}, {"iceLite", true}}},
          {"iceCandidates", json::array{tcp, udp}},
          {"dtlsParameters",
           {{"role", "auto"}, {"fingerprints", json::array{{{"algorithm", "sha-256"}, {"value", fingerprint}}}}}}};
}

class PeerTransportTest : public ::testing::Test {
 protected:
  PeerTransportTest() : server_(crypto::DtlsRole::kServer, Certificates().first) {}

  using Pair = std::pair<std::shared_ptr<const crypto::Certificate>, std::shared_ptr<const crypto::Certificate>>;
  static const Pair& Certificates() {
    static const Pair pair{crypto::Certificate::Make(), crypto::Certificate::Make()};
    return pair;
  }

  void MakeClient(const std::string& server_fingerprint = Certificates().first->fingerprint_sha256()) {
    auto remote = ParseRemoteTransport(TransportOptions(server_fingerprint));
    ASSERT_TRUE(remote.ok());
    client_.emplace(*remote, Certificates().second, random_);
    const json::object parameters = client_->DtlsParameters();
    const json::value& fingerprint = parameters.at("fingerprints").as_array().at(0);
    server_.SetRemoteFingerprint(
        {std::string(*GetString(fingerprint, "algorithm")), std::string(*GetString(fingerprint, "value"))});
  }

  void Drain() {
    for (bool moved = true; moved;) {
      moved = false;
      while (const auto out = client_->PollTransmit()) {
        moved = true;
        EXPECT_EQ(out->to, kServerAddress);
        ++sent_;
        if (!lose_()) Serve(out->datagram);
      }
      Bytes datagram;
      while (server_.PollTransmit(datagram)) {
        moved = true;
        if (!lose_()) client_->HandleDatagram(kServerAddress, datagram, now_);
      }
    }
  }

  void Serve(const Bytes& datagram) {
    if (datagram[0] > 3) {
      server_.HandlePacket(datagram, now_);
      return;
    }
    const auto request = stun::Message::Parse(datagram);
    ASSERT_TRUE(request.ok() && request->VerifyIntegrity(kPassword));
    std::uint8_t buffer[200];
    const auto answer = stun::WriteBindingSuccess(buffer, request->transaction_id(), kStranger, kPassword);
    Bytes bytes(answer->begin(), answer->end());
    if (!lose_()) client_->HandleDatagram(kServerAddress, bytes, now_);
  }

  void RunFor(Duration limit) {
    const Time end = now_ + limit;
    Drain();
    while (true) {
      const Time next = std::min(client_->NextDeadline().value_or(kNever), server_.NextDeadline().value_or(kNever));
      if (next > end) break;
      now_ = std::max(now_, next);
      client_->HandleTimeout(now_);
      server_.HandleTimeout(now_);
      Drain();
    }
    now_ = end;
  }

  testing::SeededRandom random_{9};
  Time now_{seconds(10)};
  crypto::DtlsEndpoint server_;
  std::optional<PeerTransport> client_;
  std::function<bool()> lose_ = [] { return false; };
  int sent_ = 0;
};

Bytes MakeRtp(std::uint16_t seq) {
  Bytes packet{0x80, 111, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7, 'v', 'o', 'i', 'c', 'e'};
  StoreU16(packet.data() + 2, seq);
  return packet;
}

TEST_F(PeerTransportTest, AgreesOnGcmWith128BitsEvenWhereTheServerPrefers256) {
  server_ = crypto::DtlsEndpoint(crypto::DtlsRole::kServer, Certificates().first,
                                 {.srtp_profiles = "SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80"});
  MakeClient();
  client_->Start(now_);
  RunFor(seconds(1));
  ASSERT_EQ(client_->state(), PeerState::kConnected);
  EXPECT_EQ(server_.keys().profile, crypto::SrtpProfile::kAeadAes128Gcm);
}

TEST_F(PeerTransportTest, ConnectsAndCarriesRtpBothWays) {
  MakeClient();
  EXPECT_EQ(client_->state(), PeerState::kNew);
  client_->Start(now_);
  Drain();
  ASSERT_EQ(client_->state(), PeerState::kConnected);
  crypto::SrtpSession server(server_.keys());

  Bytes out = MakeRtp(1);
  const std::size_t size = out.size();
  out.resize(size + crypto::SrtpSession::kMaxOverhead);
  const auto wire = client_->ProtectRtp(out, size);
  ASSERT_TRUE(wire);
  Bytes received(wire->begin(), wire->end());
  const auto plain = server.UnprotectRtp(received);
  ASSERT_TRUE(plain.ok());
  received.resize(*plain);
  EXPECT_EQ(received, MakeRtp(1));

  Bytes back = MakeRtp(2);
  back.resize(size + crypto::SrtpSession::kMaxOverhead);
  back.resize(*server.ProtectRtp(back, size));
  Bytes forged = back;
  forged.back() ^= 1;
  EXPECT_EQ(client_->HandleDatagram(kServerAddress, forged, now_).kind, PeerTransport::Kind::kNothing);
  EXPECT_EQ(client_->rejected(), 1u);
  Bytes strange = back;
  EXPECT_EQ(client_->HandleDatagram(kStranger, strange, now_).kind, PeerTransport::Kind::kNothing);
  const auto media = client_->HandleDatagram(kServerAddress, back, now_);
  EXPECT_EQ(media.kind, PeerTransport::Kind::kRtp);
  EXPECT_EQ(Bytes(media.packet.begin(), media.packet.end()), MakeRtp(2));
}

TEST_F(PeerTransportTest, SendsNothingBeforeItIsConnected) {
  MakeClient();
  Bytes out = MakeRtp(1);
  out.resize(100);
  EXPECT_FALSE(client_->ProtectRtp(out, 17));
  client_->Start(now_);
  EXPECT_FALSE(client_->ProtectRtp(out, 17));
  EXPECT_FALSE(client_->ProtectRtcp(out, 17));
}

TEST_F(PeerTransportTest, DtlsWaitsForIce) {
  MakeClient();
  client_->Start(now_);
  const auto first = client_->PollTransmit();
  ASSERT_TRUE(first);
  EXPECT_LE(first->datagram[0], 3);
  EXPECT_FALSE(client_->PollTransmit());
}

TEST_F(PeerTransportTest, ConnectsOverALinkThatLosesAFifth) {
  int n = 0;
  lose_ = [&] { return ++n % 5 == 2; };
  MakeClient();
  client_->Start(now_);
  RunFor(seconds(15));
  EXPECT_EQ(client_->state(), PeerState::kConnected);
}

TEST_F(PeerTransportTest, FailsWhenTheServersCertificateIsNotThePromisedOne) {
  MakeClient(Certificates().second->fingerprint_sha256());
  client_->Start(now_);
  RunFor(seconds(1));
  EXPECT_EQ(client_->state(), PeerState::kFailed);
}

TEST_F(PeerTransportTest, FailsWhenNobodyAnswers) {
  lose_ = [] { return true; };
  MakeClient();
  client_->Start(now_);
  RunFor(seconds(60));
  EXPECT_EQ(client_->state(), PeerState::kFailed);
  EXPECT_FALSE(client_->NextDeadline());
}

TEST_F(PeerTransportTest, LosesTheConnectionWithConsentAndFindsItAgainByARestart) {
  MakeClient();
  client_->Start(now_);
  Drain();
  lose_ = [] { return true; };
  RunFor(seconds(31));
  EXPECT_EQ(client_->state(), PeerState::kDisconnected);
  lose_ = [] { return false; };
  client_->RestartIce({kUfrag, kPassword}, now_);
  Drain();
  EXPECT_EQ(client_->state(), PeerState::kConnected);
}

TEST_F(PeerTransportTest, IsClosedByTheServer) {
  MakeClient();
  client_->Start(now_);
  Drain();
  server_.Close(now_);
  Drain();
  EXPECT_EQ(client_->state(), PeerState::kClosed);
}

TEST(ParseRemoteTransport, NamesWhatIsMissing) {
  const json::object whole = TransportOptions("AB:CD");
  for (const char* key : {"id", "iceParameters", "iceCandidates", "dtlsParameters"}) {
    json::object cut = whole;
    cut.erase(key);
    const auto parsed = ParseRemoteTransport(cut);
    ASSERT_FALSE(parsed.ok()) << key;
    EXPECT_EQ(parsed.error().code, "invalid_transport");
  }
  EXPECT_FALSE(ParseRemoteTransport(json::value(nullptr)).ok());
}

TEST(ParseRemoteTransport, TakesUdpCandidatesOnlyAndTheLastFingerprint) {
  json::object options = TransportOptions("AB");
  options["dtlsParameters"].as_object()["fingerprints"].as_array().push_back(
      {{"algorithm", "sha-512"}, {"value", "CD"}});
  const auto parsed = ParseRemoteTransport(options);
  ASSERT_TRUE(parsed.ok());
  ASSERT_EQ(parsed->candidates.size(), 1u);
  EXPECT_EQ(parsed->candidates[0].address, kServerAddress);
  EXPECT_EQ(parsed->fingerprint.algorithm, "sha-512");
}

}  // namespace
}  // namespace jb::client
