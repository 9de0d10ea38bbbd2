// SPDX-License-Identifier: Apache-2.0
// Two endpoints over a network of the test's making, in virtual time.
#include "crypto/dtls.h"

#include <gtest/gtest.h>

#include <functional>
#include <random>

#include "crypto/dtls_test_link.h"

namespace jb::crypto {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kBrowserOrder = "SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM";

void ExpectMirroredKeys(const DtlsEndpoint& a, const DtlsEndpoint& b) {
  EXPECT_EQ(a.keys().profile, b.keys().profile);
  EXPECT_EQ(a.keys().local_key, b.keys().remote_key);
  EXPECT_EQ(a.keys().local_salt, b.keys().remote_salt);
  EXPECT_EQ(a.keys().remote_key, b.keys().local_key);
  EXPECT_EQ(a.keys().remote_salt, b.keys().local_salt);
  EXPECT_NE(a.keys().local_key, a.keys().remote_key);
}

TEST(Dtls, AgreesOnMirroredKeysWithinOneVirtualInstant) {
  DtlsLink link;
  link.Run();
  ASSERT_TRUE(link.connected());
  ExpectMirroredKeys(link.server, link.client);
  EXPECT_FALSE(link.server.NextDeadline());
  EXPECT_FALSE(link.client.NextDeadline());
  EXPECT_EQ(link.now, DtlsLink::kStart);
}

TEST(Dtls, ServerPreferenceDecidesTheSrtpProfile) {
  DtlsOptions browser;
  browser.srtp_profiles = kBrowserOrder;
  DtlsLink link({}, browser);
  link.Run();
  ASSERT_TRUE(link.connected());
  EXPECT_EQ(link.server.keys().profile, SrtpProfile::kAeadAes128Gcm);
  EXPECT_EQ(link.server.keys().local_key.size(), 16u);
  EXPECT_EQ(link.server.keys().local_salt.size(), 12u);
}

TEST(Dtls, EveryProfileHasItsKeyAndSaltSizes) {
  struct Case {
    const char* name;
    SrtpProfile profile;
    std::size_t key, salt;
  };
  for (const Case& c : {Case{"SRTP_AES128_CM_SHA1_80", SrtpProfile::kAes128CmSha1_80, 16, 14},
                        Case{"SRTP_AEAD_AES_128_GCM", SrtpProfile::kAeadAes128Gcm, 16, 12},
                        Case{"SRTP_AEAD_AES_256_GCM", SrtpProfile::kAeadAes256Gcm, 32, 12}}) {
    DtlsOptions only;
    only.srtp_profiles = c.name;
    DtlsLink link({}, only);
    link.Run();
    ASSERT_TRUE(link.connected()) << c.name;
    EXPECT_EQ(link.client.keys().profile, c.profile);
    EXPECT_EQ(link.client.keys().local_key.size(), c.key);
    EXPECT_EQ(link.client.keys().remote_salt.size(), c.salt);
    ExpectMirroredKeys(link.server, link.client);
  }
}

TEST(Dtls, FailsWhenNoSrtpProfileIsShared) {
  DtlsOptions a, b;
  a.srtp_profiles = "SRTP_AEAD_AES_128_GCM";
  b.srtp_profiles = "SRTP_AES128_CM_SHA1_80";
  DtlsLink link(a, b);
  link.RunFor(seconds(40));
  EXPECT_EQ(link.server.state(), DtlsState::kFailed);
  EXPECT_NE(link.client.state(), DtlsState::kConnected);
}

TEST(Dtls, MismatchedFingerprintNeverYieldsKeys) {
  const auto other = Certificate::Make();
  const std::string right = DtlsLink::Certificates().second->fingerprint_sha256();
  for (const Fingerprint& wrong :
       {Fingerprint{"sha-256", other->fingerprint_sha256()}, Fingerprint{"sha-256", ""}, Fingerprint{"sha-512", right},
        Fingerprint{"md5", right}, Fingerprint{"", right}, Fingerprint{"sha-256", right + ":00"},
        Fingerprint{"sha-256", right.substr(0, 94)}}) {
    DtlsLink link({}, {}, /*exchange_fingerprints=*/false);
    link.server.SetRemoteFingerprint(wrong);
    link.Run();
    EXPECT_EQ(link.server.state(), DtlsState::kFailed) << wrong.algorithm << " " << wrong.value;
    EXPECT_NE(link.client.state(), DtlsState::kConnected);
    link.server.SetRemoteFingerprint({"sha-256", right});  // no second chance
    EXPECT_EQ(link.server.state(), DtlsState::kFailed);
    EXPECT_FALSE(link.server.NextDeadline());
  }
}

TEST(Dtls, FingerprintIsComparedWithoutRegardToCase) {
  DtlsLink link({}, {}, false);
  std::string lower = DtlsLink::Certificates().second->fingerprint_sha256();
  for (char& c : lower) c = static_cast<char>(std::tolower(c));
  link.server.SetRemoteFingerprint({"SHA-256", lower});
  link.Run();
  EXPECT_EQ(link.server.state(), DtlsState::kConnected);
}

TEST(Dtls, WaitsForAFingerprintThatComesLate) {
  DtlsLink link({}, {}, false);
  link.Run();
  EXPECT_EQ(link.server.state(), DtlsState::kConnecting);
  EXPECT_EQ(link.client.state(), DtlsState::kConnecting);
  link.ExchangeFingerprints();
  EXPECT_TRUE(link.connected());
  EXPECT_FALSE(link.server.NextDeadline());
}

TEST(Dtls, GivesUpWhenTheFingerprintNeverComes) {
  DtlsLink link({}, {}, false);
  link.RunFor(seconds(31));
  EXPECT_EQ(link.server.state(), DtlsState::kFailed);
}

TEST(Dtls, NoDatagramIsLargerThanAskedFor) {
  for (std::size_t limit : {600u, 1200u, 1350u}) {
    DtlsOptions options;
    options.max_datagram_size = limit;
    DtlsLink link(options, options);
    link.Run();
    EXPECT_TRUE(link.connected()) << limit;
    EXPECT_LE(link.largest_datagram, limit);
  }
}

TEST(Dtls, RetransmitsByTheGivenClockWithDoublingIntervals) {
  DtlsLink link;
  link.Lose([](const Bytes&) { return true; });
  std::vector<std::int64_t> sent_at;
  link.on_send = [&](bool from_client) {
    if (from_client) sent_at.push_back(ToMs(link.now - DtlsLink::kStart));
  };
  link.RunFor(seconds(40));
  EXPECT_EQ(sent_at,
            (std::vector<std::int64_t>{0, 100, 300, 700, 1500, 3100, 6300, 10300, 14300, 18300, 22300, 26300}));
  EXPECT_EQ(link.client.state(), DtlsState::kFailed);
  EXPECT_FALSE(link.client.NextDeadline());  // a failed handshake must not keep a loop busy
  EXPECT_EQ(link.server.state(), DtlsState::kNew);
}

TEST(Dtls, ConnectsWhicheverSingleOrPairOfDatagramsIsLost) {
  for (int first = 0; first < 12; ++first) {
    for (int second = first; second < 12; ++second) {
      DtlsLink link;
      int n = 0;
      link.Lose([&](const Bytes&) {
        const int i = n++;
        return i == first || i == second;
      });
      link.RunFor(seconds(10));
      ASSERT_TRUE(link.connected()) << first << " " << second;
      ExpectMirroredKeys(link.server, link.client);
    }
  }
}

TEST(Dtls, ConnectsOverALinkThatLosesAQuarterAndReordersAndDoubles) {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    std::mt19937 engine(seed);
    DtlsLink link;
    link.Lose([&](const Bytes&) { return engine() % 4 == 0; });
    link.shuffle = [&](std::vector<Bytes>& datagrams) {
      if (!datagrams.empty() && engine() % 3 == 0) datagrams.push_back(datagrams.front());
      std::shuffle(datagrams.begin(), datagrams.end(), engine);
    };
    link.RunFor(seconds(29));
    ASSERT_TRUE(link.connected()) << "seed " << seed;
    ExpectMirroredKeys(link.server, link.client);
  }
}

