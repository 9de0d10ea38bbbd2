// SPDX-License-Identifier: Apache-2.0
#include "media/bwe/feedback_adapter.h"

#include <gtest/gtest.h>

#include "media/bwe/test_feedback.h"

namespace jb::media {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time kT0{seconds(1000)};
constexpr int kStarts[] = {0, 1, 32767, 32768, 65534, 65535};

std::uint16_t Number(int start, int offset) { return static_cast<std::uint16_t>(start + offset); }

class Sender {
 public:
  explicit Sender(int first) : history(static_cast<std::uint16_t>(first)) {}
  void Send(int count) {
    for (int i = 0; i < count; ++i, now += milliseconds(5)) history.Add(1000, 0, now);
  }
  FeedbackResult Feedback(std::uint16_t base, const std::vector<std::optional<Time>>& arrivals, std::uint8_t count = 0) {
    FeedbackResult out;
    testing::GiveFeedback(base, arrivals, count,
                          [&](const rtcp::TransportFeedback& f) { out = adapter.Handle(f, history, now); });
    return out;
  }

  SentPacketHistory history;
  FeedbackAdapter adapter;
  Time now = kT0;
};

TEST(SentPacketHistory, GivesNumbersOutInOrderAndFindsThemAcrossTheWrap) {
  for (const int start : kStarts) {
    SentPacketHistory history(static_cast<std::uint16_t>(start));
    for (int i = 0; i < 1000; ++i) {
      EXPECT_EQ(history.Add(static_cast<std::size_t>(100 + i), 0, kT0 + milliseconds(i)), Number(start, i));
    }
    for (int i = 0; i < 1000; ++i) {
      const SentPacket* packet = history.Find(Number(start, i));
      ASSERT_TRUE(packet);
      EXPECT_EQ(packet->size, static_cast<std::uint32_t>(100 + i));
    }
    EXPECT_FALSE(history.Find(Number(start, 1000))) << "not sent yet";
    EXPECT_FALSE(history.Find(Number(start, -1))) << "never sent";
  }
}

TEST(SentPacketHistory, IsBoundedHoweverMuchIsSent) {
  SentPacketHistory history(0);
  for (int i = 0; i < 100'000; ++i) history.Add(100, 0, kT0);
  EXPECT_EQ(history.size(), SentPacketHistory::kMaxPackets);
  EXPECT_TRUE(history.Find(Number(0, 100'000 - 1)));
  EXPECT_FALSE(history.Find(Number(0, 100'000 - 1 - static_cast<int>(SentPacketHistory::kMaxPackets))));
}

TEST(SentPacketHistory, GrowsNoFurtherThanTheAgeOfFeedbackNeeds) {
  SentPacketHistory history(0);
  for (int i = 0; i < 20'000; ++i) history.Add(100, 0, kT0 + i * milliseconds(20));
  EXPECT_LE(history.size(), 256u) << "50 packets per second for 2 s are 100";
}

TEST(SentPacketHistory, WhatHasNoNumberIsPutDownToTheNextThatHas) {
  SentPacketHistory history(7);
  history.AddUntracked(100);
  history.AddUntracked(50);
  history.Add(1000, 0, kT0);
  history.Add(1000, 0, kT0);
  EXPECT_EQ(history.Find(7)->untracked_size, 150u);
  EXPECT_EQ(history.Find(8)->untracked_size, 0u);
}

TEST(FeedbackAdapter, MatchesArrivalsToWhatWasSentFromEveryWrapPosition) {
  for (const int start : kStarts) {
    Sender sender(start);
    sender.Send(4);
    const Time base = kT0 + hours(5);  // the receiver's clock is another one
    const auto result = sender.Feedback(Number(start, 0), {base, base + milliseconds(5), std::nullopt, base + milliseconds(16)});
    ASSERT_EQ(result.received.size(), 3u);
    EXPECT_EQ(result.lost, 1u);
    EXPECT_FALSE(result.discontinuous);
    EXPECT_EQ(result.received[0].sent_at, kT0);
    EXPECT_EQ(result.received[2].sent_at, kT0 + milliseconds(15));
    EXPECT_EQ(result.received[1].arrived_at - result.received[0].arrived_at, milliseconds(5));
    EXPECT_EQ(result.received[2].arrived_at - result.received[0].arrived_at, milliseconds(16));
    EXPECT_EQ(result.round_trip, milliseconds(5)) << "the newest left 5 ms ago";
  }
}

TEST(FeedbackAdapter, APacketCountsOnceHoweverOftenItIsReported) {
  Sender sender(0);
  sender.Send(2);
  EXPECT_EQ(sender.Feedback(0, {kT0, kT0}).received.size(), 2u);
  EXPECT_EQ(sender.Feedback(0, {kT0, kT0}, 1).received.size(), 0u);
}

TEST(FeedbackAdapter, WhatWasOnlyLateIsNoLongerLost) {
  Sender sender(0);
  sender.Send(3);
  EXPECT_EQ(sender.Feedback(0, {kT0, std::nullopt, kT0 + milliseconds(10)}).lost, 1u);
  const auto repeated = sender.Feedback(1, {std::nullopt, kT0 + milliseconds(10)}, 1);
  EXPECT_EQ(repeated.lost, 0u) << "counted already";
  const auto late = sender.Feedback(1, {kT0 + milliseconds(20)}, 2);
  EXPECT_EQ(late.received.size(), 1u);
  EXPECT_EQ(late.recanted, 1u);
}

TEST(FeedbackAdapter, ArrivalsComeInTheOrderInWhichTheyArrived) {
  Sender sender(0);
  sender.Send(3);
  const auto result = sender.Feedback(0, {kT0 + milliseconds(9), kT0 + milliseconds(2), kT0 + milliseconds(5)});
  ASSERT_EQ(result.received.size(), 3u);
  EXPECT_EQ(result.received[0].sent_at, kT0 + milliseconds(5));
  EXPECT_EQ(result.received[2].sent_at, kT0);
}

TEST(FeedbackAdapter, LostFeedbackIsNoticedAndRepeatedFeedbackIsNot) {
  Sender sender(0);
  sender.Send(10);
  EXPECT_FALSE(sender.Feedback(0, {kT0}, 255).discontinuous);
  EXPECT_FALSE(sender.Feedback(1, {kT0}, 0).discontinuous) << "the count wraps";
  EXPECT_TRUE(sender.Feedback(2, {kT0}, 3).discontinuous);
  EXPECT_FALSE(sender.Feedback(3, {kT0}, 2).discontinuous) << "only late";
  EXPECT_FALSE(sender.Feedback(4, {kT0}, 4).discontinuous);
  EXPECT_EQ(sender.adapter.feedback_lost(), 2u);
}

TEST(FeedbackAdapter, TheReferenceTimeWrapsWithoutAJump) {
  // 2^23 units of 64 ms after its zero the signed 24 bits turn negative.
  const Time wrap{(std::int64_t{1} << 23) * rtcp::kTwccReferenceUnit};
  Sender sender(0);
  sender.Send(2);
  const auto before = sender.Feedback(0, {wrap - milliseconds(30)});
  const Time first = before.received[0].arrived_at;
  const auto after = sender.Feedback(1, {wrap + milliseconds(50)}, 1);
  EXPECT_FALSE(after.discontinuous);
  EXPECT_EQ(after.received[0].arrived_at - first, milliseconds(80));
}

TEST(FeedbackAdapter, AClockThatJumpsBeginsANewLineNearOurs) {
  Sender sender(0);
  sender.Send(2);
  sender.Feedback(0, {kT0});
  const auto jumped = sender.Feedback(1, {kT0 + hours(3)}, 1);
  EXPECT_TRUE(jumped.discontinuous);
  ASSERT_EQ(jumped.received.size(), 1u);
  EXPECT_LT(jumped.received[0].arrived_at - sender.now, FeedbackAdapter::kMaxClockError);
}

TEST(FeedbackAdapter, NumbersThatWereNeverSentAreIgnored) {
  Sender sender(100);
  sender.Send(3);
  const auto result = sender.Feedback(98, {kT0, std::nullopt, kT0, kT0, kT0, kT0, std::nullopt, kT0});
  EXPECT_EQ(result.received.size(), 3u);
  EXPECT_EQ(result.lost, 0u);
}

TEST(FeedbackAdapter, EmptyHistoryAnswersWithNothing) {
  Sender sender(0);
  const auto result = sender.Feedback(0, {kT0, kT0});
  EXPECT_TRUE(result.received.empty());
  EXPECT_FALSE(result.round_trip);
}

}  // namespace
}  // namespace jb::media
