// SPDX-License-Identifier: Apache-2.0
#include "media/layers/timestamp_aligner.h"

#include <gtest/gtest.h>

namespace jb::media {
namespace {

using namespace std::chrono_literals;
using rtp::Timestamp;

constexpr Time kStart{std::chrono::seconds(50)};
constexpr WallTime kWall{std::chrono::seconds(1'700'000'000)};
constexpr std::uint32_t kRate = 90'000;

rtcp::SenderInfo Report(WallTime at, std::uint32_t timestamp) {
  rtcp::SenderInfo info;
  info.ntp = rtcp::NtpTime::FromWall(at);
  info.rtp_timestamp = Timestamp(timestamp);
  return info;
}

// Two sources that a sender's clock reads `low` and `high` on at kWall.
TimestampAligner::Clocks ClocksOf(std::uint32_t low, std::uint32_t high) {
  return {Report(kWall, low), Report(kWall + 400ms, high + 36'000)};
}

TEST(TimestampAligner, TheFirstSourceCountsAsItDoes) {
  TimestampAligner aligner(kRate);
  EXPECT_TRUE(aligner.ChangeSource(Timestamp(77), {}, kStart));
  EXPECT_EQ(aligner.Map(Timestamp(77)), Timestamp(77));
}

TEST(TimestampAligner, ReportsLayOneSourceOverTheOtherExactly) {
  for (const std::uint32_t low : {0u, 1u, 0x7FFFFFFFu, 0x80000000u, 0xFFFFFFFEu, 0xFFFFFFFFu, 0xFFFFF000u}) {
    TimestampAligner aligner(kRate);
    aligner.ChangeSource(Timestamp(low), {}, kStart);
    aligner.HandleSent(Timestamp(low), kStart);
    // The other source's picture of 100 ms later; it comes 130 ms later.
    const std::uint32_t high = 5'000'000;
    ASSERT_TRUE(aligner.ChangeSource(Timestamp(high + 9000), ClocksOf(low, high), kStart + 130ms));
    EXPECT_NEAR(aligner.Map(Timestamp(high + 9000)) - Timestamp(low), 9000, 1);
    // And back again: nothing has added up.
    aligner.HandleSent(aligner.Map(Timestamp(high + 9000)), kStart + 130ms);
    const TimestampAligner::Clocks back{ClocksOf(low, high).to, ClocksOf(low, high).from};
    ASSERT_TRUE(aligner.ChangeSource(Timestamp(low + 18'000), back, kStart + 200ms));
    EXPECT_NEAR(aligner.Map(Timestamp(low + 18'000)) - Timestamp(low + 18'000), 0, 2);
  }
}

TEST(TimestampAligner, TheSamePictureAgainComesAFrameLaterUntilTheNextChange) {
  TimestampAligner aligner(kRate);
  aligner.ChangeSource(Timestamp(1000), {}, kStart);
  aligner.HandleSent(Timestamp(1000), kStart);
  ASSERT_TRUE(aligner.ChangeSource(Timestamp(5000), ClocksOf(1000, 5000), kStart + 1ms));
  EXPECT_NEAR(aligner.Map(Timestamp(5000)) - Timestamp(1000), 2970, 1) << "33 ms";
  aligner.HandleSent(aligner.Map(Timestamp(5000)), kStart + 1ms);
  const TimestampAligner::Clocks back{ClocksOf(1000, 5000).to, ClocksOf(1000, 5000).from};
  ASSERT_TRUE(aligner.ChangeSource(Timestamp(1000 + 9000), back, kStart + 100ms));
  EXPECT_NEAR(aligner.Map(Timestamp(10'000)) - Timestamp(10'000), 0, 2);
}

TEST(TimestampAligner, TooFarBackIsTriedAtTheNextKeyFrameButNotForEver) {
  TimestampAligner aligner(kRate);
  aligner.ChangeSource(Timestamp(0), {}, kStart);
  aligner.HandleSent(Timestamp(90'000), kStart);
  // 100 ms before what was sent.
  const Timestamp first(500'000 + 81'000);
  EXPECT_FALSE(aligner.ChangeSource(first, ClocksOf(0, 500'000), kStart));
  EXPECT_EQ(aligner.Map(Timestamp(93'000)), Timestamp(93'000)) << "the old source goes on";
  EXPECT_FALSE(aligner.ChangeSource(first, ClocksOf(0, 500'000), kStart));
  ASSERT_TRUE(aligner.ChangeSource(first, ClocksOf(0, 500'000), kStart));
  EXPECT_GT(aligner.Map(first) - Timestamp(90'000), 0);
}

TEST(TimestampAligner, WithoutReportsTimeDecides) {
  TimestampAligner aligner(kRate);
  aligner.ChangeSource(Timestamp(0xFFFFFF00), {}, kStart);
  aligner.HandleSent(Timestamp(0xFFFFFF00), kStart);
  ASSERT_TRUE(aligner.ChangeSource(Timestamp(123), {}, kStart + 50ms));
  EXPECT_EQ(aligner.Map(Timestamp(123)) - Timestamp(0xFFFFFF00), 4500);
  aligner.HandleSent(aligner.Map(Timestamp(123)), kStart + 50ms);
  ASSERT_TRUE(aligner.ChangeSource(Timestamp(77), {}, kStart + 51ms));
  EXPECT_EQ(aligner.Map(Timestamp(77)) - aligner.Map(Timestamp(123)), 77 - 123) << "same offset for both";
  EXPECT_EQ(aligner.Map(Timestamp(77)) - Timestamp(0xFFFFFF00), 4500 + 2970) << "at least a frame";
}

TEST(TimestampAligner, ReportsThatCannotBeTrueAreNotBelieved) {
  TimestampAligner aligner(kRate);
  aligner.ChangeSource(Timestamp(0), {}, kStart);
  aligner.HandleSent(Timestamp(0), kStart);
  TimestampAligner::Clocks clocks = ClocksOf(0, 0);
  clocks.to = Report(kWall + 1h, 0);
  ASSERT_TRUE(aligner.ChangeSource(Timestamp(0), clocks, kStart + 40ms));
  EXPECT_EQ(aligner.Map(Timestamp(0)), Timestamp(3600));
}

}  // namespace
}  // namespace jb::media