TEST(Dtls, TruncatedDatagramsChangeNothing) {
  DtlsLink link;
  link.client.Start(link.now);
  Bytes hello;
  ASSERT_TRUE(link.client.PollTransmit(hello));
  for (std::size_t n = 0; n < hello.size(); ++n) {
    link.server.HandlePacket(ByteView(hello).first(n), link.now);
  }
  Bytes answer;
  EXPECT_FALSE(link.server.PollTransmit(answer));
  EXPECT_EQ(link.server.stats().resets, 0u);
  link.server.HandlePacket(hello, link.now);
  link.Run();
  EXPECT_TRUE(link.connected());
}

TEST(Dtls, AForgedHelloBeforeTheRealOneCostsAResetAndNothingElse) {
  DtlsLink link;
  link.server.HandlePacket(ForgedNullCipherHello(), link.now);
  Bytes answer;
  EXPECT_FALSE(link.server.PollTransmit(answer)) << "an alert would stop the real client";
  EXPECT_EQ(link.server.stats().resets, 1u);
  EXPECT_EQ(link.server.state(), DtlsState::kConnecting);
  link.Run();
  EXPECT_TRUE(link.connected());
}

TEST(Dtls, ResetsAreLimitedAndTheEndpointListensAgainLater) {
  DtlsLink link;
  for (int i = 0; i < 1000; ++i) link.server.HandlePacket(ForgedNullCipherHello(), link.now);
  EXPECT_EQ(link.server.stats().resets, 9u);  // the ninth error ends the listening
  EXPECT_EQ(link.server.stats().muted, 1000u - 9u);
  EXPECT_NE(link.server.state(), DtlsState::kFailed);
  link.RunFor(seconds(25));
  EXPECT_TRUE(link.connected());
}

