// SPDX-License-Identifier: Apache-2.0
// From arrivals to "overused": grouping, trend, threshold, standing queue.
#include <gtest/gtest.h>

#include <random>

#include "media/bwe/inter_arrival.h"
#include "media/bwe/overuse_detector.h"
#include "media/bwe/queueing_delay.h"
#include "media/bwe/trendline_estimator.h"

namespace jb::media {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time kT0{seconds(1000)};

PacketResult Packet(Duration sent, Duration arrived) { return {kT0 + sent, kT0 + arrived, 1000, 0, 0}; }

TEST(InterArrival, ComparesWholeGroups) {
  InterArrival inter_arrival;
  // Two packets sent within 5 ms are one group; a value comes with the first packet of the third group.
  EXPECT_FALSE(inter_arrival.HandlePacket(Packet(milliseconds(0), milliseconds(50))));
  EXPECT_FALSE(inter_arrival.HandlePacket(Packet(milliseconds(4), milliseconds(55))));
  EXPECT_FALSE(inter_arrival.HandlePacket(Packet(milliseconds(20), milliseconds(75))));
  const auto deltas = inter_arrival.HandlePacket(Packet(milliseconds(40), milliseconds(100)));
  ASSERT_TRUE(deltas);
  EXPECT_EQ(deltas->send, milliseconds(16));
  EXPECT_EQ(deltas->arrival, milliseconds(20));
  EXPECT_EQ(deltas->variation(), milliseconds(4));
}

TEST(InterArrival, PacketsThatWereHeldUpTogetherAreOneGroup) {
  InterArrival inter_arrival;
  inter_arrival.HandlePacket(Packet(milliseconds(0), milliseconds(50)));
  // Sent 20 ms apart, but a radio let them through at once.
  for (int i = 1; i <= 4; ++i) {
    EXPECT_FALSE(inter_arrival.HandlePacket(Packet(milliseconds(20 * i), milliseconds(150) + microseconds(100 * i))));
  }
  const auto deltas = inter_arrival.HandlePacket(Packet(milliseconds(200), milliseconds(250)));
  ASSERT_TRUE(deltas);
  EXPECT_EQ(deltas->send, milliseconds(80));
}

TEST(InterArrival, ReorderedPacketsAreNoDelay) {
  InterArrival inter_arrival;
  for (int i = 0; i < 20; ++i) inter_arrival.HandlePacket(Packet(milliseconds(20 * i), milliseconds(50 + 20 * i)));
  EXPECT_FALSE(inter_arrival.HandlePacket(Packet(milliseconds(100), milliseconds(440))));
}

TEST(InterArrival, AJumpOfTheClockBeginsAnew) {
  InterArrival inter_arrival;
  for (int i = 0; i < 5; ++i) inter_arrival.HandlePacket(Packet(milliseconds(20 * i), milliseconds(50 + 20 * i)));
  int values = 0;
  for (int i = 5; i < 9; ++i) {
    const auto deltas = inter_arrival.HandlePacket(Packet(milliseconds(20 * i), seconds(60) + milliseconds(20 * i)));
    if (!deltas) continue;
    ++values;
    EXPECT_LT(deltas->variation(), milliseconds(1));
  }
  EXPECT_GE(values, 1);
}

// Groups every 20 ms whose delay grows by `growth` each.
double TrendAfter(TrendlineEstimator& trendline, int groups, Duration growth) {
  double trend = 0;
  for (int i = 1; i <= groups; ++i) {
    const InterArrival::Deltas deltas{milliseconds(20), milliseconds(20) + growth, kT0 + i * (milliseconds(20) + growth)};
    trend = trendline.HandleDeltas(deltas).value_or(0);
  }
  return trend;
}

TEST(TrendlineEstimator, TheSlopeOfAQueueThatGrowsSteadilyIsItsGrowth) {
  TrendlineEstimator trendline;
  TrendAfter(trendline, 200, milliseconds(2));
  // 2 ms more in each 22 ms of arrival.
  EXPECT_NEAR(trendline.slope(), 2.0 / 22, 0.001);
}

TEST(TrendlineEstimator, AQueueThatStandsOrShrinksHasNoPositiveSlope) {
  TrendlineEstimator trendline;
  EXPECT_NEAR(TrendAfter(trendline, 100, Duration(0)), 0, 1e-9);
  EXPECT_LT(TrendAfter(trendline, 100, milliseconds(-1)), 0);
}

TEST(TrendlineEstimator, FewGroupsCountLess) {
  TrendlineEstimator few, many;
  EXPECT_LT(TrendAfter(few, 5, milliseconds(1)), TrendAfter(many, 60, milliseconds(1)) / 4);
}

TEST(OveruseDetector, OveruseNeedsTimeAndAGrowingTrend) {
  OveruseDetector detector;
  EXPECT_EQ(detector.HandleTrend(14, milliseconds(8), kT0), BandwidthUsage::kNormal) << "once is a glitch";
  EXPECT_EQ(detector.HandleTrend(15, milliseconds(8), kT0 + milliseconds(8)), BandwidthUsage::kOverusing);
  OveruseDetector falling;
  falling.HandleTrend(20, milliseconds(8), kT0);
  EXPECT_EQ(falling.HandleTrend(19, milliseconds(20), kT0 + milliseconds(20)), BandwidthUsage::kNormal);
}

TEST(OveruseDetector, AFallingQueueIsUnderuse) {
  OveruseDetector detector;
  EXPECT_EQ(detector.HandleTrend(-20, milliseconds(8), kT0), BandwidthUsage::kUnderusing);
  EXPECT_EQ(detector.HandleTrend(0, milliseconds(8), kT0 + milliseconds(8)), BandwidthUsage::kNormal);
}

TEST(OveruseDetector, TheThresholdFollowsTheNoiseButNotASpike) {
  OveruseDetector detector;
  Time now = kT0;
  for (int i = 0; i < 500; ++i, now += milliseconds(20)) detector.HandleTrend(0, milliseconds(20), now);
  EXPECT_DOUBLE_EQ(detector.threshold(), OveruseDetector::kMinThreshold);
  detector.HandleTrend(500, milliseconds(20), now);
  EXPECT_DOUBLE_EQ(detector.threshold(), OveruseDetector::kMinThreshold);
  // Draft section 5.4: it rises slowly, towards what is seen.
  for (int i = 0; i < 500; ++i, now += milliseconds(20)) {
    detector.HandleTrend(std::min(detector.threshold() + 10, 100.0), milliseconds(20), now);
  }
  EXPECT_GT(detector.threshold(), 50);
  EXPECT_LE(detector.threshold(), OveruseDetector::kMaxThreshold);
}

TEST(QueueingDelay, IsTheDelayAboveTheLeastWhateverTheClocksSay) {
  for (const Duration offset : {Duration(0), Duration(std::chrono::hours(-7)), Duration(std::chrono::hours(9))}) {
    QueueingDelay queue;
    Time now = kT0;
    for (int i = 0; i < 100; ++i, now += milliseconds(10)) queue.HandlePacket(now, now + offset + milliseconds(30));
    EXPECT_EQ(queue.standing(), Duration(0));
    for (int i = 0; i < 100; ++i, now += milliseconds(10)) queue.HandlePacket(now, now + offset + milliseconds(110));
    EXPECT_EQ(queue.standing(), milliseconds(80));
  }
}

TEST(QueueingDelay, NoiseIsNoQueue) {
  QueueingDelay queue;
  std::mt19937 random(1);
  Time now = kT0;
  Duration most{};
  for (int i = 0; i < 2000; ++i, now += milliseconds(5)) {
    queue.HandlePacket(now, now + milliseconds(30 + random() % 40));
    if (i > 20) most = std::max(most, queue.standing());
  }
  EXPECT_LT(most, milliseconds(30));
}

TEST(QueueingDelay, ForgetsABaseOfLongAgoAndOneItIsToldToForget) {
  QueueingDelay queue;
  Time now = kT0;
  const auto run = [&](Duration delay, Duration span) {
    for (const Time end = now + span; now < end; now += milliseconds(20)) queue.HandlePacket(now, now + delay);
  };
  run(milliseconds(30), seconds(5));
  run(milliseconds(130), seconds(5));
  EXPECT_EQ(queue.standing(), milliseconds(100));
  run(milliseconds(130), seconds(40));
  EXPECT_EQ(queue.standing(), Duration(0));
  run(milliseconds(230), seconds(1));
  EXPECT_EQ(queue.standing(), milliseconds(100));
  queue.Rebase();
  EXPECT_EQ(queue.standing(), Duration(0));
}

}  // namespace
}  // namespace jb::media
