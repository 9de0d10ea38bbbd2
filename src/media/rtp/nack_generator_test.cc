// SPDX-License-Identifier: Apache-2.0
#include "media/rtp/nack_generator.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace jb::media {
namespace {

using rtp::SeqNum;
using std::chrono::milliseconds;

SeqNum Seq(int n) { return SeqNum(static_cast<std::uint16_t>(n)); }

std::vector<SeqNum> Poll(NackGenerator& nack, Time now) {
  std::array<SeqNum, 2000> out;
  const std::size_t count = nack.PollNacks(now, out);
  return {out.begin(), out.begin() + static_cast<std::ptrdiff_t>(count)};
}
std::vector<SeqNum> Range(int from, int to) {
  std::vector<SeqNum> out;
  for (int n = from; n < to; ++n) out.push_back(Seq(n));
  return out;
}

constexpr Time kT0{std::chrono::seconds(50)};

TEST(NackGenerator, AsksTenMillisecondsAfterAGapFromEveryStart) {
  for (const int start : {0, 1, 32767, 32768, 65534, 65535}) {
    NackGenerator nack;
    EXPECT_FALSE(nack.HandlePacket(Seq(start), false, false, kT0));
    EXPECT_EQ(nack.NextDeadline(), std::nullopt);
    nack.HandlePacket(Seq(start + 4), false, false, kT0);
    EXPECT_EQ(nack.NextDeadline(), kT0 + milliseconds(10));
    EXPECT_TRUE(Poll(nack, kT0 + milliseconds(9)).empty());
    EXPECT_EQ(Poll(nack, kT0 + milliseconds(10)), Range(start + 1, start + 4));
  }
}

TEST(NackGenerator, ReorderedPacketsThatComeInTimeAreNotAskedFor) {
  NackGenerator nack;
  nack.HandlePacket(Seq(1), false, false, kT0);
  nack.HandlePacket(Seq(3), false, false, kT0);
  EXPECT_TRUE(nack.HandlePacket(Seq(2), false, false, kT0 + milliseconds(9)));
  EXPECT_FALSE(nack.HandlePacket(Seq(2), false, false, kT0 + milliseconds(9))) << "a duplicate was not missing";
  EXPECT_EQ(nack.NextDeadline(), std::nullopt);
  EXPECT_TRUE(Poll(nack, kT0 + milliseconds(100)).empty());
}

TEST(NackGenerator, TriesAgainEachRoundTripAndGivesUpAfterTen) {
  for (const auto& [rtt, interval] : {std::pair{0, 100}, std::pair{60, 60}, std::pair{1, 20}}) {
    NackGenerator nack;
    nack.set_rtt(milliseconds(rtt));
    nack.HandlePacket(Seq(1), false, false, kT0);
    nack.HandlePacket(Seq(3), false, false, kT0);
    Time now = kT0 + milliseconds(10);
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(nack.NextDeadline(), now);
      EXPECT_TRUE(Poll(nack, now - milliseconds(1)).empty());
      EXPECT_EQ(Poll(nack, now), Range(2, 3)) << "try " << i;
      now += milliseconds(interval);
    }
    EXPECT_TRUE(Poll(nack, now).empty());
    EXPECT_EQ(nack.NextDeadline(), std::nullopt);
    EXPECT_EQ(nack.missing_count(), 0u);
    EXPECT_EQ(nack.counters().asked, 10u);
    EXPECT_EQ(nack.counters().abandoned, 1u);
    EXPECT_FALSE(nack.TakeKeyFrameWanted());
  }
}

TEST(NackGenerator, ARetransmissionEndsTheAsking) {
  NackGenerator nack;
  nack.HandlePacket(Seq(1), false, false, kT0);
  nack.HandlePacket(Seq(3), false, false, kT0);
  Poll(nack, kT0 + milliseconds(10));
  EXPECT_TRUE(nack.HandlePacket(Seq(2), false, true, kT0 + milliseconds(60)));
  EXPECT_EQ(nack.counters().recovered, 1u);
  EXPECT_TRUE(Poll(nack, kT0 + milliseconds(500)).empty());
}

