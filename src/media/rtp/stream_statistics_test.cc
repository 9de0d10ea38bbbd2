// SPDX-License-Identifier: Apache-2.0
// StreamReceiver, StreamSender, ReportSchedule, TokenBucket.
#include <gtest/gtest.h>

#include "media/rtp/stream_receiver.h"
#include "media/rtp/stream_sender.h"
#include "media/rtp/token_bucket.h"
#include "testing/seeded_random.h"

namespace jb::media {
namespace {

using rtp::SeqNum;
using rtp::Ssrc;
using rtp::Timestamp;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Arrival = StreamReceiver::Arrival;

constexpr Time kT0{seconds(100)};
const WallTime kWall{seconds(1'763'780'000)};

SeqNum Seq(int n) { return SeqNum(static_cast<std::uint16_t>(n)); }

Arrival Receive(StreamReceiver& receiver, int seq, Time now = kT0) {
  return receiver.HandlePacket(Seq(seq), Timestamp(0), 100, now);
}

TEST(StreamReceiver, CountsLossAcrossEveryWrap) {
  for (const int start : {0, 1, 32767, 32768, 65534, 65535}) {
    StreamReceiver receiver(Ssrc(7), 90'000);
    EXPECT_EQ(receiver.MakeReportBlock(kT0), std::nullopt);
    for (int i = 0; i < 100'000; ++i) {
      if (i % 4 != 3) {
        ASSERT_EQ(Receive(receiver, start + i), Arrival::kInOrder);
      }
    }
    const auto block = receiver.MakeReportBlock(kT0).value();
    EXPECT_EQ(block.ssrc, Ssrc(7));
    EXPECT_EQ(block.cumulative_lost, 24'999) << "the last one is not known to be missing yet";
    EXPECT_EQ(block.fraction_lost, 63);
    EXPECT_EQ(block.extended_highest_seq, static_cast<std::uint32_t>(start + 99'998));
    EXPECT_EQ(receiver.packets(), 75'000u);
    EXPECT_EQ(receiver.bytes(), 7'500'000u);
  }
}

TEST(StreamReceiver, TheFractionCoversTheTimeSinceTheLastReport) {
  StreamReceiver receiver(Ssrc(7), 90'000);
  Receive(receiver, 0);
  Receive(receiver, 2);
  EXPECT_EQ(receiver.MakeReportBlock(kT0)->fraction_lost, 85);  // 1 of 3
  Receive(receiver, 3);
  EXPECT_EQ(receiver.MakeReportBlock(kT0)->fraction_lost, 0);
  EXPECT_EQ(receiver.MakeReportBlock(kT0)->fraction_lost, 0) << "nothing expected";
  EXPECT_EQ(receiver.packets_lost(), 1);
}

TEST(StreamReceiver, DuplicatesMakeTheLossNegativeButNoFraction) {
  StreamReceiver receiver(Ssrc(7), 90'000);
  Receive(receiver, 10);
  EXPECT_EQ(Receive(receiver, 10), Arrival::kLate);
  EXPECT_EQ(Receive(receiver, 9), Arrival::kLate);
  const auto block = receiver.MakeReportBlock(kT0).value();
  EXPECT_EQ(block.cumulative_lost, -2);
  EXPECT_EQ(block.fraction_lost, 0);
}

TEST(StreamReceiver, AJumpCountsOnceTheNextNumberConfirmsIt) {
  StreamReceiver receiver(Ssrc(7), 90'000);
  Receive(receiver, 100);
  EXPECT_EQ(Receive(receiver, 40'000), Arrival::kJump);
  EXPECT_EQ(Receive(receiver, 101), Arrival::kInOrder) << "a single stray packet changes nothing";
  EXPECT_EQ(Receive(receiver, 50'000), Arrival::kJump);
  EXPECT_EQ(Receive(receiver, 50'001), Arrival::kRestart);
  EXPECT_EQ(receiver.packets_lost(), 0);
  EXPECT_EQ(receiver.MakeReportBlock(kT0)->extended_highest_seq, 50'001u);
}

TEST(StreamReceiver, JitterIsZeroWhenPacketsKeepTheirPaceAndGrowsWhenTheyDoNot) {
  StreamReceiver even(Ssrc(7), 48'000);
  StreamReceiver uneven(Ssrc(7), 48'000);
  for (int i = 0; i < 500; ++i) {
    const Timestamp ts(static_cast<std::uint32_t>(i * 960) - 100'000u);
    const Time due = kT0 + i * milliseconds(20);
    even.HandlePacket(Seq(i), ts, 1, due);
    uneven.HandlePacket(Seq(i), ts, 1, due + milliseconds(i % 2 ? 10 : 0));
  }
  EXPECT_EQ(even.jitter(), 0u);
  EXPECT_NEAR(static_cast<double>(uneven.jitter()), 480.0, 10.0) << "each transit differs by 10 ms";
}

TEST(StreamReceiver, AnAbsurdTimestampDoesNotOverflow) {
  StreamReceiver receiver(Ssrc(7), 90'000);
  for (int i = 0; i < 100; ++i) {
    receiver.HandlePacket(Seq(i), Timestamp(i % 2 ? 0x80000000u : 0u), 1, kT0 + i * milliseconds(1));
  }
  EXPECT_GT(receiver.jitter(), 0u);
}

TEST(StreamReceiver, AReportEchoesTheSenderReportAndItsAge) {
  StreamReceiver receiver(Ssrc(7), 90'000);
  Receive(receiver, 1);
  EXPECT_EQ(receiver.MakeReportBlock(kT0)->last_sr, 0u);
  rtcp::SenderInfo info;
  info.ntp = {0x11112222, 0x33334444};
  receiver.HandleSenderReport(info, kT0);
  const auto block = receiver.MakeReportBlock(kT0 + milliseconds(1500)).value();
  EXPECT_EQ(block.last_sr, 0x22223333u);
  EXPECT_EQ(block.delay_since_last_sr, 0x18000u);
}

TEST(StreamSender, ASenderReportExtrapolatesTheTimeline) {
  StreamSender sender(Ssrc(9), 90'000);
  EXPECT_EQ(sender.MakeSenderReport(kT0, kWall), std::nullopt);
  sender.HandleSent(Timestamp(0xFFFFFF00), 1000, kT0);
  sender.HandleSent(Timestamp(0xFFFFFF00), 500, kT0 + milliseconds(2));  // same frame
  const auto info = sender.MakeSenderReport(kT0 + milliseconds(100), kWall).value();
  EXPECT_EQ(info.ssrc, Ssrc(9));
  EXPECT_EQ(info.rtp_timestamp, Timestamp(0xFFFFFF00) + 9000);
  EXPECT_EQ(info.packet_count, 2u);
  EXPECT_EQ(info.octet_count, 1500u);
  EXPECT_EQ(info.ntp.ToWall(), kWall);
}

TEST(StreamSender, SilenceForTwoSecondsEndsTheReports) {
  StreamSender sender(Ssrc(9), 48'000);
  sender.HandleSent(Timestamp(0), 1, kT0);
  EXPECT_TRUE(sender.MakeSenderReport(kT0 + milliseconds(2000), kWall));
  EXPECT_FALSE(sender.MakeSenderReport(kT0 + milliseconds(2001), kWall));
}

TEST(StreamSender, AnOlderTimestampDoesNotTurnTheTimelineBack) {
  StreamSender sender(Ssrc(9), 90'000);
  sender.HandleSent(Timestamp(9000), 1, kT0 + milliseconds(100));
  sender.HandleSent(Timestamp(6000), 1, kT0 + milliseconds(110));
  EXPECT_EQ(sender.MakeSenderReport(kT0 + milliseconds(200), kWall)->rtp_timestamp, Timestamp(18'000));
}

TEST(StreamSender, TheRoundTripComesFromAnAnswerToOurReport) {
  StreamSender sender(Ssrc(9), 90'000);
  rtcp::ReportBlock block;
  sender.HandleReportBlock(block, kWall);
  EXPECT_EQ(sender.rtt(), std::nullopt) << "no SR was seen there";
  block.last_sr = rtcp::NtpTime::FromWall(kWall).compact();
  block.delay_since_last_sr = rtcp::ToCompact(milliseconds(300));
  block.fraction_lost = 12;
  sender.HandleReportBlock(block, kWall + milliseconds(350));
  EXPECT_NEAR(static_cast<double>(sender.rtt()->count()), 50'000, 40);
  EXPECT_EQ(sender.fraction_lost(), 12);
  block.last_sr -= 100 << 16;
  sender.HandleReportBlock(block, kWall + milliseconds(350));
  EXPECT_NEAR(static_cast<double>(sender.rtt()->count()), 50'000, 40) << "an LSR of 100 s ago is not believed";
}

TEST(ReportSchedule, FirstAfterHalfASecondThenBetweenOneAndOneAndAHalf) {
  jb::testing::SeededRandom random(1);
  ReportSchedule schedule(kT0, random);
  EXPECT_FALSE(schedule.Take(kT0 + milliseconds(499)));
  Time now = kT0 + milliseconds(500);
  EXPECT_TRUE(schedule.Take(now));
  Duration shortest = seconds(9);
  Duration longest{0};
  for (int i = 0; i < 1000; ++i) {
    const Duration gap = schedule.next() - now;
    shortest = std::min(shortest, gap);
    longest = std::max(longest, gap);
    now = schedule.next();
    ASSERT_TRUE(schedule.Take(now));
  }
  EXPECT_GE(shortest, milliseconds(1000));
  EXPECT_LT(shortest, milliseconds(1020));
  EXPECT_LE(longest, milliseconds(1500));
  EXPECT_GT(longest, milliseconds(1480));
}

TEST(TokenBucket, SpendsItsBurstThenTheRate) {
  TokenBucket bucket(1000, 500, kT0);
  EXPECT_TRUE(bucket.Take(500, kT0));
  EXPECT_FALSE(bucket.Take(1, kT0));
  EXPECT_FALSE(bucket.Take(11, kT0 + milliseconds(10)));
  EXPECT_TRUE(bucket.Take(10, kT0 + milliseconds(10)));
  EXPECT_TRUE(bucket.Take(500, kT0 + seconds(100))) << "never more than the burst is saved";
  EXPECT_FALSE(bucket.Take(1, kT0 + seconds(100)));
  EXPECT_FALSE(bucket.Take(1, kT0)) << "time that runs back gives nothing";
}

TEST(TokenBucket, SlowRatesDoNotLoseFractions) {
  TokenBucket bucket(1, 10, kT0);
  EXPECT_TRUE(bucket.Take(10, kT0));
  Time now = kT0;
  int taken = 0;
  for (int i = 0; i < 10'000; ++i) taken += bucket.Take(1, now += milliseconds(1)) ? 1 : 0;
  EXPECT_EQ(taken, 10);
  EXPECT_TRUE(bucket.Take(10, now + std::chrono::hours(24 * 365)));
}

}  // namespace
}  // namespace jb::media
