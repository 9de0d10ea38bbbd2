// SPDX-License-Identifier: Apache-2.0
// Sound that is lost on the way and made good by what other packets carry of it.
#include <gtest/gtest.h>

#include "scenario/call.h"

namespace jb::scenario {
namespace {

struct ListenersTest : ::testing::Test {
  // Two seconds of sound, in which both listeners report once.
  void Talk(std::uint8_t first_loses, std::uint8_t second_loses) {
    for (int i = 0; i < 100; ++i) {
      mic.SendOpus();
      if (i == 10) first.SendReceiverReport(first_loses);
      if (i == 20) second.SendReceiverReport(second_loses);
      call.world.Run(20ms);
    }
  }
  Call call;
  MediaSender& mic = call.Microphone();
  MediaReceiver& first = call.Watch("mic");
  MediaReceiver& second = call.Watch("mic");
};

TEST_F(ListenersTest, TheSpeakerHearsOfTheWorstLossBehindTheServer) {
  call.Connect();
  Talk(0, 0);
  EXPECT_EQ(mic.fraction_lost, 0);
  Talk(10, 26);
  EXPECT_EQ(mic.fraction_lost, 26);
  Talk(10, 0);
  EXPECT_EQ(mic.fraction_lost, 10);
}

TEST_F(ListenersTest, LossThatIsNotReportedAnyMoreIsForgotten) {
  call.Connect();
  Talk(26, 0);
  ASSERT_EQ(mic.fraction_lost, 26);
  for (int i = 0; i < 350; ++i) {
    mic.SendOpus();
    call.world.Run(20ms);
  }
  EXPECT_EQ(mic.fraction_lost, 0);
}

TEST_F(ListenersTest, AListenerWhoPausedCountsNoMore) {
  call.Connect();
  Talk(0, 26);
  ASSERT_EQ(mic.fraction_lost, 26);
  ASSERT_TRUE(call.world.worker().PauseConsumer(call.last_consumer, call.world.now()).ok());
  Talk(0, 26);
  EXPECT_EQ(mic.fraction_lost, 0);
}

TEST(Listeners, LossOfPicturesIsTheServersOwnMatter) {
  Call call;
  MediaSender& camera = call.Camera();
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  call.SendVideo(camera, 30, true);
  eye.SendReceiverReport(100);
  call.SendVideo(camera, 60, true);
  EXPECT_EQ(camera.fraction_lost, 0);
}

}  // namespace
}  // namespace jb::scenario
