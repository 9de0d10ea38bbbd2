// SPDX-License-Identifier: Apache-2.0
#include "proto/rtcp/twcc.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "proto/rtcp/rtcp_test_util.h"

namespace jb::rtcp {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::Only;
using testing::Written;

using Seen = std::pair<SeqNum, std::optional<Duration>>;

std::vector<Seen> StatusesOf(const TransportFeedback& feedback) {
  std::vector<Seen> out;
  feedback.ForEach([&](SeqNum seq, std::optional<Duration> at) { out.emplace_back(seq, at); });
  return out;
}
Bytes Feedback(Bytes tail, int status_count) {
  Bytes bytes = {0x8F, 205, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 10, 0, static_cast<std::uint8_t>(status_count),
                 0,    0,   1, 9};
  bytes.insert(bytes.end(), tail.begin(), tail.end());
  while (bytes.size() % 4) bytes.push_back(0);
  bytes[3] = static_cast<std::uint8_t>(bytes.size() / 4 - 1);
  return bytes;
}

TEST(Twcc, ReadsARunAndAVector) {
  // Run of 2 small deltas; one-bit vector: received, not, received.
  const Bytes bytes = Feedback({0x20, 0x02, 0xA8, 0x00, 4, 8, 12, 16}, 5);
  const TransportFeedback feedback = TransportFeedback::Parse(Only(bytes)).value();
  EXPECT_EQ(feedback.base_sequence(), SeqNum(10));
  EXPECT_EQ(feedback.reference_units(), 1);
  EXPECT_EQ(feedback.feedback_count(), 9);
  const std::vector<Seen> expected = {{SeqNum(10), milliseconds(65)},
                                      {SeqNum(11), milliseconds(67)},
                                      {SeqNum(12), milliseconds(70)},
                                      {SeqNum(13), std::nullopt},
                                      {SeqNum(14), milliseconds(74)}};
  EXPECT_EQ(StatusesOf(feedback), expected);
}

TEST(Twcc, ReadsLargeAndNegativeDeltasFromATwoBitVector) {
  const Bytes bytes = Feedback({0xE4, 0x00, 0xFF, 0xFC, 4}, 2);  // symbols 10 01
  const TransportFeedback feedback = TransportFeedback::Parse(Only(bytes)).value();
  const std::vector<Seen> expected = {{SeqNum(10), milliseconds(63)}, {SeqNum(11), milliseconds(64)}};
  EXPECT_EQ(StatusesOf(feedback), expected);
}

TEST(Twcc, TheReservedSymbolIsRefusedWhereItCounts) {
  EXPECT_EQ(TransportFeedback::Parse(Only(Feedback({0x60, 0x01}, 1))).error(), ParseError::kBadSymbol);
  EXPECT_EQ(TransportFeedback::Parse(Only(Feedback({0xC0 | 0x30, 0x00}, 1))).error(), ParseError::kBadSymbol);
  EXPECT_TRUE(TransportFeedback::Parse(Only(Feedback({0xC0 | 0x0C, 0x00}, 1))).ok())
      << "symbols behind the status count mean nothing";
}

TEST(Twcc, CountsAreBoundedByTheBytes) {
  EXPECT_EQ(TransportFeedback::Parse(Only(Feedback({0x20, 0x01, 4}, 0))).error(), ParseError::kBadCount);
  EXPECT_EQ(TransportFeedback::Parse(Only(Feedback({0x00, 0x00}, 1))).error(), ParseError::kBadCount);
  EXPECT_EQ(TransportFeedback::Parse(Only(Feedback({0x20, 0x05, 1, 2}, 5))).error(), ParseError::kTruncated);
  EXPECT_EQ(TransportFeedback::Parse(Only(Feedback({0x00, 0x05, 0x00, 0x05}, 11))).error(), ParseError::kTruncated);
  EXPECT_EQ(TransportFeedback::Parse(Only(Feedback({}, 1))).error(), ParseError::kTruncated);
  EXPECT_TRUE(TransportFeedback::Parse(Only(Feedback({0x1F, 0xFF}, 200))).ok()) << "a longer run is cut";
}

TEST(Twcc, AFewBytesMayNotClaimTensOfThousandsOfPackets) {
  Bytes bytes = Feedback({0x1F, 0xFF, 0x00, 0x01}, 0);
  StoreU16(bytes.data() + 14, 8192);
  EXPECT_TRUE(TransportFeedback::Parse(Only(bytes)).ok());
  bytes = Feedback({0x1F, 0xFF, 0x00, 0x02}, 0);
  StoreU16(bytes.data() + 14, 8193);
  EXPECT_EQ(TransportFeedback::Parse(Only(bytes)).error(), ParseError::kBadCount);
}

TEST(Twcc, WhatIsBuiltComesBackRoundedToAQuarterMillisecond) {
  for (const int start : {0, 1, 32767, 32768, 65534, 65535}) {
    for (std::uint32_t seed = 1; seed < 40; ++seed) {
      std::mt19937 random(seed);
      const SeqNum base(static_cast<std::uint16_t>(start));
      Time now = Time(seconds(1000) + microseconds(random() % 1'000'000));
      TransportFeedbackBuilder builder(base, now);
      std::vector<std::optional<Time>> arrivals;
      const auto loss = random() % 4;
      const auto spread = 1 + random() % 400;
      for (int i = 0; i < 300; ++i) {
        if (loss && random() % (5 - loss) == 0) {
          arrivals.emplace_back(std::nullopt);
          continue;
        }
        now += microseconds(250 * (static_cast<int>(random() % spread) - static_cast<int>(spread) / 4));
        if (!builder.Add(base + i, now)) break;
        arrivals.emplace_back(now);
      }
      while (!arrivals.empty() && !arrivals.back()) arrivals.pop_back();
      ASSERT_FALSE(arrivals.empty());
      const Bytes bytes = Written([&](ByteWriter& out) { builder.Write(out, Ssrc(1), Ssrc(2), 3); });
      ASSERT_LE(bytes.size(), TransportFeedbackBuilder::kMaxSize);
      const TransportFeedback feedback = TransportFeedback::Parse(Only(bytes)).value();
      const auto statuses = StatusesOf(feedback);
      ASSERT_EQ(statuses.size(), arrivals.size());
      for (std::size_t i = 0; i < arrivals.size(); ++i) {
        ASSERT_EQ(statuses[i].first, base + static_cast<int>(i));
        ASSERT_EQ(statuses[i].second.has_value(), arrivals[i].has_value()) << i;
        if (!arrivals[i]) continue;
        const Duration error = *statuses[i].second - arrivals[i]->time_since_epoch();
        ASSERT_LE(std::abs(error.count()), 125) << "seed " << seed << " packet " << i;
      }
    }
  }
}

TEST(Twcc, AFullPacketOrALongPauseNeedsANewOne) {
  TransportFeedbackBuilder full(SeqNum(0), Time(seconds(1)));
  Time now(seconds(1));
  int added = 0;
  while (full.Add(SeqNum(static_cast<std::uint16_t>(added)), now)) {
    ++added;
    now += milliseconds(100);  // two bytes each
  }
  EXPECT_GT(added, 400);
  const Bytes bytes = Written([&](ByteWriter& out) { full.Write(out, Ssrc(1), Ssrc(2), 3); });
  EXPECT_LE(bytes.size(), TransportFeedbackBuilder::kMaxSize);

  TransportFeedbackBuilder pause(SeqNum(0), Time(seconds(1)));
  EXPECT_TRUE(pause.Add(SeqNum(0), Time(seconds(1))));
  EXPECT_FALSE(pause.Add(SeqNum(1), Time(seconds(10)))) << "more than 8.19 s do not fit a delta";
  EXPECT_TRUE(pause.Add(SeqNum(1), Time(seconds(9))));
  EXPECT_FALSE(pause.Add(SeqNum(1), Time(seconds(9)))) << "twice";
  EXPECT_FALSE(pause.Add(SeqNum(5000), Time(seconds(9)))) << "too far ahead";
}

TEST(Twcc, TheReferenceTimeWrapsAt24Bits) {
  const Time late(std::chrono::hours(24 * 400));
  TransportFeedbackBuilder builder(SeqNum(5), late);
  ASSERT_TRUE(builder.Add(SeqNum(5), late + milliseconds(1)));
  const Bytes bytes = Written([&](ByteWriter& out) { builder.Write(out, Ssrc(1), Ssrc(2), 3); });
  const TransportFeedback feedback = TransportFeedback::Parse(Only(bytes)).value();
  const std::int64_t units = late.time_since_epoch() / kTwccReferenceUnit;
  EXPECT_EQ(feedback.reference_units() & 0xFFFFFF, units & 0xFFFFFF);
}

}  // namespace
}  // namespace jb::rtcp
