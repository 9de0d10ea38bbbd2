// SPDX-License-Identifier: Apache-2.0
#include "media/layers/spatial_flow.h"

#include <gtest/gtest.h>

namespace jb::media {
namespace {

using namespace std::chrono_literals;

constexpr Time kStart{std::chrono::seconds(100)};

class SpatialFlowTest : public ::testing::Test {
 protected:
  // Frames of two packets, 30 per second, of the layers named.
  void Run(int frames, std::initializer_list<std::uint8_t> layers) {
    for (int i = 0; i < frames; ++i) {
      now_ += 33ms;
      for (const std::uint8_t s : layers) {
        flow_.HandlePacket(s, true, now_);
        flow_.HandlePacket(s, false, now_);
      }
      changes_ += flow_.Update(now_) ? 1 : 0;
    }
  }
  SpatialFlow flow_{1500ms};
  Time now_ = kStart;
  int changes_ = 0;
};

TEST_F(SpatialFlowTest, ALayerFlowsFromItsFirstPacketOn) {
  EXPECT_FALSE(flow_.any());
  Run(1, {0, 2});
  EXPECT_TRUE(flow_.Flows(0));
  EXPECT_FALSE(flow_.Flows(1));
  EXPECT_TRUE(flow_.Flows(2));
  EXPECT_FALSE(flow_.Flows(9));
  EXPECT_EQ(changes_, 1);
}

TEST_F(SpatialFlowTest, AStopIsSeenByWhatTheOthersSend) {
  Run(30, {0, 1, 2});
  Run(12, {0, 1});
  EXPECT_TRUE(flow_.Flows(2)) << "396 ms";
  Run(1, {0, 1});
  EXPECT_FALSE(flow_.Flows(2));
  EXPECT_TRUE(flow_.Flows(1));
}

TEST_F(SpatialFlowTest, AFewFramesLeftOutAreNoStop) {
  for (int i = 0; i < 50; ++i) {
    Run(3, {0, 1});
    Run(8, {0});
  }
  EXPECT_TRUE(flow_.Flows(1));
  EXPECT_EQ(changes_, 1);
}

TEST_F(SpatialFlowTest, WhenAllAreSlowNoneHasStopped) {
  for (int i = 0; i < 20; ++i) {
    now_ += 1s;
    flow_.HandlePacket(0, true, now_);
    now_ += 300ms;
    flow_.HandlePacket(1, true, now_);
    flow_.Update(now_);
    EXPECT_TRUE(flow_.Flows(0) && flow_.Flows(1)) << i;
  }
}

TEST_F(SpatialFlowTest, SilenceEndsThemAll) {
  Run(30, {0, 1});
  EXPECT_FALSE(flow_.Update(now_ + 1500ms));
  EXPECT_TRUE(flow_.Update(now_ + 1501ms));
  EXPECT_FALSE(flow_.any());
}

TEST_F(SpatialFlowTest, OneThatComesBackHasToLastBeforeItCounts) {
  Run(30, {0, 1});
  Run(30, {0});
  ASSERT_FALSE(flow_.Flows(1));
  Run(30, {0, 1});
  EXPECT_FALSE(flow_.Flows(1)) << "not a second yet";
  Run(2, {0, 1});
  EXPECT_TRUE(flow_.Flows(1));
}

TEST_F(SpatialFlowTest, TheOnlyOneThatComesBackCountsAtOnce) {
  Run(30, {0});
  flow_.Update(now_ + 5s);
  now_ += 5s;
  Run(1, {0});
  EXPECT_TRUE(flow_.Flows(0));
}

}  // namespace
}  // namespace jb::media
