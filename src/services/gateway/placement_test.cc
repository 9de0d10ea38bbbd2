// SPDX-License-Identifier: Apache-2.0
#include "services/gateway/placement.h"

#include <gtest/gtest.h>

#include <vector>

namespace jb::services {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr PlacementRules kRules;

WorkerLoad Load(double share, std::size_t people = 0, std::size_t of_room = 0) {
  return {.up = true, .share = share, .per_packet_us = 1, .people = people, .of_room = of_room};
}
std::size_t ForNewcomer(const std::vector<WorkerLoad>& workers, std::size_t home) {
  return ChooseForNewcomer(workers, home, kRules).value_or(99);
}

TEST(LoadMeter, MeasuresTheShareOfACoreAndTheCostOfAPacket) {
  LoadMeter meter;
  Time now(seconds(100));
  for (int i = 0; i < 20; ++i) {
    meter.HandleSample(i * milliseconds(300), static_cast<std::uint64_t>(i) * 100'000, now);
    now += seconds(1);
  }
  EXPECT_NEAR(meter.share(now), 0.3, 0.01);
  EXPECT_NEAR(meter.packets_per_second(), 100'000, 1000);
  EXPECT_NEAR(meter.per_packet_us(), 3, 0.1);
}

TEST(LoadMeter, TakesTheUsualCostOfAPacketWhileThereAreFew) {
  LoadMeter meter;
  for (int i = 0; i < 20; ++i) {
    meter.HandleSample(i * milliseconds(20), static_cast<std::uint64_t>(i) * 100, Time(seconds(100 + i)));
  }
  EXPECT_NEAR(meter.per_packet_us(), 1.5, 1e-9);
}

TEST(LoadMeter, OneBusySecondIsNoTrend) {
  LoadMeter meter;
  for (int i = 0; i < 5; ++i) meter.HandleSample({}, 0, Time(seconds(100 + i)));
  meter.HandleSample(seconds(1), 1000, Time(seconds(105)));
  EXPECT_LT(meter.measured_share(), 0.5);
}

TEST(LoadMeter, CountsThoseWhoHaveJustComeUntilTheyAreMeasured) {
  LoadMeter meter;
  const Time now(seconds(100));
  for (int i = 0; i < 50; ++i) meter.Promise(0.01, now);
  EXPECT_NEAR(meter.share(now), 0.5, 1e-9);
  EXPECT_LT(meter.share(now + seconds(20)), 0.01);
  EXPECT_EQ(meter.measured_share(), 0);
}

TEST(Placement, ARoomGoesToTheLeastLoadedWorker) {
  EXPECT_EQ(ChooseForRoom(std::vector{Load(0.6, 3), Load(0.2, 9), Load(0.4, 1)}, kRules), 1u);
}

TEST(Placement, LoadsThatOnlyWaverAreTheSameAndPeopleDecide) {
  EXPECT_EQ(ChooseForRoom(std::vector{Load(0.10, 9), Load(0.13, 2)}, kRules), 1u);
  EXPECT_EQ(ChooseForRoom(std::vector{Load(0.13, 2), Load(0.10, 9)}, kRules), 0u);
}

TEST(Placement, AWorkerThatIsDownIsGivenNobody) {
  std::vector<WorkerLoad> workers{Load(0.0), Load(0.5)};
  workers[0].up = false;
  EXPECT_EQ(ChooseForRoom(workers, kRules), 1u);
  EXPECT_EQ(ForNewcomer(workers, 0), 1u);
  workers[1].up = false;
  EXPECT_EQ(ChooseForRoom(workers, kRules), std::nullopt);
  EXPECT_EQ(ChooseForNewcomer(workers, 0, kRules), std::nullopt);
}

TEST(Placement, ASmallRoomIsNeverSplit) {
  EXPECT_EQ(ForNewcomer({Load(0.95, 7, 7), Load(0.0)}, 0), 0u);
}

TEST(Placement, ALargeRoomStaysWholeWhileItFits) {
  EXPECT_EQ(ForNewcomer({Load(0.5, 40, 40), Load(0.0)}, 0), 0u);
}

TEST(Placement, ALargeRoomSpansWhenItsWorkerIsNearlyFull) {
  EXPECT_EQ(ForNewcomer({Load(0.69, 40, 40), Load(0.1)}, 0), 1u);
}

TEST(Placement, NewcomersGoWhereTheRoomIsBeforeAThirdWorkerIsTakenIn) {
  EXPECT_EQ(ForNewcomer({Load(0.69, 40, 40), Load(0.3, 3, 3), Load(0.0)}, 0), 1u);
  EXPECT_EQ(ForNewcomer({Load(0.69, 40, 40), Load(0.69, 3, 3), Load(0.0)}, 0), 2u);
}

TEST(Placement, NothingIsGainedByCrossingToAWorkerThatIsAsFull) {
  EXPECT_EQ(ForNewcomer({Load(0.9, 40, 40), Load(0.8)}, 0), 0u);
  EXPECT_EQ(ForNewcomer({Load(0.9, 40, 40), Load(0.85, 3, 3), Load(0.8)}, 0), 1u);
}

// A meeting of 200 that everybody joins in the same second: nothing is measured yet.
TEST(Placement, ARushOfNewcomersIsSpreadByWhatTheyWillCost) {
  std::vector<LoadMeter> meters(4);
  std::vector<std::size_t> people(4);
  const Time now(seconds(100));
  for (std::size_t i = 0; i < 200; ++i) {
    std::vector<WorkerLoad> workers;
    for (std::size_t w = 0; w < 4; ++w) {
      workers.push_back({true, meters[w].share(now), meters[w].per_packet_us(), people[w], people[w]});
    }
    const std::size_t chosen = ForNewcomer(workers, 0);
    ++people[chosen];
    meters[chosen].Promise(ExpectedShare(i, meters[chosen].per_packet_us()), now);
  }
  EXPECT_EQ(people[0] + people[1] + people[2] + people[3], 200u);
  for (const std::size_t n : people) EXPECT_GE(n, 25u);
}

}  // namespace
}  // namespace jb::services