TEST(NackGenerator, MoreThanAThousandMissingClearsTheListAndWantsAKeyFrame) {
  NackGenerator nack;
  nack.HandlePacket(Seq(0), false, false, kT0);
  nack.HandlePacket(Seq(901), false, false, kT0);
  EXPECT_EQ(nack.missing_count(), 900u);
  EXPECT_FALSE(nack.TakeKeyFrameWanted());
  nack.HandlePacket(Seq(1003), false, false, kT0);
  EXPECT_EQ(nack.missing_count(), 0u);
  EXPECT_TRUE(nack.TakeKeyFrameWanted());
  EXPECT_FALSE(nack.TakeKeyFrameWanted()) << "once";
  nack.HandlePacket(Seq(20'000), false, false, kT0);
  EXPECT_TRUE(nack.TakeKeyFrameWanted());
}

TEST(NackGenerator, WhatLiesWellBeforeAKeyFrameIsForgotten) {
  NackGenerator nack;
  nack.HandlePacket(Seq(0), false, false, kT0);
  nack.HandlePacket(Seq(10), false, false, kT0);
  nack.HandlePacket(Seq(20), true, false, kT0);
  EXPECT_EQ(Poll(nack, kT0 + milliseconds(10)), Range(11, 20)) << "the gap just before may be its parameter sets";
  NackGenerator late;
  late.HandlePacket(Seq(0), false, false, kT0);
  late.HandlePacket(Seq(30), false, false, kT0);
  late.HandlePacket(Seq(20), true, true, kT0);
  EXPECT_EQ(late.missing_count(), 13u) << "16..19 and 21..29";
}

TEST(NackGenerator, NumbersOlderThanTenThousandAreForgotten) {
  NackGenerator nack({.max_tries = 1000});
  nack.HandlePacket(Seq(0), false, false, kT0);
  nack.HandlePacket(Seq(2), false, false, kT0);
  for (int n = 3; n <= 10'001; ++n) nack.HandlePacket(Seq(n), false, false, kT0);
  EXPECT_EQ(nack.missing_count(), 1u);
  nack.HandlePacket(Seq(10'002), false, false, kT0);
  EXPECT_EQ(nack.missing_count(), 0u);
}

TEST(NackGenerator, ASmallBufferTakesTheOldestFirstAndTheRestNextTime) {
  NackGenerator nack;
  nack.HandlePacket(Seq(0), false, false, kT0);
  nack.HandlePacket(Seq(8), false, false, kT0);
  const Time due = kT0 + milliseconds(10);
  std::array<SeqNum, 5> out;
  EXPECT_EQ(nack.PollNacks(due, out), 5u);
  EXPECT_EQ(out[0], Seq(1));
  EXPECT_EQ(nack.NextDeadline(), due) << "two are still due";
  EXPECT_EQ(nack.PollNacks(due, out), 2u);
  EXPECT_EQ(out[1], Seq(7));
  EXPECT_EQ(nack.NextDeadline(), due + milliseconds(100));
}

TEST(NackGenerator, ASenderThatBeganAnewFarBelowIsAskedAgain) {
  for (const int restart : {60'000 - 8193, 60'000 - 20'000, 60'000 - 32'767}) {
    NackGenerator nack;
    nack.HandlePacket(Seq(59'998), false, false, kT0);
    nack.HandlePacket(Seq(60'000), false, false, kT0);
    nack.HandlePacket(Seq(restart), true, false, kT0);
    EXPECT_EQ(nack.missing_count(), 0u);
    nack.HandlePacket(Seq(restart + 3), false, false, kT0);
    EXPECT_EQ(Poll(nack, kT0 + milliseconds(10)), Range(restart + 1, restart + 3)) << restart;
  }
  NackGenerator late;
  late.HandlePacket(Seq(59'998), false, false, kT0);
  late.HandlePacket(Seq(60'000), false, false, kT0);
  late.HandlePacket(Seq(60'000 - 8192), false, false, kT0);
  EXPECT_EQ(late.missing_count(), 1u) << "only late";
}

TEST(NackGenerator, AfterAResetTheNextPacketBeginsAnew) {
  NackGenerator nack;
  nack.HandlePacket(Seq(0), false, false, kT0);
  nack.HandlePacket(Seq(5), false, false, kT0);
  nack.Reset();
  nack.HandlePacket(Seq(40'000), false, false, kT0);
  EXPECT_EQ(nack.missing_count(), 0u);
  nack.HandlePacket(Seq(40'002), false, false, kT0);
  EXPECT_EQ(nack.missing_count(), 1u);
}

}  // namespace
}  // namespace jb::media
