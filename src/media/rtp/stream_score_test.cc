// SPDX-License-Identifier: Apache-2.0
#include "media/rtp/stream_score.h"

#include <gtest/gtest.h>

namespace jb::media {
namespace {

// Intervals of 100 packets each.
class Stream {
 public:
  bool Interval(std::uint64_t lost, std::uint64_t resent = 0) {
    totals_.packets += 100;
    totals_.lost += lost;
    totals_.resent += resent;
    return score.Add(totals_);
  }
  StreamScore score;

 private:
  StreamScore::Totals totals_;
};

TEST(StreamScore, EverythingThatComesIsTen) {
  Stream stream;
  EXPECT_EQ(stream.score.value(), 10);
  EXPECT_FALSE(stream.Interval(0)) << "no news";
  EXPECT_EQ(stream.score.value(), 10);
}

TEST(StreamScore, LossCountsToTheFourthPower) {
  for (const auto& [lost, score] : {std::pair{5u, 8}, {10u, 7}, {20u, 4}, {30u, 2}, {50u, 1}, {60u, 0}, {100u, 0}}) {
    Stream stream;
    EXPECT_TRUE(stream.Interval(lost));
    EXPECT_EQ(stream.score.value(), score) << lost << " of 100";
  }
}

TEST(StreamScore, WhatWasRepairedCountsAlmostAsIfItHadCome) {
  Stream stream;
  stream.Interval(10, 10);  // (90 + 10 / 1.1^4) / 100, to the fourth power: 0.88
  EXPECT_EQ(stream.score.value(), 9);
  Stream twice;
  twice.Interval(10, 20);  // (90 + 0.5 * 10 / 1.1^4) / 100: 0.76
  EXPECT_EQ(twice.score.value(), 8);
}

TEST(StreamScore, TheLatestWeighsMostAndTheOldestIsForgotten) {
  Stream stream;
  for (std::size_t i = 0; i < StreamScore::kIntervals; ++i) stream.Interval(0);
  EXPECT_TRUE(stream.Interval(100));
  EXPECT_EQ(stream.score.value(), 9);  // 24 of 300 shares are gone
  EXPECT_TRUE(stream.Interval(100));
  EXPECT_EQ(stream.score.value(), 8);
  for (std::size_t i = 0; i < StreamScore::kIntervals; ++i) stream.Interval(0);
  EXPECT_EQ(stream.score.value(), 10);
}

TEST(StreamScore, SilenceIsZeroAtOnceAndForgottenWhenItEnds) {
  Stream stream;
  for (int i = 0; i < 10; ++i) stream.Interval(0);
  EXPECT_TRUE(stream.score.HandleSilence());
  EXPECT_EQ(stream.score.value(), 0);
  EXPECT_FALSE(stream.score.HandleSilence());
  stream.Interval(0);
  EXPECT_EQ(stream.score.value(), 7);
  stream.Interval(0);
  EXPECT_EQ(stream.score.value(), 8);
}

TEST(StreamScore, AnIntervalWithNothingToSendIsNoFault) {
  StreamScore score;
  EXPECT_FALSE(score.Add({}));
  EXPECT_EQ(score.value(), 10);
}

TEST(StreamScore, CountersThatBeginAnewAreNoLoss) {
  StreamScore score;
  score.Add({.packets = 1000, .lost = 0, .resent = 0});
  EXPECT_FALSE(score.Add({.packets = 10, .lost = 0, .resent = 0}));
  EXPECT_FALSE(score.Add({.packets = 110, .lost = 0, .resent = 0}));
  EXPECT_EQ(score.value(), 10);
}

}  // namespace
}  // namespace jb::media
