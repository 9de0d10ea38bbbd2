// SPDX-License-Identifier: Apache-2.0
#include "media/bwe/layer_allocator.h"

#include <gtest/gtest.h>

#include <vector>

namespace jb::media {
namespace {

using std::chrono::seconds;

constexpr Time kT0{seconds(1000)};

LayerLadder Camera() {
  LayerLadder ladder;
  ladder.Add({{0, 0}, 60'000});
  ladder.Add({{0, 1}, 90'000});
  ladder.Add({{0, 2}, 150'000});
  ladder.Add({{1, 0}, 200'000});
  ladder.Add({{1, 1}, 300'000});
  ladder.Add({{1, 2}, 500'000});
  ladder.Add({{2, 0}, 600'000});
  ladder.Add({{2, 1}, 900'000});
  ladder.Add({{2, 2}, 1'500'000});
  return ladder;
}

class Room {
 public:
  explicit Room(std::vector<std::uint8_t> priorities) : memories(priorities.size()) {
    for (std::size_t i = 0; i < priorities.size(); ++i) demands.push_back({&ladder, priorities[i], &memories[i]});
  }
  // Allocates, remembers, and says what each gets.
  std::vector<std::optional<Layers>> Share(std::uint64_t bps) {
    LayerAllocator::Allocate(demands, bps, now);
    LayerAllocator::Remember(demands, bps, now);
    std::vector<std::optional<Layers>> out;
    for (const StepMemory& memory : memories) out.push_back(memory.held());
    return out;
  }

  Time now = kT0;
  LayerLadder ladder = Camera();
  std::vector<StepMemory> memories;
  std::vector<LayerDemand> demands;
};

TEST(LayerAllocator, OneVideoGetsTheBestStepThatFits) {
  EXPECT_EQ(Room({1}).Share(10'000'000)[0], (Layers{2, 2}));
  EXPECT_EQ(Room({1}).Share(400'000)[0], (Layers{1, 1}));
  EXPECT_EQ(Room({1}).Share(80'000)[0], (Layers{0, 0}));
  EXPECT_EQ(Room({1}).Share(50'000)[0], std::nullopt);
}

// Its key frame alone would fill a small link for as long as all the pictures of half a second.
TEST(LayerAllocator, ALargerPictureIsBegunOnlyWithRoomToMove) {
  Room room({1});
  EXPECT_EQ(room.Share(300'000)[0], (Layers{0, 2})) << "250 kbit/s would be enough for the roughest of the larger ones";
  EXPECT_EQ(room.Share(374'000)[0], (Layers{0, 2}));
  EXPECT_EQ(room.Share(376'000)[0], (Layers{1, 1}));
  EXPECT_EQ(room.Share(280'000)[0], (Layers{1, 1}));
  EXPECT_EQ(room.Share(320'000)[0], (Layers{1, 1}));
  EXPECT_EQ(room.Share(275'000)[0], (Layers{0, 2}));
}

TEST(LayerAllocator, WhatIsAlwaysShownIsShownOnAnyLinkAndPaidForFirst) {
  Room room({1, 1});
  room.demands[0].always = true;
  EXPECT_EQ(room.Share(1000), (std::vector<std::optional<Layers>>{Layers{0, 0}, std::nullopt}));
  EXPECT_EQ(room.Share(100'000), (std::vector<std::optional<Layers>>{Layers{0, 0}, std::nullopt}));
  EXPECT_EQ(room.Share(160'000), (std::vector<std::optional<Layers>>{Layers{0, 0}, Layers{0, 0}}));
}

// Its base alone would fit, and would cost the key frame that did not.
TEST(LayerAllocator, ASizeThatWasGivenUpSoonIsClosedWithAllItsLayers) {
  Room room({1});
  EXPECT_EQ(room.Share(190'000)[0], (Layers{0, 2}));
  EXPECT_EQ(room.Share(400'000)[0], (Layers{1, 1}));
  room.now += std::chrono::seconds(2);
  LayerAllocator::Allocate(room.demands, 150'000, room.now);
  EXPECT_TRUE(LayerAllocator::AnyLosesSize(room.demands));
  EXPECT_EQ(room.Share(150'000)[0], (Layers{0, 2}));
  room.now += std::chrono::seconds(2);
  EXPECT_EQ(room.Share(390'000)[0], (Layers{0, 2})) << "the base of the larger one fits";
  EXPECT_FALSE(LayerAllocator::AnyLosesSize(room.demands));
  room.now += std::chrono::seconds(10);
  EXPECT_EQ(room.Share(390'000)[0], (Layers{1, 1}));
}

TEST(LayerAllocator, EverybodyIsSeenBeforeAnybodyIsSeenWell) {
  const auto shared = Room({1, 1, 1, 1}).Share(320'000);
  for (const auto& layers : shared) EXPECT_EQ(layers, (Layers{0, 0}));
}

TEST(LayerAllocator, EqualsShareAndMoreImportantOnesClimbFaster) {
  const auto equal = Room({1, 1}).Share(550'000);
  EXPECT_EQ(equal[0], equal[1]);
  const auto unequal = Room({4, 1}).Share(900'000);
  EXPECT_EQ(unequal[0], (Layers{1, 2}));
  EXPECT_EQ(unequal[1], (Layers{0, 2}));
}

TEST(LayerAllocator, AHeldStepIsKeptWhereANewOneWouldNotBeTaken) {
  Room room({1});
  EXPECT_EQ(room.Share(530'000)[0], (Layers{1, 1})) << "500 kbit/s and the margin for a new size";
  EXPECT_EQ(room.Share(565'000)[0], (Layers{1, 2}));
  EXPECT_EQ(room.Share(530'000)[0], (Layers{1, 2}));
  EXPECT_EQ(room.Share(480'000)[0], (Layers{1, 2}));
  EXPECT_EQ(room.Share(450'000)[0], (Layers{1, 1}));
}

TEST(LayerAllocator, ASizeThatFailedSoonStaysClosedForAWhileThenLonger) {
  Room room({1});
  std::vector<Duration> waits;
  for (int turn = 0; turn < 3; ++turn) {
    ASSERT_EQ(room.Share(400'000)[0], (Layers{1, 1}));
    room.now += seconds(1);
    ASSERT_EQ(room.Share(150'000)[0], (Layers{0, 2}));
    const Time closed = room.now;
    while (room.Share(400'000)[0] != Layers{1, 1}) room.now += std::chrono::milliseconds(100);
    waits.push_back(room.now - closed);
    room.now += seconds(1);
    room.Share(150'000);
    room.now += seconds(100);
  }
  EXPECT_EQ(waits[0], seconds(10));
  EXPECT_GT(waits[1], seconds(10));
}

TEST(LayerAllocator, ATemporalLayerThatFailedSoonMayComeBackSoon) {
  Room room({1});
  for (int turn = 0; turn < 3; ++turn) {
    ASSERT_EQ(room.Share(700'000)[0], (Layers{1, 2}));
    room.now += seconds(1);
    ASSERT_EQ(room.Share(300'000)[0], (Layers{1, 1}));
    EXPECT_EQ(room.Share(700'000)[0], (Layers{1, 1})) << "not in the same moment";
    room.now += seconds(2);
  }
}

// Rate control makes the rarest pictures small for a moment.
TEST(LayerAllocator, ASizeThatFailedIsNotNewsBecauseItLooksCheaper) {
  Room room({1});
  ASSERT_EQ(room.Share(400'000)[0], (Layers{1, 1}));
  room.now += seconds(1);
  ASSERT_EQ(room.Share(150'000)[0], (Layers{0, 2}));
  const LayerLadder whole = room.ladder;
  room.ladder.Clear();
  for (LayerLadder::Step step : whole) {
    if (step.layers.spatial == 1) step.bitrate_bps /= 3;
    room.ladder.Add(step);
  }
  room.now += seconds(1);
  EXPECT_EQ(room.Share(300'000)[0], (Layers{0, 2}));
}

TEST(LayerAllocator, AClosedStepOpensWhenThereIsMuchMoreThanItNeeds) {
  Room room({1});
  room.Share(700'000);
  room.now += seconds(1);
  room.Share(300'000);
  room.now += seconds(1);
  EXPECT_EQ(room.Share(700'000)[0], (Layers{1, 1}));
  EXPECT_EQ(room.Share(3'000'000)[0], (Layers{2, 2}));
}

TEST(LayerAllocator, AStepThatWasHeldLongMayComeBackAtOnce) {
  Room room({1});
  room.Share(3'000'000);
  room.now += seconds(60);
  room.Share(300'000);
  room.now += seconds(1);
  EXPECT_EQ(room.Share(3'000'000)[0], (Layers{2, 2}));
}

TEST(LayerAllocator, WhatTheReceiverGaveUpItselfIsNotClosed) {
  Room room({1});
  room.Share(3'000'000);
  const LayerLadder whole = room.ladder;
  room.ladder.Clear();
  for (std::size_t i = 0; i < 4; ++i) room.ladder.Add(whole[i]);
  room.now += seconds(1);
  EXPECT_EQ(room.Share(3'000'000)[0], (Layers{1, 0})) << "it prefers a smaller one";
  room.ladder = whole;
  room.now += seconds(1);
  EXPECT_EQ(room.Share(2'000'000)[0], (Layers{2, 2}));
}

TEST(LayerAllocator, ThinningLeavesOutSmoothnessOfTheLeastImportantAndNoPicture) {
  Room room({2, 1});
  room.Share(10'000'000);
  LayerAllocator::Allocate(room.demands, 10'000'000, room.now);
  LayerAllocator::Thin(room.demands, 2'200'000);
  EXPECT_EQ(room.ladder[room.demands[0].step].layers, (Layers{2, 2}));
  EXPECT_EQ(room.ladder[room.demands[1].step].layers, (Layers{2, 0}));
  LayerAllocator::Thin(room.demands, 0);
  EXPECT_EQ(room.ladder[room.demands[0].step].layers, (Layers{2, 0}));
}

TEST(LayerAllocator, AVideoThatSendsNothingTakesNothing) {
  Room room({1, 1});
  const LayerLadder empty;
  room.demands[0].ladder = &empty;
  LayerAllocator::Allocate(room.demands, 10'000'000, kT0);
  EXPECT_EQ(room.demands[0].step, 0u);
  EXPECT_EQ(room.ladder[room.demands[1].step].layers, (Layers{2, 2}));
  EXPECT_EQ(LayerAllocator::UsefulBitrate(room.demands), 2'062'501u);
}

}  // namespace
}  // namespace jb::media
