// SPDX-License-Identifier: Apache-2.0
// ICE-lite, DTLS and what strangers can do: nothing (reliability 2.1 to 2.3).
#include <gtest/gtest.h>

#include "proto/stun/message.h"
#include "scenario/call.h"

namespace jb::scenario {
namespace {

using sfu::DropReason;
using sfu::TransportDirection;
using sfu::TransportState;

const Tuple kHome = UdpTuple("198.51.100.1", 50001);
const Tuple kAway = UdpTuple("203.0.113.77", 6000);
const Tuple kStranger = UdpTuple("203.0.113.66", 666);

struct OnePeer {
  World world;
  TestPeer peer{world, "t", TransportDirection::kSend, kHome};

  void ConnectAndWait() {
    peer.Connect();
    ASSERT_TRUE(world.RunUntil([this] { return state() == TransportState::kConnected && peer.connected(); }, 5s));
  }
  TransportState state() { return world.worker().transport_state(peer.id()); }
  std::uint64_t Drops(DropReason reason) { return world.worker().stats().drops[static_cast<std::size_t>(reason)]; }
};

Bytes Check(std::string_view username, std::string_view password, bool controlling = true) {
  stun::BindingRequest request;
  request.username = username;
  request.password = password;
  request.priority = 1;
  request.controlling = controlling;
  std::array<std::uint8_t, stun::kMaxMessageSize> buffer;
  const auto written = stun::WriteBindingRequest(buffer, request);
  return Bytes(written->begin(), written->end());
}

TEST(IceTest, TransportOptionsAreWhatMediasoupClientTakes) {
  World world;
  const auto created = world.worker().CreateTransport(TransportId("t"), TransportDirection::kSend, world.now());
  ASSERT_TRUE(created.ok());
  const json::value options = *created;
  EXPECT_EQ(GetString(options, "id"), "t");
  const json::value& ice = *GetMember(options, "iceParameters");
  EXPECT_EQ(GetString(ice, "usernameFragment")->size(), 32u);
  EXPECT_EQ(GetString(ice, "password")->size(), 32u);
  EXPECT_EQ(GetBool(ice, "iceLite"), true);
  const json::array& candidates = *GetArray(options, "iceCandidates");
  ASSERT_EQ(candidates.size(), 2u);
  EXPECT_EQ(candidates[0], (json::value{{"foundation", "udpcandidate"},
                                        {"priority", 1076302079},
                                        {"address", "192.0.2.1"},
                                        {"ip", "192.0.2.1"},
                                        {"protocol", "udp"},
                                        {"port", 40000},
                                        {"type", "host"}}));
  EXPECT_EQ(GetInt(candidates[1], "priority"), 1076276479);
  EXPECT_EQ(GetString(candidates[1], "tcpType"), "passive");
  const json::value& dtls = *GetMember(options, "dtlsParameters");
  EXPECT_EQ(GetString(dtls, "role"), "auto");
  EXPECT_EQ(GetArray(dtls, "fingerprints")->size(), 1u);
}

TEST(IceTest, ForgedChecksChangeNothingAndAreNotAnswered) {
  OnePeer t;
  t.ConnectAndWait();
  TestPeer other(t.world, "other", TransportDirection::kSend, kAway);
  const std::string& ours = t.peer.username_fragment;
  Bytes no_integrity(20 + 4 + 40);
  std::vector<Bytes> forged{
      Check(ours + ":x", "wrong password"), Check(ours + ":x", other.password),
      Check("x:" + ours, t.peer.password),  // the halves swapped
      Check(ours, t.peer.password),         // one half only
      Check(ours + ":", t.peer.password),   Check("nobody:x", t.peer.password),
  };
  {
    std::array<std::uint8_t, 200> buffer;
    stun::MessageWriter writer(buffer, stun::MessageClass::kRequest, {});
    writer.AddUsername(ours + ":x");
    writer.AddPriority(1);
    const auto bare = writer.Finish();
    forged.emplace_back(bare->begin(), bare->end());
  }
  Bytes damaged = t.peer.MakeCheck();
  damaged[25] ^= 1;
  forged.push_back(damaged);
  for (const Bytes& request : forged) t.world.SendToWorker(kStranger, request);
  t.world.Run(200ms);
  EXPECT_FALSE(t.world.bytes_to.contains(kStranger));
  EXPECT_EQ(t.state(), TransportState::kConnected);
  // Media still goes where it went.
  EXPECT_EQ(t.world.worker().stats().stun_out, t.peer.checks_answered);
}

TEST(IceTest, AHundredThousandForgedChecksDoNotTouchALiveCall) {
  Call call;
  MediaSender& mic = call.Microphone();
  MediaReceiver& ear = call.Watch("mic");
  call.Connect();
  const Bytes forged = Check(call.alice.username_fragment + ":x", "wrong password");
  for (int i = 0; i < 100; ++i) {
    mic.SendOpus();
    for (int n = 0; n < 1000; ++n) {
      Bytes copy = forged;
      call.world.worker().HandleDatagram(n % 2 ? kStranger : call.alice.local(), copy, call.world.now());
    }
    call.world.Run(20ms);
  }
  EXPECT_EQ(ear.packets, 100u);
  EXPECT_FALSE(call.world.bytes_to.contains(kStranger));
  EXPECT_EQ(call.Drops(DropReason::kStunBadIntegrity), 100'000u);
}

TEST(IceTest, AControlledPeerIsToldSoAndARequestWithoutPriorityIsRefused) {
  OnePeer t;
  t.world.Attach(kHome, t.peer);
  t.world.SendToWorker(kHome, Check(t.peer.username_fragment + ":x", t.peer.password, /*controlling=*/false));
  t.world.Run(100ms);
  EXPECT_EQ(t.peer.errors_answered, 1u);
  std::array<std::uint8_t, 200> buffer;
  stun::MessageWriter writer(buffer, stun::MessageClass::kRequest, {});
  writer.AddUsername(t.peer.username_fragment + ":x");
  writer.AddMessageIntegrity(t.peer.password);
  t.world.SendToWorker(kHome, *writer.Finish());
  t.world.Run(100ms);
  EXPECT_EQ(t.peer.errors_answered, 2u);
  // Neither validated the address.
  Bytes dtls(60, 0);
  dtls[0] = 22;
  t.world.SendToWorker(kHome, dtls);
  t.world.Run(100ms);
  EXPECT_EQ(t.Drops(DropReason::kUnknownTuple), 1u);
}

TEST(IceTest, StrangersClientHellosAndMediaAreDroppedUnparsedAndTheRightClientStillConnects) {
  OnePeer t;
  ASSERT_TRUE(t.world.worker().ConnectTransport(t.peer.id(), t.peer.DtlsParameters(), t.world.now()).ok());
  crypto::DtlsEndpoint stranger(crypto::DtlsRole::kClient, t.world.client_certificate());
  stranger.Start(t.world.now());
  Bytes hello;
  ASSERT_TRUE(stranger.PollTransmit(hello));
  Bytes rtp(100, 0);
  rtp[0] = 0x80;
  Bytes rtcp(100, 0);
  rtcp[0] = 0x80;
  rtcp[1] = 200;
  for (int i = 0; i < 1000; ++i) {
    for (const Bytes* datagram : {&hello, &rtp, &rtcp}) {
      t.world.SendToWorker(UdpTuple("203.0.113.66", static_cast<std::uint16_t>(1 + i % 3)), *datagram);
    }
  }
  t.world.Run(100ms);
  EXPECT_TRUE(t.world.bytes_to.empty());
  EXPECT_EQ(t.Drops(DropReason::kUnknownTuple), 3000u);
  EXPECT_EQ(t.world.worker().stats().dtls_in, 0u);
  t.peer.StartChecks();
  EXPECT_TRUE(t.world.RunUntil([&] { return t.state() == TransportState::kConnected; }, 5s));
}

TEST(IceTest, ACertificateThatWasNotPromisedFailsTheTransport) {
  OnePeer t;
  json::value parameters = t.peer.DtlsParameters();
  std::string value(95, ':');
  for (std::size_t i = 0; i < value.size(); ++i) {
    if (i % 3 != 2) value[i] = 'A';
  }
  parameters.at("fingerprints").at(0).as_object()["value"] = value;
  t.peer.ConnectWith(parameters);
  EXPECT_TRUE(t.world.RunUntil([&] { return t.state() == TransportState::kFailed; }, 10s));
  EXPECT_EQ(t.world.EventsOf<sfu::TransportStateChanged>().size(), 1u);
  const std::size_t before = t.world.worker().stats().packets_in;
  Bytes rtp(100, 0);
  rtp[0] = 0x80;
  t.peer.SendRtp(rtp);
  t.world.Run(1s);
  EXPECT_EQ(t.world.worker().stats().packets_in, before);
}

TEST(IceTest, BadDtlsParametersAreRefusedAndConnectMayBeTriedAgain) {
  OnePeer t;
  const char* bad[] = {
      R"(null)",
      R"({})",
      R"({"fingerprints":[]})",
      R"({"role":"boss","fingerprints":[]})",
      R"({"fingerprints":[{}]})",
      R"({"fingerprints":[{"algorithm":"md5","value":"AA"}]})",
      R"({"fingerprints":[{"algorithm":"sha-1","value":"AA:BB"}]})",
      R"({"fingerprints":[{"algorithm":"sha-1","value":"00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00"}]})",
  };
  for (const char* text : bad) {
    const auto result = t.world.worker().ConnectTransport(t.peer.id(), *ParseJson(text), t.world.now());
    ASSERT_FALSE(result.ok()) << text;
    EXPECT_EQ(result.error().code, "invalid_parameters");
  }
  t.ConnectAndWait();
  const auto again = t.world.worker().ConnectTransport(t.peer.id(), t.peer.DtlsParameters(), t.world.now());
  ASSERT_FALSE(again.ok());
  EXPECT_EQ(again.error().code, "already_connected");
  EXPECT_EQ(t.state(), TransportState::kConnected);
}

TEST(IceTest, AFingerprintIsReadInEitherCase) {
  OnePeer t;
  json::value parameters = t.peer.DtlsParameters();
  json::object& fingerprint = parameters.as_object()["fingerprints"].as_array()[0].as_object();
  fingerprint["algorithm"] = "SHA-256";
  std::string value(fingerprint["value"].as_string());
  for (char& c : value) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  fingerprint["value"] = value;
  t.peer.ConnectWith(parameters);
  EXPECT_TRUE(t.world.RunUntil([&] { return t.state() == TransportState::kConnected; }, 5s));
}

TEST(IceTest, ChecksBeforeConnectAreFineAndTheHandshakeFollows) {
  OnePeer t;
  t.peer.StartChecks();
  t.world.Run(300ms);
  EXPECT_GE(t.peer.checks_answered, 1u);
  EXPECT_EQ(t.state(), TransportState::kNew);
  ASSERT_TRUE(t.world.worker().ConnectTransport(t.peer.id(), t.peer.DtlsParameters(), t.world.now()).ok());
  EXPECT_TRUE(t.world.RunUntil([&] { return t.state() == TransportState::kConnected; }, 5s));
}

TEST(IceTest, TheHandshakeSurvivesALossyNetwork) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    OnePeer t;
    testing::SeededRandom dice(seed);
    const auto lossy = [&](const Tuple&, ByteView) { return dice.Between(0, 2) == 0; };
    t.world.lose_up = lossy;
    t.world.lose_down = lossy;
    t.world.set_network({.latency = 25ms, .jitter = 15ms, .jitter_reorders = true});
    t.peer.Connect();
    EXPECT_TRUE(t.world.RunUntil([&] { return t.state() == TransportState::kConnected && t.peer.connected(); }, 29s));
  }
}

TEST(IceTest, ConsentExpiresAfterThirtySecondsAndNothingIsSentThen) {
  Call call;
  MediaSender& mic = call.Microphone();
  MediaReceiver& ear = call.Watch("mic");
  call.Connect();
  call.bob.StopChecks();
  EXPECT_FALSE(
      call.world.RunUntil([&] { return call.world.LastStateOf(call.bob.id()) != TransportState::kConnected; }, 27s));
  EXPECT_TRUE(
      call.world.RunUntil([&] { return call.world.LastStateOf(call.bob.id()) == TransportState::kDisconnected; }, 4s));
  const std::size_t before = call.world.bytes_to[call.bob.local()];
  for (int i = 0; i < 10; ++i) {
    mic.SendOpus();
    call.world.Run(20ms);
  }
  call.world.Run(3s);
  EXPECT_EQ(call.world.bytes_to[call.bob.local()], before);
  // The same client comes back: no new handshake, the numbers go on.
  call.bob.StartChecks();
  call.world.Run(1s);
  EXPECT_EQ(call.world.LastStateOf(call.bob.id()), TransportState::kConnected);
  for (int i = 0; i < 10; ++i) {
    mic.SendOpus();
    call.world.Run(20ms);
  }
  call.world.Run(100ms);
  EXPECT_EQ(ear.packets, 10u);
  EXPECT_TRUE(ear.IsContiguous());
}

TEST(IceTest, AnIceRestartKeepsTheCallAndRetiresTheOldCredentialsWithTheFirstNewCheck) {
  Call call;
  MediaSender& mic = call.Microphone();
  MediaReceiver& ear = call.Watch("mic");
  call.Connect();
  const std::string old_fragment = call.alice.username_fragment, old_password = call.alice.password;
  const auto restarted = call.world.worker().RestartIce(call.alice.id(), call.world.now());
  ASSERT_TRUE(restarted.ok());
  const json::value answer = *restarted;
  const auto old_works = [&] {
    const auto before = call.world.bytes_to[kStranger];
    call.world.SendToWorker(kStranger, Check(old_fragment + ":x", old_password));
    call.world.Run(100ms);
    return call.world.bytes_to[kStranger] > before;
  };
  EXPECT_TRUE(old_works());
  call.alice.UseIceParameters(*GetMember(answer, "iceParameters"));
  EXPECT_NE(call.alice.username_fragment, old_fragment);
  EXPECT_TRUE(old_works());
  call.alice.SendCheck();
  call.world.Run(100ms);
  EXPECT_FALSE(old_works());
  EXPECT_EQ(call.world.LastStateOf(call.alice.id()), TransportState::kConnected);
  for (int i = 0; i < 10; ++i) {
    mic.SendOpus();
    call.world.Run(20ms);
  }
  call.world.Run(100ms);
  EXPECT_EQ(ear.packets, 10u);
}

TEST(IceTest, RestartsThatTheClientMissedDoNotLockItOut) {
  OnePeer t;
  t.ConnectAndWait();
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(t.world.worker().RestartIce(t.peer.id(), t.world.now()).ok());
  t.peer.StopChecks();
  t.world.Run(100ms);
  const std::size_t answered = t.peer.checks_answered;
  t.peer.SendCheck();  // still the credentials of the beginning
  t.world.Run(100ms);
  EXPECT_EQ(t.peer.checks_answered, answered + 1);
}

TEST(IceTest, MediaMovesWithANominationOrWithMediaButNotWithDtls) {
  Call call;
  MediaSender& mic = call.Microphone();
  MediaReceiver& ear = call.Watch("mic");
  call.Connect();
  const Tuple bob_home = call.bob.local();
  const auto goes_to = [&](const Tuple& tuple) {
    const std::size_t before = call.world.bytes_to[tuple];
    mic.SendOpus();
    call.world.Run(60ms);
    return call.world.bytes_to[tuple] > before;
  };
  call.bob.StopChecks();
  // Validated, not nominated: nothing moves.
  call.world.Attach(kAway, call.bob);
  call.world.SendToWorker(kAway, call.bob.MakeCheck(/*use_candidate=*/false));
  call.world.Run(100ms);
  EXPECT_TRUE(goes_to(bob_home));
  // A DTLS record from there: nothing moves.
  Bytes record(30, 0);
  record[0] = 23;
  record[1] = 0xfe;
  record[2] = 0xfd;
  call.world.SendToWorker(kAway, record);
  call.world.Run(100ms);
  EXPECT_TRUE(goes_to(bob_home));
  // SRTCP that authenticates: it moves.
  call.bob.MoveTo(kAway);
  ear.SendReceiverReport();
  call.world.Run(100ms);
  EXPECT_TRUE(goes_to(kAway));
  // Nominated back.
  call.bob.MoveTo(bob_home);
  call.bob.SendCheck(true);
  call.world.Run(100ms);
  EXPECT_TRUE(goes_to(bob_home));
}

TEST(IceTest, AtMostEightAddressesAndTheSelectedOneStays) {
  OnePeer t;
  t.ConnectAndWait();
  for (std::uint16_t port = 1; port <= 2000; ++port) {
    t.world.SendToWorker(UdpTuple("203.0.113.9", port), t.peer.MakeCheck(false));
  }
  t.world.Run(100ms);
  EXPECT_EQ(t.state(), TransportState::kConnected);
  // The last seven and home are in; the others are strangers again.
  Bytes rtp(100, 0);
  rtp[0] = 0x80;
  const auto unknown = [&](std::uint16_t port) {
    const auto before = t.Drops(DropReason::kUnknownTuple);
    t.world.SendToWorker(port ? UdpTuple("203.0.113.9", port) : kHome, rtp);
    t.world.Run(50ms);
    return t.Drops(DropReason::kUnknownTuple) > before;
  };
  EXPECT_FALSE(unknown(0));
  EXPECT_FALSE(unknown(2000));
  EXPECT_FALSE(unknown(1994));
  EXPECT_TRUE(unknown(1993));
  EXPECT_TRUE(unknown(1));
}

TEST(IceTest, ANewConnectionFromTheSamePortTakesItOver) {
  OnePeer t;
  t.ConnectAndWait();
  t.peer.StopChecks();
  TestPeer second(t.world, "second", TransportDirection::kSend, kHome);
  second.Connect();
  EXPECT_TRUE(t.world.RunUntil([&] { return second.connected(); }, 5s));
  EXPECT_EQ(t.world.worker().transport_state(second.id()), TransportState::kConnected);
  EXPECT_EQ(t.state(), TransportState::kDisconnected);
  t.world.worker().CloseTransport(t.peer.id(), t.world.now());
  t.world.Run(100ms);
  EXPECT_EQ(t.world.worker().transport_state(second.id()), TransportState::kConnected);
}

TEST(IceTest, AClosedTcpConnectionIsForgottenAndAnotherTupleTakesOver) {
  World world;
  Tuple tcp = UdpTuple("198.51.100.1", 50001);
  tcp.protocol = TransportProtocol::kTcp;
  tcp.connection = 7;
  TestPeer peer(world, "t", TransportDirection::kSend, tcp);
  peer.Connect();
  ASSERT_TRUE(world.RunUntil([&] { return peer.connected(); }, 5s));
  world.SendToWorker(kAway, peer.MakeCheck(false));
  world.Run(50ms);
  world.worker().HandleTupleClosed(tcp, world.now());
  EXPECT_EQ(world.worker().transport_state(peer.id()), TransportState::kConnected);
  world.worker().HandleTupleClosed(kAway, world.now());
  EXPECT_EQ(world.worker().transport_state(peer.id()), TransportState::kDisconnected);
}

TEST(IceTest, ThePeersCloseNotifyClosesTheTransport) {
  OnePeer t;
  t.ConnectAndWait();
  t.peer.CloseDtls();
  t.world.Run(100ms);
  EXPECT_EQ(t.state(), TransportState::kClosed);
}

TEST(IceTest, ClosingATransportTellsThePeer) {
  OnePeer t;
  t.ConnectAndWait();
  t.world.worker().CloseTransport(t.peer.id(), t.world.now());
  t.world.Run(100ms);
  EXPECT_EQ(t.peer.dtls_state(), crypto::DtlsState::kClosed);
  EXPECT_EQ(t.world.worker().stats().transports, 0u);
  t.peer.SendCheck();
  t.world.Run(100ms);
  EXPECT_GE(t.Drops(DropReason::kStunUnknownUser), 1u);
}

}  // namespace
}  // namespace jb::scenario
