// SPDX-License-Identifier: Apache-2.0
#include "media/rtp/retransmission_buffer.h"

#include <gtest/gtest.h>

namespace jb::media {
namespace {

using rtp::SeqNum;
using rtp::Timestamp;
using std::chrono::milliseconds;

class RetransmissionBufferTest : public ::testing::Test {
 protected:
  void Add(RetransmissionBuffer& buffer, int seq, Time now) {
    PacketRef packet = pool_.Take();
    ASSERT_TRUE(packet);
    packet->set_size(static_cast<std::size_t>(seq & 0x3FF) + 1);
    buffer.Add(std::move(packet), SeqNum(static_cast<std::uint16_t>(seq)), Timestamp(0), false, now);
  }
  static const RetransmissionBuffer::Item* Ask(RetransmissionBuffer& buffer, int seq, Time now,
                                               std::size_t budget = 2000) {
    return buffer.Answer(SeqNum(static_cast<std::uint16_t>(seq)), now, budget);
  }
  PacketPool pool_{10'000};
  Time t0_{std::chrono::seconds(100)};
};

TEST_F(RetransmissionBufferTest, AnswersWithThePacketSentUnderTheNumber) {
  for (const int start : {0, 1, 32767, 32768, 65534, 65535}) {
    RetransmissionBuffer buffer;
    for (int i = 0; i < 300; ++i) Add(buffer, start + i, t0_ + milliseconds(i));
    for (int i = 0; i < 300; ++i) {
      const auto* item = Ask(buffer, start + i, t0_ + milliseconds(300));
      ASSERT_TRUE(item);
      EXPECT_EQ(item->sequence_number, SeqNum(static_cast<std::uint16_t>(start + i)));
      EXPECT_EQ(item->packet->size(), static_cast<std::size_t>(((start + i) & 0xFFFF & 0x3FF) + 1));
    }
    EXPECT_FALSE(Ask(buffer, start + 300, t0_));
    EXPECT_FALSE(Ask(buffer, start - 1, t0_));
    EXPECT_EQ(buffer.counters().refused_unknown, 2u);
  }
  EXPECT_EQ(pool_.in_use(), 0u);
}

TEST_F(RetransmissionBufferTest, OnePacketIsNotSentTwiceWithinARoundTripNorMoreThanThreeTimes) {
  RetransmissionBuffer buffer;
  buffer.set_rtt(milliseconds(50));
  Add(buffer, 7, t0_);
  EXPECT_TRUE(Ask(buffer, 7, t0_ + milliseconds(5)));
  EXPECT_FALSE(Ask(buffer, 7, t0_ + milliseconds(42)));
  EXPECT_EQ(buffer.last_refusal(), RetransmissionBuffer::Refusal::kTooSoon);
  EXPECT_TRUE(Ask(buffer, 7, t0_ + milliseconds(43))) << "round trips differ by a quarter";
  EXPECT_TRUE(Ask(buffer, 7, t0_ + milliseconds(93)));
  EXPECT_FALSE(Ask(buffer, 7, t0_ + milliseconds(500)));
  EXPECT_EQ(buffer.last_refusal(), RetransmissionBuffer::Refusal::kTooOften);
  EXPECT_EQ(buffer.counters().answered, 3u);
  EXPECT_EQ(buffer.counters().refused_too_soon, 1u);
  EXPECT_EQ(buffer.counters().refused_too_often, 1u);
}

TEST_F(RetransmissionBufferTest, ARefusalForWantOfBudgetLeavesThePacketItsAnswers) {
  RetransmissionBuffer buffer;
  buffer.set_rtt(milliseconds(50));
  Add(buffer, 7, t0_);  // 8 bytes
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(Ask(buffer, 7, t0_ + milliseconds(i), 7));
  EXPECT_TRUE(Ask(buffer, 7, t0_ + milliseconds(5), 8)) << "nothing was sent, so nothing to wait for";
  EXPECT_TRUE(Ask(buffer, 7, t0_ + milliseconds(60), 8));
  EXPECT_TRUE(Ask(buffer, 7, t0_ + milliseconds(120), 8));
  EXPECT_EQ(buffer.counters().refused_over_budget, 5u);
}

TEST_F(RetransmissionBufferTest, WhatNobodyNeedsAnyMoreIsNotSentAgain) {
  RetransmissionBuffer buffer;
  for (std::uint16_t seq = 65'530; seq != 6; ++seq) Add(buffer, seq, t0_);
  buffer.ForgetAll();
  EXPECT_EQ(pool_.in_use(), 0u);
  Add(buffer, 6, t0_);
  EXPECT_FALSE(Ask(buffer, 65'535, t0_));
  EXPECT_EQ(buffer.last_refusal(), RetransmissionBuffer::Refusal::kUnknown);
  EXPECT_TRUE(Ask(buffer, 6, t0_));
}

TEST_F(RetransmissionBufferTest, OldPacketsAreForgottenAndTheirBuffersReturned) {
  RetransmissionBuffer buffer({.max_age = kAudioMaxAge});
  Add(buffer, 1, t0_);
  Add(buffer, 2, t0_ + milliseconds(900));
  EXPECT_FALSE(Ask(buffer, 1, t0_ + milliseconds(1001)));
  EXPECT_EQ(buffer.counters().refused_too_old, 1u);
  buffer.Forget(t0_ + milliseconds(1001));
  EXPECT_EQ(pool_.in_use(), 1u);
  EXPECT_FALSE(Ask(buffer, 1, t0_ + milliseconds(1001)));
  buffer.Forget(t0_ + milliseconds(1901));
  EXPECT_EQ(pool_.in_use(), 0u) << "though nothing is added any more";
}

TEST_F(RetransmissionBufferTest, AStreamThatGoesOnForgetsByItself) {
  RetransmissionBuffer buffer({.max_age = kAudioMaxAge});
  for (int i = 0; i < 1000; ++i) Add(buffer, i, t0_ + 10 * milliseconds(i));
  EXPECT_LE(pool_.in_use(), 101u + 16u);
  EXPECT_TRUE(Ask(buffer, 950, t0_ + milliseconds(9990)));
}

TEST_F(RetransmissionBufferTest, NeverHoldsMoreThanItsLimit) {
  RetransmissionBuffer buffer({.max_items = 100});
  for (int i = 0; i < 1000; ++i) Add(buffer, 65000 + i, t0_);
  EXPECT_EQ(buffer.size(), 100u);
  EXPECT_EQ(pool_.in_use(), 100u);
  EXPECT_TRUE(Ask(buffer, 65000 + 999, t0_));
  EXPECT_TRUE(Ask(buffer, 65000 + 900, t0_));
  EXPECT_FALSE(Ask(buffer, 65000 + 899, t0_));
}

TEST_F(RetransmissionBufferTest, APacketThatComesLateFillsItsGap) {
  RetransmissionBuffer buffer;
  Add(buffer, 10, t0_);
  Add(buffer, 13, t0_);
  EXPECT_FALSE(Ask(buffer, 11, t0_));
  Add(buffer, 11, t0_);
  EXPECT_TRUE(Ask(buffer, 11, t0_));
  EXPECT_TRUE(Ask(buffer, 13, t0_));
  EXPECT_FALSE(Ask(buffer, 12, t0_));
  Add(buffer, 9, t0_);
  EXPECT_FALSE(Ask(buffer, 9, t0_)) << "older than everything remembered";
  EXPECT_EQ(buffer.size(), 4u);
}

TEST_F(RetransmissionBufferTest, AJumpInNumbersDropsWhatIsTooFarBack) {
  RetransmissionBuffer buffer;
  Add(buffer, 10, t0_);
  Add(buffer, 20'000, t0_);
  EXPECT_EQ(buffer.size(), 1u);
  EXPECT_EQ(pool_.in_use(), 1u);
  EXPECT_TRUE(Ask(buffer, 20'000, t0_));
}

TEST_F(RetransmissionBufferTest, ClearingReturnsEverything) {
  RetransmissionBuffer buffer;
  for (int i = 0; i < 50; ++i) Add(buffer, i, t0_);
  buffer.Clear();
  EXPECT_EQ(buffer.size(), 0u);
  EXPECT_EQ(pool_.in_use(), 0u);
  Add(buffer, 40'000, t0_);
  EXPECT_TRUE(Ask(buffer, 40'000, t0_));
}

}  // namespace
}  // namespace jb::media
