// SPDX-License-Identifier: Apache-2.0
// What an authenticated client can do wrong, by accident or not (reliability 2.3, 2.4).
#include <gtest/gtest.h>

#include "proto/rtcp/bye.h"
#include "scenario/call.h"

namespace jb::scenario {
namespace {

using sfu::DropReason;

TEST(HostileMediaTest, OneDatagramTwiceIsDeliveredOnce) {
  Call call;
  MediaSender& mic = call.Microphone();
  MediaReceiver& ear = call.Watch("mic");
  call.Connect();
  const Bytes datagram = call.alice.Protect(mic.Build(MediaSender::kOpus, false, Bytes(40, 1), 100));
  for (int i = 0; i < 5; ++i) call.world.SendToWorker(call.alice.local(), datagram);
  call.world.Run(100ms);
  EXPECT_EQ(ear.packets, 1u);
  EXPECT_EQ(call.Drops(DropReason::kSrtpReplay), 4u);
}

TEST(HostileMediaTest, DamagedMediaIsCountedAndGoesNowhere) {
  Call call;
  MediaSender& mic = call.Microphone();
  MediaReceiver& ear = call.Watch("mic");
  call.Connect();
  testing::SeededRandom random(3);
  for (std::uint16_t i = 0; i < 500; ++i) {
    Bytes datagram = call.alice.Protect(mic.Build(MediaSender::kOpus, false, Bytes(40, 1), i));
    datagram[2 + random.Between(0, static_cast<std::uint32_t>(datagram.size()) - 3)] ^= 1;
    call.world.SendToWorker(call.alice.local(), datagram);
  }
  call.world.Run(100ms);
  EXPECT_EQ(ear.packets, 0u);
  EXPECT_EQ(call.Drops(DropReason::kSrtpAuth), 500u);
  EXPECT_EQ(call.world.worker().stats().packets_in, 0u);
}

TEST(HostileMediaTest, DatagramsOverFifteenHundredBytesAreDropped) {
  Call call;
  call.Connect();
  Bytes huge(1501, 0x80);
  call.world.SendToWorker(call.alice.local(), huge);
  call.world.Run(50ms);
  EXPECT_EQ(call.Drops(DropReason::kTooLarge), 1u);
}

TEST(HostileMediaTest, AFloodOverTheBudgetIsDroppedBeforeDecryption) {
  Call call;
  MediaSender& mic = call.Microphone();
  call.Connect();
  for (std::uint16_t i = 0; i < 10'000; ++i) {
    call.alice.SendRtp(mic.Build(MediaSender::kOpus, false, Bytes(40, 1), i));
  }
  call.world.Run(100ms);
  const auto stats = call.world.worker().stats();
  EXPECT_LE(stats.packets_in, 3300u);
  EXPECT_GE(call.Drops(DropReason::kOverBudget), 6500u);
}

TEST(HostileMediaTest, AStreamIsOwnedByItsFirstSsrcUntilItFallsSilent) {
  Call call;
  SenderOptions options;
  options.declare_ssrc = false;
  MediaSender& camera = call.Camera(options);
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  call.SendVideo(camera, 10, true);
  SenderOptions other = camera.options();
  other.ssrc = 4242;
  MediaSender& thief = call.AddSender(other);
  const std::size_t before = eye.packets;
  thief.SendFrame(true);
  call.world.Run(50ms);
  EXPECT_EQ(eye.packets, before);
  EXPECT_GE(call.Drops(DropReason::kUnknownSsrc), 3u);
  // Silence: then it is a restarted sender.
  call.world.Run(1100ms);
  thief.SendFrame(true);
  call.world.Run(50ms);
  EXPECT_EQ(eye.packets, before + 3);
  EXPECT_TRUE(eye.IsContiguous());
}

TEST(HostileMediaTest, TheSsrcAndMidOfAnotherTransportMeanNothingOnOnesOwn) {
  Call call;
  MediaSender& camera = call.Camera();
  MediaReceiver& eye = call.Watch("camera");
  TestPeer carol(call.world, "carol-send", sfu::TransportDirection::kSend, UdpTuple("198.51.100.3", 50003));
  call.Connect();
  carol.Connect();
  ASSERT_TRUE(call.world.RunUntil([&] { return carol.connected(); }, 5s));
  MediaSender thief(carol, camera.options());
  Bytes bye;
  bye.resize(8);
  ByteWriter out(bye);
  const rtp::Ssrc hers(camera.options().ssrc);
  rtcp::WriteBye(out, {&hers, 1});
  call.SendVideo(camera, 5, true);
  for (int i = 0; i < 50; ++i) {
    thief.SendFrame(true, 1, 50);
    carol.SendRtcp(bye);
    call.SendVideo(camera, 1, true);
  }
  EXPECT_GE(call.Drops(DropReason::kUnknownSsrc), 50u);
  EXPECT_TRUE(eye.IsContiguous());
  EXPECT_EQ(eye.packets, camera.sent);
  for (const auto& [number, payload] : eye.payloads) EXPECT_EQ(payload.size(), 1000u) << number;
}

TEST(HostileMediaTest, ThousandsOfSsrcsWithAKnownMidLeaveNothingBehind) {
  Call call;
  SenderOptions options;
  options.declare_ssrc = false;
  MediaSender& camera = call.Camera(options);
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  call.SendVideo(camera, 5, true);
  const std::size_t before = eye.packets;
  for (std::uint32_t ssrc = 100'000; ssrc < 102'000; ++ssrc) {
    SenderOptions other = camera.options();
    other.ssrc = ssrc;
    MediaSender(call.alice, other).SendFrame(true, 1, 50);
    if (ssrc % 20 == 0) call.SendVideo(camera, 1, true);
  }
  call.world.Run(100ms);
  EXPECT_TRUE(eye.IsContiguous());
  EXPECT_GT(eye.packets, before + 200);
  for (const auto& [number, payload] : eye.payloads) EXPECT_EQ(payload.size(), 1000u) << number;
}

TEST(HostileMediaTest, MediaOnAReceivingTransportIsDropped) {
  Call call;
  MediaSender& mic = call.Microphone();
  call.Connect();
  call.bob.SendRtp(mic.Build(MediaSender::kOpus, false, Bytes(40, 1), 1));
  call.world.Run(50ms);
  EXPECT_EQ(call.Drops(DropReason::kWrongDirection), 1u);
}

TEST(HostileMediaTest, RtxBeforeItsStreamAndRtxWithoutAnOriginalAreHarmless) {
  Call call;
  SenderOptions options;
  options.declare_ssrc = false;
  MediaSender& camera = call.Camera(options);
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  SenderOptions rtx = camera.options();
  rtx.ssrc = rtx.rtx_ssrc;
  MediaSender repair(call.alice, rtx);
  call.alice.SendRtp(repair.Build(MediaSender::kRtx, false, Bytes(30, 1), 1));
  call.world.Run(50ms);
  call.SendVideo(camera, 5, true);
  for (std::size_t size = 0; size < 3; ++size) {
    call.alice.SendRtp(repair.Build(MediaSender::kRtx, false, Bytes(size, 1), static_cast<std::uint16_t>(2 + size)));
  }
  call.SendVideo(camera, 5, true);
  EXPECT_TRUE(eye.IsContiguous());
}

TEST(HostileMediaTest, AnUnknownPayloadTypeTakesItsNumberAndIsNotForwarded) {
  Call call;
  MediaSender& mic = call.Microphone();
  MediaReceiver& ear = call.Watch("mic");
  call.Connect();
  for (std::uint16_t i = 0; i < 30; ++i) {
    const std::uint8_t payload_type = i % 3 == 1 ? 110 : MediaSender::kOpus;
    call.alice.SendRtp(mic.Build(payload_type, false, Bytes(40, 1), i));
    call.world.Run(20ms);
  }
  EXPECT_EQ(ear.packets, 20u);
  EXPECT_TRUE(ear.IsContiguous());
  EXPECT_EQ(call.Drops(DropReason::kUnknownPayloadType), 10u);
}

TEST(HostileMediaTest, GarbageRtcpOfAnAuthenticatedPeerIsHarmless) {
  Call call;
  MediaSender& camera = call.Camera();
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  call.SendVideo(camera, 5, true);
  testing::SeededRandom random(9);
  for (int i = 0; i < 2000; ++i) {
    Bytes packet(8 + random.Between(0, 60));
    random.Fill(packet);
    packet[0] = static_cast<std::uint8_t>(0x80 | (packet[0] & 0x1f));
    packet[1] = static_cast<std::uint8_t>(200 + packet[1] % 8);
    if (i % 2) StoreU16(packet.data() + 2, static_cast<std::uint16_t>(packet.size() / 4 - 1));
    packet.resize(packet.size() / 4 * 4);
    if (packet.size() >= 12 && i % 3 == 0) StoreU32(packet.data() + 8, eye.ssrc);
    call.bob.SendRtcp(packet);
    call.alice.SendRtcp(packet);
    if (i % 100 == 0) call.world.Run(200ms);
  }
  call.SendVideo(camera, 10, true);
  call.Settle();
  EXPECT_TRUE(eye.IsContiguous());
}

TEST(HostileMediaTest, ASubscriberCannotMakeUsSendMuchMoreThanItWasSent) {
  Call call;
  MediaSender& camera = call.Camera();
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  call.SendVideo(camera, 60, true);
  const std::size_t sent = call.world.bytes_to[call.bob.local()];
  for (int round = 0; round < 5; ++round) {
    for (const auto& [number, payload] : eye.payloads) eye.SendNack(static_cast<std::uint16_t>(number));
    call.world.Run(200ms);
  }
  const std::size_t resent = call.world.bytes_to[call.bob.local()] - sent;
  EXPECT_LE(resent, sent / 2 + 64 * 1024 + 10'000);
}

}  // namespace
}  // namespace jb::scenario
