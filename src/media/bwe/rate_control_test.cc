// SPDX-License-Identifier: Apache-2.0
// What is measured of rates, and what is made of it.
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "media/bwe/acknowledged_bitrate_estimator.h"
#include "media/bwe/aimd_rate_control.h"
#include "media/bwe/loss_based_bwe.h"
#include "media/bwe/rate_meter.h"

namespace jb::media {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time kT0{seconds(1000)};
constexpr Duration kRtt = milliseconds(50);

TEST(RateMeter, MeasuresASteadyStreamAndForgetsIt) {
  RateMeter meter;
  EXPECT_EQ(meter.bitrate_bps(kT0), 0u);
  Time now = kT0;
  for (int i = 0; i < 200; ++i, now += milliseconds(10)) meter.Add(1000, now);
  EXPECT_EQ(meter.bitrate_bps(now), 800'000u);
  EXPECT_LT(meter.bitrate_bps(now + milliseconds(250)), 500'000u);
  EXPECT_EQ(meter.bitrate_bps(now + seconds(1)), 0u);
}

TEST(RateMeter, AStreamThatJustBeganHasItsRateAlready) {
  RateMeter meter;
  Time now = kT0;
  for (int i = 0; i < 11; ++i, now += milliseconds(10)) meter.Add(1000, now);
  EXPECT_EQ(meter.bitrate_bps(now), 800'000u);
}

TEST(AcknowledgedBitrateEstimator, MeasuresWhatArrives) {
  AcknowledgedBitrateEstimator estimator;
  EXPECT_FALSE(estimator.bitrate_bps());
  for (int i = 0; i < 200; ++i) estimator.HandlePacket(1000, kT0 + i * milliseconds(10));
  EXPECT_EQ(estimator.bitrate_bps(), 800'000u);
  EXPECT_EQ(estimator.short_bitrate_bps(), 800'000u);
}

TEST(AcknowledgedBitrateEstimator, TheShortWindowKnowsOfAChangeSooner) {
  AcknowledgedBitrateEstimator estimator;
  Time now = kT0;
  for (int i = 0; i < 200; ++i, now += milliseconds(5)) estimator.HandlePacket(1000, now);
  for (int i = 0; i < 10; ++i, now += milliseconds(20)) estimator.HandlePacket(1000, now);
  EXPECT_EQ(estimator.short_bitrate_bps(), 400'000u);
  EXPECT_GT(*estimator.bitrate_bps(), 800'000u);
}

TEST(AcknowledgedBitrateEstimator, AGapIsNotTimeInWhichNothingArrived) {
  AcknowledgedBitrateEstimator estimator;
  Time now = kT0;
  for (int i = 0; i < 100; ++i, now += milliseconds(10)) estimator.HandlePacket(1000, now);
  now += milliseconds(300);
  estimator.HandleGap();
  for (int i = 0; i < 60; ++i, now += milliseconds(10)) {
    estimator.HandlePacket(1000, now);
    EXPECT_EQ(estimator.bitrate_bps(), 800'000u);
  }
}

TEST(AcknowledgedBitrateEstimator, FramesThatArriveAtOnceAverageOut) {
  AcknowledgedBitrateEstimator estimator;
  for (int frame = 0; frame < 100; ++frame) {
    for (int i = 0; i < 10; ++i) estimator.HandlePacket(1000, kT0 + frame * milliseconds(33) + Duration(50 * i));
  }
  EXPECT_NEAR(static_cast<double>(*estimator.bitrate_bps()), 10'000 * 8 / 0.033, 200'000);
}

TEST(AimdRateControl, FallsToBetaOfWhatArrives) {
  AimdRateControl control;
  control.Raise(3'000'000, kT0);
  control.Update(BandwidthUsage::kOverusing, 1'000'000, kRtt, kT0);
  EXPECT_EQ(control.bitrate_bps(), 850'000u);
  EXPECT_EQ(control.capacity_bps(), 1'000'000u);
}

TEST(AimdRateControl, NeverRisesByOveruse) {
  AimdRateControl control;
  control.Update(BandwidthUsage::kOverusing, 5'000'000, kRtt, kT0);
  EXPECT_EQ(control.bitrate_bps(), kStartBitrateBps);
}

// The bitrate after `span` of feedback every 100 ms with `acknowledged` of the bitrate arriving.
std::uint64_t After(AimdRateControl& control, Time& now, Duration span, double acknowledged) {
  for (const Time end = now + span; now < end; now += milliseconds(100)) {
    const auto arrives = static_cast<std::uint64_t>(acknowledged * static_cast<double>(control.bitrate_bps()));
    control.Update(BandwidthUsage::kNormal, arrives, kRtt, now);
  }
  return control.bitrate_bps();
}

TEST(AimdRateControl, GrowsByEightPercentPerSecondFarFromTheCapacity) {
  AimdRateControl control;
  Time now = kT0;
  const std::uint64_t later = After(control, now, seconds(10) + milliseconds(100), 1.0);
  EXPECT_NEAR(static_cast<double>(later), 600'000 * std::pow(1.08, 10), 5000);
}

TEST(AimdRateControl, GrowsByAPacketPerResponseTimeNearTheCapacity) {
  AimdRateControl control;
  Time now = kT0;
  control.Raise(1'200'000, now);
  control.Update(BandwidthUsage::kOverusing, 1'000'000, kRtt, now);
  const std::uint64_t before = control.bitrate_bps();
  // What arrives is the capacity: 9600 bits each 150 ms.
  for (int i = 0; i < 10; ++i) {
    now += milliseconds(100);
    control.Update(BandwidthUsage::kNormal, 1'000'000, kRtt, now);
  }
  EXPECT_NEAR(static_cast<double>(control.bitrate_bps() - before), 64'000, 1000);
}

TEST(AimdRateControl, DoesNotGrowFarAboveWhatArrives) {
  AimdRateControl control;
  Time now = kT0;
  for (int i = 0; i < 100; ++i, now += milliseconds(100)) {
    control.Update(BandwidthUsage::kNormal, 550'000, kRtt, now);
  }
  EXPECT_EQ(control.bitrate_bps(), 670'000u);
  // Nor does it fall because little is sent.
  control.Update(BandwidthUsage::kNormal, 100'000, kRtt, now);
  EXPECT_EQ(control.bitrate_bps(), 670'000u);
}

TEST(AimdRateControl, WaitsWhileAQueueDrainsAndStaysAboveTheFloor) {
  AimdRateControl control;
  control.Update(BandwidthUsage::kUnderusing, 600'000, kRtt, kT0);
  control.Update(BandwidthUsage::kUnderusing, 600'000, kRtt, kT0 + seconds(5));
  EXPECT_EQ(control.bitrate_bps(), kStartBitrateBps);
  control.Update(BandwidthUsage::kOverusing, 1000, kRtt, kT0 + seconds(6));
  EXPECT_EQ(control.bitrate_bps(), kMinBitrateBps);
}

// Feeds one second in ten feedbacks of 10 packets, `lost` of 100 missing.
void Second(LossBasedBwe& loss, Time& now, std::uint32_t lost, std::uint64_t acknowledged, std::uint64_t target) {
  static const std::vector<PacketResult> packets(10);
  for (std::uint32_t i = 0; i < 10; ++i, now += milliseconds(100)) {
    FeedbackResult feedback;
    feedback.lost = lost / 10;
    feedback.received = std::span(packets).first(10 - lost / 10);
    loss.HandleFeedback(feedback, acknowledged, target, now);
  }
}

TEST(LossBasedBwe, LittleLossIsNoBound) {
  LossBasedBwe loss;
  Time now = kT0;
  for (int i = 0; i < 10; ++i) Second(loss, now, 0, 1'000'000, 1'000'000);
  EXPECT_FALSE(loss.bound_bps());
}

// A small camera sends some thirty packets a second: of those, one in ten is easily two in ten.
TEST(LossBasedBwe, AmongFewPacketsALittleMoreLossMayBeChance) {
  const std::vector<PacketResult> packets(400);
  for (const auto& [sent, is_bound] : {std::pair{30u, false}, std::pair{400u, true}}) {
    LossBasedBwe loss;
    for (int i = 0; i < 2; ++i) {
      FeedbackResult feedback;
      feedback.lost = sent / 6;
      feedback.received = std::span(packets).first(sent - feedback.lost);
      loss.HandleFeedback(feedback, 180'000, 200'000, kT0 + i * milliseconds(1000));
    }
    EXPECT_EQ(loss.bound_bps().has_value(), is_bound) << sent;
  }
}

TEST(LossBasedBwe, LossThatGoesAwayWhenLessIsSentIsABound) {
  LossBasedBwe loss;
  Time now = kT0;
  std::uint64_t target = 1'000'000;
  // A policer at 800 kbit/s.
  for (int i = 0; i < 6; ++i) {
    const std::uint64_t sent = std::min(target, loss.bound_bps().value_or(target));
    Second(loss, now, sent > 800'000 ? 20 : 0, std::min<std::uint64_t>(sent, 800'000), target);
  }
  ASSERT_TRUE(loss.bound_bps());
  EXPECT_NEAR(static_cast<double>(*loss.bound_bps()), 780'000, 80'000);
  EXPECT_LT(loss.inherent_loss(), 0.02);
}

TEST(LossBasedBwe, LossThatStaysIsTheLinksOwn) {
  LossBasedBwe loss;
  Time now = kT0;
  int bounded = 0;
  for (int i = 0; i < 60; ++i) {
    Second(loss, now, 20, 900'000, 1'000'000);
    bounded += loss.bound_bps() ? 1 : 0;
  }
  EXPECT_FALSE(loss.bound_bps());
  EXPECT_LE(bounded, 4) << "found out within seconds";
  EXPECT_NEAR(loss.inherent_loss(), 0.2, 0.01);
}

TEST(LossBasedBwe, TheBoundIsLiftedOnceItDoesNotBind) {
  LossBasedBwe loss;
  Time now = kT0;
  Second(loss, now, 0, 800'000, 1'000'000);
  Second(loss, now, 20, 800'000, 1'000'000);
  for (int i = 0; i < 3; ++i) Second(loss, now, 0, 700'000, 1'000'000);
  ASSERT_TRUE(loss.bound_bps());
  for (int i = 0; i < 10; ++i) Second(loss, now, 0, 700'000, 1'000'000);
  EXPECT_FALSE(loss.bound_bps());
}

TEST(LossBasedBwe, LateIsNotLost) {
  LossBasedBwe loss;
  Time now = kT0;
  const std::vector<PacketResult> packets(10);
  for (int i = 0; i < 40; ++i, now += milliseconds(100)) {
    FeedbackResult feedback;
    feedback.lost = 5;
    feedback.recanted = 5;
    feedback.received = packets;
    loss.HandleFeedback(feedback, 1'000'000, 1'000'000, now);
  }
  EXPECT_LT(loss.loss(), 0.1);
  EXPECT_FALSE(loss.bound_bps());
}

}  // namespace
}  // namespace jb::media
