// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "media/bwe/probe_bitrate_estimator.h"
#include "media/bwe/probe_controller.h"

namespace jb::media {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time kT0{seconds(1000)};

struct SentCluster {
  ProbeClusterId id = 0;
  std::size_t bytes = 0, packets = 0, largest = 0;
  Duration span{};
  double bitrate_bps() const { return static_cast<double>(bytes - largest) * 8 / ToSeconds(span); }
};

// Sends everything that is due until a cluster has ended, at most until `until`.
SentCluster SendCluster(ProbeController& probes, Time& now, Time until) {
  SentCluster out;
  Time first{};
  while (probes.NextDeadline() && *probes.NextDeadline() <= until) {
    now = std::max(now, *probes.NextDeadline());
    const bool ended = probes.HandleTimeout(now).has_value();
    if (ended && out.packets > 0) return out;
    while (const std::size_t size = probes.PaddingDue(now)) {
      if (out.packets == 0) first = now;
      out.id = probes.active_cluster();
      out.bytes += size;
      out.largest = size;
      ++out.packets;
      out.span = now - first;
      probes.HandleSent(size);
    }
  }
  return out;
}

TEST(ProbeController, BeginsWithThreeTimesTheEstimateOnceThereIsMedia) {
  ProbeController probes;
  probes.SetBitrates(600'000, 10'000'000, kT0);
  EXPECT_FALSE(probes.NextDeadline());
  probes.Start(kT0);
  Time now = kT0;
  const SentCluster cluster = SendCluster(probes, now, kT0 + milliseconds(100));
  EXPECT_NEAR(cluster.bitrate_bps(), 1'800'000, 100'000);
  EXPECT_GE(cluster.packets, ProbeController::kMinPackets);
  EXPECT_LE(cluster.largest, ProbeController::kMaxPacketSize);
  EXPECT_NEAR(ToSeconds(cluster.span), 0.012, 0.004);
}

TEST(ProbeController, ProbesNoFurtherThanIsOfUseAndNotAtAllWhenThatFits) {
  ProbeController probes;
  probes.SetBitrates(600'000, 900'000, kT0);
  probes.Start(kT0);
  Time now = kT0;
  EXPECT_NEAR(SendCluster(probes, now, kT0 + milliseconds(100)).bitrate_bps(), 900'000, 60'000);
  probes.SetBitrates(900'000, 900'000, now);
  EXPECT_EQ(SendCluster(probes, now, kT0 + seconds(60)).packets, 0u);
}

TEST(ProbeController, GoesOnAtOnceAfterSuccessAndNowAndThenWithout) {
  ProbeController probes;
  probes.SetBitrates(600'000, 10'000'000, kT0);
  probes.Start(kT0);
  Time now = kT0;
  const SentCluster first = SendCluster(probes, now, kT0 + milliseconds(100));
  now += milliseconds(150);
  probes.SetBitrates(1'800'000, 10'000'000, now);
  probes.HandleSuccess(first.id, now);
  const Time asked = now;
  const SentCluster second = SendCluster(probes, now, kT0 + seconds(1));
  EXPECT_LT(now - asked, milliseconds(150));
  EXPECT_NEAR(second.bitrate_bps(), 1'800'000 * ProbeController::kStep, 200'000);
  const Time ended = now;
  EXPECT_GT(SendCluster(probes, now, kT0 + seconds(10)).packets, 0u);
  EXPECT_NEAR(ToSeconds(now - ended), ToSeconds(ProbeController::kInterval), 0.1);
}

TEST(ProbeController, WhatFilledThePathIsConfirmedBySlowerProbes) {
  ProbeController probes;
  probes.SetBitrates(600'000, 10'000'000, kT0);
  probes.Start(kT0);
  Time now = kT0;
  const SentCluster first = SendCluster(probes, now, kT0 + milliseconds(100));
  probes.HandleSaturated(first.id, 1'000'000, now + milliseconds(150));
  const SentCluster second = SendCluster(probes, now, kT0 + seconds(1));
  EXPECT_NEAR(second.bitrate_bps(), 900'000, 60'000);
  EXPECT_NEAR(static_cast<double>(second.bytes), 900'000 * ToSeconds(ProbeController::kConfirmTime) / 8, 1200);
  // No more than the estimate: nothing to confirm.
  probes.HandleSaturated(second.id, 600'000, now);
  EXPECT_EQ(SendCluster(probes, now, now + milliseconds(1500)).packets, 0u);
}

TEST(ProbeController, StopsAndWaitsAfterOveruseAndOnABusyPath) {
  ProbeController probes;
  probes.SetBitrates(600'000, 10'000'000, kT0);
  probes.Start(kT0);
  probes.HandleTimeout(kT0);
  EXPECT_NE(probes.active_cluster(), 0);
  probes.HandleOveruse(kT0);
  EXPECT_EQ(probes.active_cluster(), 0);
  EXPECT_GE(*probes.NextDeadline(), kT0 + ProbeController::kAfterOveruse);
  const Time later = kT0 + ProbeController::kAfterOveruse;
  probes.HandleBusy(later);
  EXPECT_GT(*probes.NextDeadline(), later);
}

TEST(ProbeController, MediaFillsAClusterToo) {
  ProbeController probes;
  probes.SetBitrates(600'000, 10'000'000, kT0);
  probes.Start(kT0);
  probes.HandleTimeout(kT0);
  for (int i = 0; i < 10; ++i) probes.HandleSent(1200);
  EXPECT_EQ(probes.PaddingDue(kT0 + milliseconds(50)), 0u);
  EXPECT_TRUE(probes.HandleTimeout(kT0 + milliseconds(50)));
}

// A cluster of `count` packets of 1000 bytes, sent each `gap`, arriving each `arrival_gap`.
void Feed(ProbeBitrateEstimator& estimator, ProbeClusterId id, int count, Duration gap, Duration arrival_gap,
          int lose_every = 1000) {
  for (int i = 0; i < count; ++i) estimator.HandleSent(id);
  for (int i = 0; i < count; ++i) {
    if (i % lose_every == lose_every - 1) continue;
    estimator.HandleArrived({kT0 + i * gap, kT0 + seconds(5) + i * arrival_gap, 1000, 0, id});
  }
}

TEST(ProbeBitrateEstimator, ArrivingAsFastAsSentIsTheRateOfSending) {
  ProbeBitrateEstimator estimator;
  Feed(estimator, 1, 6, milliseconds(4), milliseconds(4));
  const auto result = estimator.Poll();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->bitrate_bps, 2'000'000u);
  EXPECT_FALSE(result->saturated);
  EXPECT_FALSE(estimator.Poll());
}

TEST(ProbeBitrateEstimator, ArrivingMoreSlowlyIsWhatThePathCarries) {
  ProbeBitrateEstimator estimator;
  Feed(estimator, 1, 6, milliseconds(4), milliseconds(16));
  const auto result = estimator.Poll();
  ASSERT_TRUE(result);
  EXPECT_EQ(result->bitrate_bps, 500'000u);
  EXPECT_TRUE(result->saturated);
}

TEST(ProbeBitrateEstimator, OfALongProbeALittleDelayIsJitterAndTheLowerRateIsBelieved) {
  ProbeBitrateEstimator estimator;
  Feed(estimator, 1, 16, milliseconds(4), std::chrono::microseconds(4600));
  const auto jittered = estimator.Poll();
  ASSERT_TRUE(jittered);
  EXPECT_FALSE(jittered->saturated);
  EXPECT_NEAR(static_cast<double>(jittered->bitrate_bps), 1'740'000, 10'000);
  Feed(estimator, 2, 16, milliseconds(4), std::chrono::microseconds(4800));
  ASSERT_TRUE(estimator.Poll()->saturated);
  Feed(estimator, 3, 5, milliseconds(4), std::chrono::microseconds(4600));
  EXPECT_TRUE(estimator.Poll()->saturated) << "too short to tell";
}

TEST(ProbeBitrateEstimator, WhatWasHeldUpAndWhatMostlyDidNotArriveSaysNothing) {
  ProbeBitrateEstimator estimator;
  Feed(estimator, 1, 6, milliseconds(4), milliseconds(1));
  EXPECT_FALSE(estimator.Poll());
  Feed(estimator, 2, 4, milliseconds(4), milliseconds(4));
  EXPECT_FALSE(estimator.Poll()) << "too few were sent";
  for (int i = 0; i < 10; ++i) estimator.HandleSent(3);
  for (int i = 0; i < 4; ++i) estimator.HandleArrived({kT0 + i * milliseconds(4), kT0 + i * milliseconds(4), 1000, 0, 3});
  EXPECT_FALSE(estimator.Poll());
}

TEST(ProbeBitrateEstimator, LossLowersTheResultByItsShareOnly) {
  ProbeBitrateEstimator estimator;
  Feed(estimator, 1, 10, milliseconds(4), milliseconds(4), /*lose_every=*/5);
  const auto result = estimator.Poll();
  ASSERT_TRUE(result);
  EXPECT_NEAR(static_cast<double>(result->bitrate_bps), 1'700'000, 100'000);
  EXPECT_FALSE(result->saturated);
}

TEST(ProbeBitrateEstimator, FeedbackOnAClusterThatWasNeverSentIsIgnored) {
  ProbeBitrateEstimator estimator;
  for (int i = 0; i < 10; ++i) estimator.HandleArrived({kT0, kT0 + i * milliseconds(1), 1000, 0, 77});
  EXPECT_FALSE(estimator.Poll());
}

}  // namespace
}  // namespace jb::media