TEST(Dtls, AForgedPlaintextAlertDuringTheHandshakeIsIgnored) {
  const Bytes fatal{21, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 77, 0, 2, 2, 40};
  DtlsLink link;
  link.on_send = [&](bool) {
    link.server.HandlePacket(fatal, link.now);
    link.client.HandlePacket(fatal, link.now);
  };
  link.Run();
  EXPECT_TRUE(link.connected());
  EXPECT_EQ(link.server.stats().resets + link.client.stats().resets, 0u);
}

// The lesson of CVE-2026-75806: whatever the linked library does with them, short records die before.
TEST(Dtls, ShortForgedRecordsAfterTheHandshakeDoNotEndTheAssociation) {
  DtlsLink link;
  link.Run();
  ASSERT_TRUE(link.connected());
  for (std::uint8_t type = 19; type <= 26; ++type) {
    for (std::uint8_t length = 0; length < 64; ++length) {
      Bytes record(13u + length, 0x41);
      const Bytes header{type, 0xfe, 0xfd, 0, 1, 0, 0, 0, 0, 1, length, 0, length};
      std::copy(header.begin(), header.end(), record.begin());
      link.server.HandlePacket(record, link.now);
      link.client.HandlePacket(record, link.now);
    }
  }
  link.Run();
  EXPECT_TRUE(link.connected());
  link.client.Close(link.now);  // an authentic record is still understood
  link.Run();
  EXPECT_EQ(link.server.state(), DtlsState::kClosed);
}

TEST(Dtls, CloseNotifyClosesTheOtherSide) {
  DtlsLink link;
  link.Run();
  link.server.Close(link.now);
  EXPECT_EQ(link.server.state(), DtlsState::kClosed);
  link.Run();
  EXPECT_EQ(link.client.state(), DtlsState::kClosed);
  EXPECT_FALSE(link.client.NextDeadline());
}

TEST(Dtls, CloseBeforeConnectingIsSilentAndFinal) {
  DtlsLink link;
  link.client.Start(link.now);
  link.client.Close(link.now);
  link.Run();
  EXPECT_EQ(link.client.state(), DtlsState::kClosed);
  EXPECT_NE(link.server.state(), DtlsState::kConnected);
}

