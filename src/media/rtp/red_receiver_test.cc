// SPDX-License-Identifier: Apache-2.0
#include "media/rtp/red_receiver.h"

#include <gtest/gtest.h>

#include "media/payload/test_red_writer.h"

namespace jb::media {
namespace {

constexpr std::uint8_t kOpus = 111;
constexpr std::uint32_t kFrame = 960;  // 20 ms
// RFC 6716 section 3.1: configuration 15, one frame of 20 ms.
const Bytes kSound{0x78, 1, 2, 3};

// What a sender sends and which of it comes, by the number of the packet; numbers and timestamps start where they wrap.
class RedReceiverTest : public ::testing::TestWithParam<std::uint16_t> {
 protected:
  // `ages`: how many ticks older than the packet each copy is.
  std::vector<int> Arrives(int packet, std::uint32_t ticks, std::vector<std::uint16_t> ages) {
    std::vector<red::Block> copies;
    for (const std::uint16_t age : ages) copies.push_back({kOpus, age, kSound});
    const Bytes payload = testing::WriteRed(copies, kOpus, kSound);
    std::vector<int> recovered;
    receiver_.Recover(*red::Payload::Parse(payload), Number(packet), At(ticks), [&](const RedReceiver::Recovered& one) {
      EXPECT_EQ(one.payload_type, kOpus);
      EXPECT_EQ(Bytes(one.payload.begin(), one.payload.end()), kSound);
      recovered.push_back(one.sequence_number - Number(0));
      times_.push_back(static_cast<std::uint32_t>(one.timestamp - At(0)));
    });
    return recovered;
  }
  rtp::SeqNum Number(int packet) const { return rtp::SeqNum(GetParam()) + packet; }
  static rtp::Timestamp At(std::uint32_t ticks) { return rtp::Timestamp(0xFFFFF800u + ticks); }

  RedReceiver receiver_;
  std::vector<std::uint32_t> times_;
};
INSTANTIATE_TEST_SUITE_P(Starts, RedReceiverTest, ::testing::Values(0, 1, 32767, 32768, 65534, 65535));

using None = std::vector<int>;

TEST_P(RedReceiverTest, WhatHasComeIsNotRecovered) {
  EXPECT_EQ(Arrives(0, 0, {}), None{});
  EXPECT_EQ(Arrives(1, kFrame, {kFrame}), None{});
  EXPECT_EQ(Arrives(2, 2 * kFrame, {2 * kFrame, kFrame}), None{});
}

TEST_P(RedReceiverTest, ALostPacketComesWithTheNextOneUnderItsOwnNumberAndTime) {
  Arrives(0, 0, {});
  EXPECT_EQ(Arrives(2, 2 * kFrame, {kFrame}), std::vector{1});
  EXPECT_EQ(times_, std::vector{kFrame});
}

TEST_P(RedReceiverTest, OnlyTheFirstCopyCounts) {
  Arrives(0, 0, {});
  EXPECT_EQ(Arrives(2, 2 * kFrame, {2 * kFrame, kFrame}), std::vector{1});
  EXPECT_EQ(Arrives(3, 3 * kFrame, {2 * kFrame, kFrame}), None{});
}

TEST_P(RedReceiverTest, SeveralLostPacketsComeOldestFirst) {
  Arrives(0, 0, {});
  EXPECT_EQ(Arrives(3, 3 * kFrame, {2 * kFrame, kFrame}), (std::vector{1, 2}));
  EXPECT_EQ(times_, (std::vector{kFrame, 2 * kFrame}));
}

TEST_P(RedReceiverTest, OfALongerHoleOnlyWhatIsThereComes) {
  Arrives(0, 0, {});
  EXPECT_EQ(Arrives(5, 5 * kFrame, {2 * kFrame, kFrame}), (std::vector{3, 4}));
}

TEST_P(RedReceiverTest, ASenderMayRepeatOnlyTheOneBeforeTheLast) {
  Arrives(0, 0, {});
  Arrives(1, kFrame, {});
  EXPECT_EQ(Arrives(3, 3 * kFrame, {2 * kFrame}), None{}) << "that one has come";
  EXPECT_EQ(Arrives(4, 4 * kFrame, {2 * kFrame}), std::vector{2});
}

TEST_P(RedReceiverTest, APauseBeforeThePacketDoesNotMoveIt) {
  Arrives(0, 0, {});
  // One packet is missing, and it ended ten frames before this one began.
  EXPECT_EQ(Arrives(2, 12 * kFrame, {11 * kFrame}), std::vector{1});
}

TEST_P(RedReceiverTest, WhereItIsNotClearWhichOneItWasNothingIsMadeUp) {
  Arrives(0, 0, {});
  // Two are missing, and there was a pause: the copy may be either.
  EXPECT_EQ(Arrives(3, 12 * kFrame, {9 * kFrame}), None{});
  EXPECT_EQ(Arrives(6, 15 * kFrame, {kFrame / 2}), None{}) << "no whole packet fits between";
}

TEST_P(RedReceiverTest, NothingIsRecoveredFromBeforeTheBeginning) {
  EXPECT_EQ(Arrives(1, kFrame, {kFrame}), None{});
  receiver_.Reset();
  EXPECT_EQ(Arrives(3, 3 * kFrame, {kFrame}), None{});
}

TEST_P(RedReceiverTest, APacketThatComesLateFillsItsHoleAndNoOther) {
  Arrives(0, 0, {});
  Arrives(4, 4 * kFrame, {});
  EXPECT_EQ(Arrives(2, 2 * kFrame, {kFrame}), std::vector{1});
  EXPECT_EQ(Arrives(5, 5 * kFrame, {2 * kFrame, kFrame}), std::vector{3});
}

TEST_P(RedReceiverTest, LyingTimestampsRecoverNothing) {
  Arrives(0, 10 * kFrame, {});
  Arrives(1, 5 * kFrame, {});  // goes backwards
  EXPECT_EQ(Arrives(3, 12 * kFrame, {4 * kFrame, 6 * kFrame, 0}), None{});
}

TEST_P(RedReceiverTest, ACopyThatIsNoOpusIsIgnored) {
  Arrives(0, 0, {});
  const std::array copies{red::Block{kOpus, kFrame, {}}};
  const Bytes payload = testing::WriteRed(copies, kOpus, kSound);
  receiver_.Recover(*red::Payload::Parse(payload), Number(2), At(2 * kFrame), [](const auto&) { FAIL(); });
}

}  // namespace
}  // namespace jb::media
