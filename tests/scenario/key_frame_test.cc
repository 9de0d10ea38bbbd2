// SPDX-License-Identifier: Apache-2.0
// Where a video stream begins: at a key frame, whole, in whatever order its packets come.
#include <gtest/gtest.h>

#include "scenario/call.h"

namespace jb::scenario {
namespace {

constexpr std::size_t kMediaSize = 500;  // larger datagrams are media

// Loses the first packet of the next frame that is sent, once.
void LoseNextPacket(World& world) {
  world.lose_up = [lost = false](const Tuple&, ByteView datagram) mutable {
    if (lost || datagram.size() < kMediaSize) return false;
    return lost = true;
  };
}

TEST(KeyFrameTest, AProbeAmongTheOvertakersLeavesNoGap) {
  Call call;
  MediaSender& camera = call.Camera();
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  call.SendVideo(camera, 3, false);
  LoseNextPacket(call.world);
  camera.SendFrame(true, 2);
  camera.SendPadding();
  camera.SendFrame(false, 2);
  call.Settle(500ms);
  EXPECT_EQ(eye.payloads.size(), 4u);
  EXPECT_TRUE(eye.IsContiguous());
}

TEST(KeyFrameTest, ASwitchOfSimulcastStreamsIsWholeToo) {
  Call call;
  auto [r0, r1] = call.SimulcastCamera(/*with_rtx=*/true);
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  r0.SendFrame(true, 1, 100);
  constexpr std::size_t kBefore = 30;  // a second: what the upper one takes is known
  for (std::size_t i = 1; i < kBefore; ++i) {
    r1.SendFrame(false, 1, 900);
    call.world.Run(33ms);
    r0.SendFrame(false, 1, 100);
  }
  call.world.Run(33ms);
  ASSERT_EQ(eye.payloads.size(), kBefore);
  // Held back by the network: the first packet of the upper stream's key frame.
  Bytes held;
  call.world.lose_up = [&](const Tuple&, ByteView datagram) {
    if (!held.empty() || datagram.size() < kMediaSize) return false;
    held.assign(datagram.begin(), datagram.end());
    return true;
  };
  r1.SendFrame(true, 5, 900);
  call.world.Run(5ms);
  call.world.SendToWorker(call.alice.local(), held);
  call.world.Run(30ms);
  r1.SendFrame(false, 2, 900);
  call.world.Run(33ms);
  ASSERT_EQ(eye.payloads.size(), kBefore + 5u + 2u);
  EXPECT_TRUE(eye.IsContiguous());
  std::vector<std::uint32_t> timestamps;
  for (const auto& [number, timestamp] : eye.timestamps) timestamps.push_back(timestamp);
  for (std::size_t i = 1; i < 5; ++i) EXPECT_EQ(timestamps[kBefore + i], timestamps[kBefore]) << "one frame";
  EXPECT_EQ(timestamps[kBefore + 5] - timestamps[kBefore + 4], 3000u);
}

}  // namespace
}  // namespace jb::scenario