TEST(Dtls, RepeatedDatagramsOfTheHandshakeAreHarmlessLater) {
  DtlsLink link;
  std::vector<std::pair<bool, Bytes>> seen;
  link.on_datagram = [&](bool from_client, const Bytes& d) { seen.emplace_back(from_client, d); };
  link.Run();
  ASSERT_TRUE(link.connected());
  link.on_datagram = nullptr;
  const auto sent_before = link.datagrams;
  for (int round = 0; round < 100; ++round) {
    for (const auto& [from_client, d] : seen) {
      (from_client ? link.server : link.client).HandlePacket(d, link.now);
    }
    link.Run();
  }
  EXPECT_TRUE(link.connected());
  EXPECT_LE(link.datagrams - sent_before, 4u) << "a replay must not make us a reflector";
}

TEST(Dtls, HellosOfStrangersDoNotTouchAnEstablishedAssociation) {
  DtlsLink link;
  link.Run();
  ASSERT_TRUE(link.connected());
  const Bytes key = link.server.keys().local_key;
  RawDtlsClient stranger(/*extension_size=*/0);
  std::vector<Bytes> hellos = stranger.Step({});
  hellos.push_back(ForgedNullCipherHello());
  std::size_t in = 0, out = 0;
  for (int i = 0; i < 1000; ++i) {
    link.now += milliseconds(1);
    for (const Bytes& hello : hellos) {
      in += hello.size();
      link.server.HandlePacket(hello, link.now);
    }
    Bytes answer;
    while (link.server.PollTransmit(answer)) out += answer.size();
    ASSERT_LE(out, in);
  }
  EXPECT_EQ(link.server.state(), DtlsState::kConnected);
  EXPECT_EQ(link.server.keys().local_key, key);
  EXPECT_EQ(link.server.stats().resets, 0u);
  link.client.Close(link.now);  // an authentic record is still understood
  link.Run();
  EXPECT_EQ(link.server.state(), DtlsState::kClosed);
}

TEST(Dtls, AClientHelloInTwoDatagramsInEitherOrderConnects) {
  for (bool swapped : {false, true}) {
    RawDtlsClient client(/*extension_size=*/1180);
    DtlsEndpoint server(DtlsRole::kServer, DtlsLink::Certificates().first);
    server.SetRemoteFingerprint({"sha-256", client.fingerprint()});
    auto flight = client.Step({});
    ASSERT_EQ(flight.size(), 2u);
    EXPECT_GT(flight[0].size() + flight[1].size(), 1400u);
    if (swapped) std::swap(flight[0], flight[1]);
    for (int i = 0; i < 5 && !flight.empty(); ++i) flight = client.Step(Answers(server, flight));
    EXPECT_EQ(server.state(), DtlsState::kConnected) << "swapped " << swapped;
    EXPECT_TRUE(client.done());
    EXPECT_EQ(server.keys().profile, SrtpProfile::kAeadAes128Gcm);
  }
}

TEST(Dtls, APeerWithoutACertificateIsRefused) {
  RawDtlsClient client(0, /*with_certificate=*/false);
  DtlsEndpoint server(DtlsRole::kServer, DtlsLink::Certificates().first);
  server.SetRemoteFingerprint({"sha-256", client.fingerprint()});
  auto flight = client.Step({});
  for (int i = 0; i < 5 && !flight.empty(); ++i) flight = client.Step(Answers(server, flight));
  EXPECT_NE(server.state(), DtlsState::kConnected);
  EXPECT_FALSE(client.done());
  EXPECT_GE(server.stats().resets, 1u);
}

TEST(Dtls, APeerThatSpeaksNoSrtpFails) {
  RawDtlsClient client(0, true, /*srtp=*/nullptr);
  DtlsEndpoint server(DtlsRole::kServer, DtlsLink::Certificates().first);
  server.SetRemoteFingerprint({"sha-256", client.fingerprint()});
  auto flight = client.Step({});
  for (int i = 0; i < 5 && !flight.empty(); ++i) flight = client.Step(Answers(server, flight));
  EXPECT_EQ(server.state(), DtlsState::kFailed);
}

TEST(Dtls, AnUnaskedClientStaysSilent) {
  DtlsLink link;
  link.client.HandlePacket(ForgedNullCipherHello(), link.now);
  Bytes d;
  EXPECT_FALSE(link.client.PollTransmit(d));
  EXPECT_EQ(link.client.state(), DtlsState::kNew);
}

}  // namespace
}  // namespace jb::crypto
