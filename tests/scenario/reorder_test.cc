// SPDX-License-Identifier: Apache-2.0
// Packets that overtake each other: numbers stay right, nothing is lost, and nobody asks for what is only late. Over
// many networks, each of another seed.
#include <gtest/gtest.h>

#include "scenario/call.h"

namespace jb::scenario {
namespace {

constexpr int kPacketsPerFrame = 10;

class ReorderTest : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  // Every packet of a frame leaves at once and is on its way for `latency` +- `jitter`: up to nine overtake one.
  static testing::NetemProfile Shuffling(Duration jitter) {
    testing::NetemProfile network;
    network.latency = 50ms;
    network.jitter = jitter;
    network.jitter_reorders = true;
    return network;
  }
  void Film(MediaSender& camera, int frames) {
    for (int i = 0; i < frames; ++i) {
      camera.SendFrame(camera.sent == 0, kPacketsPerFrame, 300);
      call.Settle(30ms);
    }
  }
  void CalmDown() {
    call.Settle(200ms);  // for what is on its way
    call.world.set_network({});
  }
  // In the order of the numbers: which packet of all it is, by its frame and its place therein.
  static std::int64_t PlaceOf(const Bytes& payload) {
    return std::int64_t{LoadU32(payload.data() + 4)} * kPacketsPerFrame + payload.back();
  }
  static void ExpectSentOrder(const MediaReceiver& eye) {
    ASSERT_FALSE(eye.payloads.empty());
    EXPECT_TRUE(eye.IsContiguous());
    const auto& [first, payload] = *eye.payloads.begin();
    for (const auto& [number, other] : eye.payloads) {
      ASSERT_EQ(PlaceOf(other) - PlaceOf(payload), number - first);
    }
  }
  // How often the receiving end saw a number below the one before.
  static std::size_t Inversions(const TestPeer& peer, std::uint32_t ssrc) {
    std::size_t count = 0;
    std::optional<rtp::SeqNum> before;
    for (const ReceivedRtp& packet : peer.received) {
      if (packet.view().ssrc().value() != ssrc) continue;
      const rtp::SeqNum number = packet.view().sequence_number();
      count += before && before->IsNewerThan(number);
      before = number;
    }
    return count;
  }

  Call call{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Seeds, ReorderTest, ::testing::Range<std::uint64_t>(1, 13));

TEST_P(ReorderTest, WhatComesWithinTheReorderDelayIsNeverAskedFor) {
  MediaSender& camera = call.Camera();
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  Film(camera, 3);
  call.world.set_network(Shuffling(2400us));  // both ways; together less than the 10 ms of NackOptions::first_delay
  Film(camera, 100);
  CalmDown();
  Film(camera, 3);
  call.Settle(200ms);
  EXPECT_GT(Inversions(call.bob, eye.ssrc), 100u);
  EXPECT_EQ(eye.packets, 106u * kPacketsPerFrame);
  ExpectSentOrder(eye);
  EXPECT_EQ(camera.nacked, 0u);
  EXPECT_EQ(call.world.worker().stats().nacks_received, 0u);
  EXPECT_EQ(call.Drops(sfu::DropReason::kDuplicate), 0u);
}

TEST_P(ReorderTest, WhatComesLaterIsAskedForAndStillSeenOnce) {
  MediaSender& camera = call.Camera();
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  Film(camera, 3);
  call.world.set_network(Shuffling(20ms));
  Film(camera, 100);
  CalmDown();
  Film(camera, 3);
  call.Settle(500ms);
  EXPECT_GT(camera.nacked, 10u);
  EXPECT_EQ(eye.payloads.size(), 106u * kPacketsPerFrame);
  ExpectSentOrder(eye);
}

TEST_P(ReorderTest, SoundIsPassedOnInTheOrderItComesAndUnderItsOwnNumbers) {
  MediaSender& mic = call.Microphone();
  MediaReceiver& ear = call.Watch("mic");
  ASSERT_TRUE(call.world.worker().SetTap(ProducerId("mic"), true).ok());
  call.Connect();
  const auto talk = [&](int packets) {
    for (int i = 0; i < packets; ++i) {
      mic.SendOpus();
      call.world.Run(20ms);
    }
  };
  talk(5);
  call.world.set_network(Shuffling(45ms));  // up to four overtake one
  talk(200);
  CalmDown();
  talk(10);
  EXPECT_GT(Inversions(call.bob, ear.ssrc), 20u);
  EXPECT_EQ(ear.packets, 215u);
  EXPECT_TRUE(ear.IsContiguous());
  EXPECT_EQ(ear.duplicates, 0u);
  const auto first = *ear.payloads.begin();
  for (const auto& [number, opus] : ear.payloads) {
    ASSERT_EQ(LoadU32(opus.data() + 4) - LoadU32(first.second.data() + 4), number - first.first);
    ASSERT_EQ(ear.timestamps[number] - ear.timestamps[first.first], (number - first.first) * 960);
  }
  EXPECT_EQ(call.world.tapped.size(), 215u);
}

}  // namespace
}  // namespace jb::scenario
