// SPDX-License-Identifier: Apache-2.0
#include "netns/link.h"

#include <gtest/gtest.h>

#include "base/socket_address.h"

namespace jb::netns {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time kT0{seconds(10)};
constexpr std::uint16_t kHerPort = 5000, kServerPort = 40'000;

std::uint32_t Ip(const char* text) { return LoadU32(SocketAddress::Parse(text, 0)->ip.data()); }
const std::uint32_t kHer = Ip("192.168.1.2"), kServer = Ip("198.51.100.1"), kPublic = Ip("203.0.113.7");

std::uint16_t Sum(ByteView bytes, std::uint32_t sum = 0) {
  for (std::size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? bytes[i] << 8 : bytes[i];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}
// The sum over the pseudo header (RFC 768, RFC 9293 section 3.1) and what follows the IP header.
std::uint16_t TransportSum(ByteView packet) {
  const std::uint32_t length = static_cast<std::uint32_t>(packet.size()) - 20;
  return Sum(packet.subspan(20), Sum(packet.subspan(12, 8)) + packet[9] + length);
}

Bytes MakePacket(std::uint8_t protocol, std::uint32_t from, std::uint16_t from_port, std::uint32_t to, std::uint16_t to_port,
                 std::size_t payload = 40) {
  const std::size_t transport_header = protocol == kUdp ? 8 : 20;
  Bytes p(20 + transport_header + payload, 0x5a);
  std::fill_n(p.begin(), 20 + transport_header, std::uint8_t{0});
  p[0] = 0x45;
  StoreU16(&p[2], static_cast<std::uint16_t>(p.size()));
  p[8] = 64;
  p[9] = protocol;
  StoreU32(&p[12], from);
  StoreU32(&p[16], to);
  StoreU16(&p[10], static_cast<std::uint16_t>(~Sum(ByteView(p).first(20))));
  StoreU16(&p[20], from_port);
  StoreU16(&p[22], to_port);
  if (protocol == kUdp) StoreU16(&p[24], static_cast<std::uint16_t>(8 + payload));
  StoreU16(&p[protocol == kUdp ? 26 : 36], static_cast<std::uint16_t>(~TransportSum(p)));
  return p;
}

void ExpectSums(ByteView packet) {
  EXPECT_EQ(Sum(packet.first(20)), 0xffff);
  EXPECT_EQ(TransportSum(packet), 0xffff);
}

TEST(Ipv4Packet, RewritingAnAddressKeepsEverySumRight) {
  for (const std::uint8_t protocol : {kUdp, kTcp}) {
    for (std::uint16_t port : {std::uint16_t{0}, std::uint16_t{1}, std::uint16_t{0x7fff}, std::uint16_t{0xffff}}) {
      Bytes bytes = MakePacket(protocol, kHer, kHerPort, kServer, kServerPort);
      auto packet = Ipv4Packet::Parse(bytes);
      ASSERT_TRUE(packet);
      packet->SetSource(kPublic, port);
      packet->SetDestination(0xffffffff, port);
      EXPECT_EQ(packet->source(), kPublic);
      EXPECT_EQ(packet->destination_port(), port);
      ExpectSums(bytes);
    }
  }
}

TEST(Ipv4Packet, AUdpPacketWithoutASumGetsNone) {
  Bytes bytes = MakePacket(kUdp, kHer, kHerPort, kServer, kServerPort);
  StoreU16(&bytes[26], 0);
  Ipv4Packet::Parse(bytes)->SetSource(kPublic, 1);
  EXPECT_EQ(LoadU16(&bytes[26]), 0);
}

TEST(Ipv4Packet, WhatIsShorterThanItSaysIsNoPacket) {
  const Bytes whole = MakePacket(kTcp, kHer, kHerPort, kServer, kServerPort, 0);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Bytes part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    EXPECT_FALSE(Ipv4Packet::Parse(part)) << size;
  }
  Bytes v6(60, 0x60);
  EXPECT_FALSE(Ipv4Packet::Parse(v6));
}

TEST(Ipv4Packet, ALaterFragmentHasNoPorts) {
  Bytes bytes = MakePacket(kUdp, kHer, kHerPort, kServer, kServerPort);
  StoreU16(&bytes[6], 100);
  EXPECT_FALSE(Ipv4Packet::Parse(bytes)->has_ports());
}

struct NatTest : ::testing::Test {
  // What the server sees of her packet.
  std::pair<std::uint32_t, std::uint16_t> Out(std::uint16_t from_port = kHerPort, std::uint16_t to_port = kServerPort) {
    Bytes bytes = MakePacket(kUdp, kHer, from_port, kServer, to_port);
    auto packet = Ipv4Packet::Parse(bytes);
    EXPECT_TRUE(nat.Outbound(*packet));
    ExpectSums(bytes);
    return {packet->source(), packet->source_port()};
  }
  // Where an answer to that port ends up; 0: nowhere.
  std::uint16_t In(std::uint16_t to_port, std::uint16_t from_port = kServerPort, std::uint8_t protocol = kUdp) {
    Bytes bytes = MakePacket(protocol, kServer, from_port, kPublic, to_port);
    auto packet = Ipv4Packet::Parse(bytes);
    if (!nat.Inbound(*packet)) return 0;
    ExpectSums(bytes);
    EXPECT_EQ(packet->destination(), kHer);
    return packet->destination_port();
  }
  Nat nat{kPublic};
};

TEST_F(NatTest, APortKeepsItsMappingWhoeverItWritesTo) {
  const auto first = Out();
  EXPECT_EQ(first.first, kPublic);
  EXPECT_EQ(Out(kHerPort, 9999), first);
  EXPECT_NE(Out(kHerPort + 1), first);
  EXPECT_EQ(In(first.second), kHerPort);
}

TEST_F(NatTest, OnlyThoseWhoWereWrittenToMayAnswer) {
  const auto [address, port] = Out();
  EXPECT_EQ(In(port, 9999), 0);
  EXPECT_EQ(In(port, kServerPort, kTcp), 0);
  EXPECT_EQ(In(static_cast<std::uint16_t>(port + 1)), 0);
}

TEST_F(NatTest, AfterRebindingTheOldPortIsDeadAndTheNewOneIsAnother) {
  const auto before = Out();
  nat.Rebind(kUdp);
  EXPECT_EQ(In(before.second), 0);
  const auto after = Out();
  EXPECT_NE(after.second, before.second);
  EXPECT_EQ(In(after.second), kHerPort);
}

TEST_F(NatTest, OneThatChecksSourcesTranslatesItsOwnNetworkOnly) {
  nat = Nat(kPublic, Ip("192.168.1.0"));
  Out();
  Bytes bytes = MakePacket(kUdp, Ip("192.168.2.2"), kHerPort, kServer, kServerPort);
  auto packet = Ipv4Packet::Parse(bytes);
  EXPECT_FALSE(nat.Outbound(*packet));
}

TEST_F(NatTest, AFullTableTakesNobodyNew) {
  for (std::uint16_t i = 0; i < Nat::kMaxMappings; ++i) Out(static_cast<std::uint16_t>(1024 + i));
  Bytes bytes = MakePacket(kUdp, kHer, 60'000, kServer, kServerPort);
  auto packet = Ipv4Packet::Parse(bytes);
  EXPECT_FALSE(nat.Outbound(*packet));
}

struct LinkTest : ::testing::Test {
  bool Passes(Direction direction, Bytes packet) {
    link.Send(direction, packet, kT0);
    return link.Poll(direction, kT0 + seconds(10)).has_value();
  }
  json::object Do(std::string_view command) { return link.HandleCommand(*ParseJson(command)); }
  Bytes Up(std::uint8_t protocol = kUdp, std::uint16_t port = kServerPort) {
    return MakePacket(protocol, kHer, kHerPort, kServer, port);
  }
  Bytes Down(std::uint8_t protocol = kUdp, std::uint16_t port = kServerPort) {
    return MakePacket(protocol, kServer, port, kHer, kHerPort);
  }
  Link link{1, std::nullopt};
};

TEST_F(LinkTest, EachWayHasAProfileOfItsOwn) {
  EXPECT_TRUE(Do(R"({"do":"shape","up":{"loss":1.0}})").at("ok").get_bool());
  EXPECT_FALSE(Passes(Direction::kUp, Up()));
  EXPECT_TRUE(Passes(Direction::kDown, Down()));
  Do(R"({"do":"shape","up":{},"down":{"down":1}})");
  EXPECT_TRUE(Passes(Direction::kUp, Up()));
  EXPECT_FALSE(Passes(Direction::kDown, Down()));
}

TEST_F(LinkTest, TheFirewallStopsAProtocolOrAllPortsButSome) {
  Do(R"({"do":"firewall","udp":false})");
  EXPECT_FALSE(Passes(Direction::kUp, Up()));
  EXPECT_TRUE(Passes(Direction::kUp, Up(kTcp)));
  Do(R"({"do":"firewall","ports":[443]})");
  EXPECT_FALSE(Passes(Direction::kUp, Up(kTcp)));
  EXPECT_TRUE(Passes(Direction::kUp, Up(kTcp, 443)));
  EXPECT_TRUE(Passes(Direction::kDown, Down(kTcp, 443)));
  EXPECT_FALSE(Passes(Direction::kDown, Down(kTcp)));
  Do(R"({"do":"firewall"})");
  EXPECT_TRUE(Passes(Direction::kUp, Up()));
}

TEST_F(LinkTest, FiguresTellHowLongPacketsQueuedAndStartAnewEachTime) {
  // 100 packets of 1000 bytes at once at 8 Mbit/s: 1 ms each.
  Do(R"({"do":"shape","up":{"rateBps":8000000}})");
  const Bytes packet = MakePacket(kUdp, kHer, kHerPort, kServer, kServerPort, 1000 - 28);
  for (int i = 0; i < 100; ++i) {
    Bytes copy = packet;
    link.Send(Direction::kUp, copy, kT0);
  }
  while (link.Poll(Direction::kUp, kT0 + seconds(1))) {
  }
  const json::object figures = Do(R"({"do":"figures"})").at("up").get_object();
  EXPECT_EQ(figures.at("delivered").to_number<int>(), 100);
  EXPECT_EQ(figures.at("bytes").to_number<int>(), 100'000);
  EXPECT_NEAR(figures.at("queueP50Ms").to_number<double>(), 49, 1);
  EXPECT_NEAR(figures.at("queueP95Ms").to_number<double>(), 94, 1);
  EXPECT_NEAR(figures.at("queueMaxMs").to_number<double>(), 99, 0.1);
  EXPECT_EQ(Do(R"({"do":"figures"})").at("up").get_object().at("sent").to_number<int>(), 0);
}

TEST_F(LinkTest, WhatAQueueHasNoRoomForIsCounted) {
  Do(R"({"do":"shape","up":{"rateBps":80000,"maxQueueMs":500}})");  // 100 ms for 1000 bytes
  for (int i = 0; i < 10; ++i) {
    Bytes packet = MakePacket(kUdp, kHer, kHerPort, kServer, kServerPort, 1000 - 28);
    link.Send(Direction::kUp, packet, kT0);
  }
  const json::object figures = Do(R"({"do":"figures"})").at("up").get_object();
  EXPECT_EQ(figures.at("queueDropped").to_number<int>(), 4);
  EXPECT_NEAR(figures.at("queueMaxMs").to_number<double>(), 500, 0.1);
}

TEST_F(LinkTest, WhatItDoesNotUnderstandItSays) {
  for (const char* command : {"1", "{}", R"({"do":"dance"})", R"({"do":"shape","up":{"lozz":1}})",
                              R"({"do":"shape","down":{"loss":"much"}})", R"({"do":"rebind"})",
                              R"({"do":"firewall","ports":[0]})", R"({"do":"firewall","ports":["dns"]})"}) {
    EXPECT_FALSE(Do(command).at("ok").get_bool()) << command;
  }
  EXPECT_TRUE(Passes(Direction::kUp, Up())) << "and nothing changed";
}

TEST(LinkWithNat, TranslatesBothWaysAndForgetsOnCommand) {
  Link link(1, Nat(kPublic));
  const auto pass = [&](Direction direction, Bytes bytes) {
    link.Send(direction, bytes, kT0);
    return link.Poll(direction, kT0);
  };
  auto out = pass(Direction::kUp, MakePacket(kUdp, kHer, kHerPort, kServer, kServerPort));
  ASSERT_TRUE(out);
  const std::uint16_t port = Ipv4Packet::Parse(*out)->source_port();
  auto in = pass(Direction::kDown, MakePacket(kUdp, kServer, kServerPort, kPublic, port));
  ASSERT_TRUE(in);
  EXPECT_EQ(Ipv4Packet::Parse(*in)->destination(), kHer);
  EXPECT_TRUE(link.HandleCommand(*ParseJson(R"({"do":"rebind"})")).at("ok").get_bool());
  EXPECT_FALSE(pass(Direction::kDown, MakePacket(kUdp, kServer, kServerPort, kPublic, port)));
}

}  // namespace
}  // namespace jb::netns
