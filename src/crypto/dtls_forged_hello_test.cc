// SPDX-License-Identifier: Apache-2.0
// Well-formed ClientHellos of somebody who can send from the peer's address but not read what is sent to it.
#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/client_hello.h"
#include "crypto/dtls_test_link.h"

namespace jb::crypto {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// One hello of a client of its own, each with another random; larger than 1200 bytes: in two datagrams.
std::vector<Bytes> ForgedHello(std::size_t extension_size = 0) { return RawDtlsClient(extension_size).Step({}); }

TEST(DtlsForgedHello, BeforeTheRealOneCostsNothing) {
  DtlsLink link;
  link.server.HandlePacket(ForgedHello()[0], link.now);
  EXPECT_FALSE(Poll(link.server).empty()) << "who could know";
  link.Run();
  EXPECT_TRUE(link.connected());
  EXPECT_EQ(link.server.keys().local_key, link.client.keys().remote_key);
  EXPECT_EQ(link.server.stats().resets, 1u) << "the forged one did not survive the real client's signature";
  EXPECT_FALSE(link.server.NextDeadline());
}

TEST(DtlsForgedHello, AnsweredToAWaitingClientOnlyDelaysIt) {
  DtlsLink link;
  link.server.HandlePacket(ForgedHello()[0], link.now);  // its answer is the first thing the client reads
  link.RunFor(seconds(8));
  EXPECT_TRUE(link.connected());
}

TEST(DtlsForgedHello, AfterTheRealOneIsHarmlessAtEveryStep) {
  for (int step = 2; step <= 5; ++step) {
    DtlsLink link;
    int n = 0;
    link.on_datagram = [&](bool, const Bytes&) {  // before the n-th datagram of the link is delivered
      if (++n == step) link.server.HandlePacket(ForgedHello()[0], link.now);
    };
    link.Run();
    EXPECT_TRUE(link.connected()) << step;
    EXPECT_EQ(link.now, DtlsLink::kStart);
  }
}

TEST(DtlsForgedHello, AHundredAfterTheRealOneAreHarmlessAndHardlyAnswered) {
  DtlsLink link;
  bool flooded = false;
  std::size_t in = 0, out = 0;
  link.on_datagram = [&](bool from_client, const Bytes&) {
    if (from_client || std::exchange(flooded, true)) return;  // the client has its answer, almost
    Poll(link.server);
    for (int i = 0; i < 100; ++i) {
      const Bytes hello = ForgedHello()[0];
      in += hello.size();
      link.server.HandlePacket(hello, link.now);
      for (const Bytes& d : Poll(link.server)) out += d.size();
    }
  };
  link.Run();
  EXPECT_TRUE(link.connected());
  EXPECT_LT(out, in / 4);
}

TEST(DtlsForgedHello, WhenAllPlacesAreTakenTheRealOneGetsTheFirstThatFallsFree) {
  DtlsLink link;
  for (int i = 0; i < 3; ++i) link.server.HandlePacket(ForgedHello()[0], link.now);
  Poll(link.server);
  link.RunFor(seconds(5));
  EXPECT_TRUE(link.connected());
}

TEST(DtlsForgedHello, ALostAnswerIsRepeatedWhenTheRealClientAsksAgain) {
  DtlsLink link;
  link.server.HandlePacket(ForgedHello()[0], link.now);
  Poll(link.server);
  bool lost = false;
  link.Lose([&](const Bytes& d) { return d.size() > 400 && !std::exchange(lost, true); });
  link.RunFor(milliseconds(200));
  EXPECT_TRUE(lost);
  EXPECT_TRUE(link.connected());
}

TEST(DtlsForgedHello, AnsweredHellosOfStrangersAreNotRepeatedByTheClock) {
  DtlsLink link;
  for (int i = 0; i < 2; ++i) link.server.HandlePacket(ForgedHello()[0], link.now);
  Poll(link.server);
  link.now += seconds(1);
  link.server.HandleTimeout(link.now);
  EXPECT_TRUE(Poll(link.server).empty());
}

TEST(DtlsForgedHello, AnotherCertificateThatFinishesFirstDoesNotStopTheRealOne) {
  DtlsLink link;
  DtlsEndpoint other(DtlsRole::kClient, Certificate::Make());
  other.SetRemoteFingerprint({"sha-256", DtlsLink::Certificates().first->fingerprint_sha256()});
  other.Start(link.now);
  link.client.Start(link.now);
  std::vector<Bytes> hello = Poll(link.client);
  for (int i = 0; i < 4; ++i) {
    for (const Bytes& d : Poll(other)) link.server.HandlePacket(d, link.now);
    if (i == 0) {
      for (const Bytes& d : Poll(link.server)) other.HandlePacket(d, link.now);
      link.server.HandlePacket(hello[0], link.now);  // waits for its answer meanwhile
      hello = Poll(link.server);
    }
    for (const Bytes& d : Poll(link.server)) other.HandlePacket(d, link.now);
  }
  EXPECT_EQ(link.server.state(), DtlsState::kConnecting);
  for (const Bytes& d : hello) link.client.HandlePacket(d, link.now);
  link.RunFor(seconds(5));
  EXPECT_NE(link.server.state(), DtlsState::kFailed);
}

// Connects a client that reads the n-th answer only, as if the network had lost the others. Each is one datagram.
bool ConnectsWithAnswer(std::size_t n, const std::vector<int>& order) {
  RawDtlsClient client(1180), stranger(1180);
  DtlsEndpoint server(DtlsRole::kServer, DtlsLink::Certificates().first);
  server.SetRemoteFingerprint({"sha-256", client.fingerprint()});
  std::vector<Bytes> parts = client.Step({});
  for (const Bytes& d : stranger.Step({})) parts.push_back(d);
  EXPECT_EQ(parts.size(), 4u);
  std::vector<Bytes> datagrams;
  for (const int i : order) datagrams.push_back(parts[static_cast<std::size_t>(i)]);
  const std::vector<Bytes> answers = Answers(server, datagrams);
  if (n >= answers.size()) return false;
  for (std::vector<Bytes> answer{answers[n]}; !answer.empty();) answer = Answers(server, client.Step(answer));
  return client.done() && server.state() == DtlsState::kConnected;
}

TEST(DtlsForgedHello, FragmentsOfTwoClientsInAnyOrderAreToldApart) {
  std::vector<int> order{0, 1, 2, 3};
  do {
    const bool connects =
        ConnectsWithAnswer(0, order) || ConnectsWithAnswer(1, order) || ConnectsWithAnswer(2, order);
    EXPECT_TRUE(connects) << order[0] << order[1] << order[2] << order[3];
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(DtlsForgedHello, AServerThatGivesUpOnOneListensOn) {
  DtlsLink link;
  link.server.HandlePacket(ForgedHello()[0], link.now);
  while (const auto next = link.server.NextDeadline()) {
    link.now = *next;
    link.server.HandleTimeout(link.now);
    Poll(link.server);
  }
  EXPECT_EQ(link.server.state(), DtlsState::kConnecting);
  link.Run();
  EXPECT_TRUE(link.connected());
}

TEST(ClientHellos, WhatIsNoWholeFragmentIsRefused) {
  const Bytes good = ForgedHello()[0];
  std::vector<Bytes> complete;
  ClientHellos hellos;
  Bytes records = good;
  EXPECT_EQ(hellos.Extract(records, complete), 0u);
  EXPECT_TRUE(records.empty());
  ASSERT_EQ(complete.size(), 1u);
  EXPECT_TRUE(std::equal(good.begin() + 25, good.end(), complete[0].begin() + 25, complete[0].end()));
  // Message number 1, a fragment over the end, a fragment longer than its record, an empty one.
  for (const auto& [at, value] : {std::pair{18, 1}, std::pair{20, 1}, std::pair{23, 0x40}, std::pair{24, 0}}) {
    records = good;
    records[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(value);
    if (at == 24) records[23] = 0;
    EXPECT_EQ(hellos.Extract(records, complete), 1u) << at;
    EXPECT_EQ(complete.size(), 1u);
  }
}

}  // namespace
}  // namespace jb::crypto
