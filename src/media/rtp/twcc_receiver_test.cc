// SPDX-License-Identifier: Apache-2.0
#include "media/rtp/twcc_receiver.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>

#include "proto/rtcp/twcc.h"

namespace jb::media {
namespace {

using rtp::Ssrc;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time kT0{seconds(100)};

// What all feedback due at `now` says: number to arrival, nullopt for not received.
std::map<int, std::optional<Duration>> Report(TwccReceiver& receiver, Time now, int* packets = nullptr) {
  std::map<int, std::optional<Duration>> out;
  std::uint8_t buffer[rtcp::TransportFeedbackBuilder::kMaxSize];
  while (const std::size_t size = receiver.PollFeedback(buffer, Ssrc(1), Ssrc(2), now)) {
    if (packets) ++*packets;
    rtcp::Compound::Parse(ByteView(buffer).first(size)).value().ForEach([&](const rtcp::RawPacket& raw) {
      rtcp::TransportFeedback::Parse(raw).value().ForEach(
          [&](rtp::SeqNum seq, std::optional<Duration> at) { out[seq.value()] = at; });
    });
  }
  return out;
}

TEST(TwccReceiver, ReportsAHundredMillisecondsAfterTheFirstPacket) {
  TwccReceiver receiver;
  EXPECT_EQ(receiver.NextDeadline(), std::nullopt);
  receiver.HandlePacket(5, kT0);
  receiver.HandlePacket(6, kT0 + milliseconds(20));
  receiver.HandlePacket(8, kT0 + milliseconds(30));
  EXPECT_EQ(receiver.NextDeadline(), kT0 + milliseconds(100));
  EXPECT_TRUE(Report(receiver, kT0 + milliseconds(99)).empty());
  const auto report = Report(receiver, kT0 + milliseconds(100));
  ASSERT_EQ(report.size(), 4u);
  EXPECT_EQ(*report.at(6) - *report.at(5), milliseconds(20));
  EXPECT_EQ(report.at(7), std::nullopt);
  EXPECT_EQ(*report.at(8) - *report.at(5), milliseconds(30));
  EXPECT_EQ(receiver.NextDeadline(), std::nullopt) << "nothing to tell until a packet comes";
  receiver.HandlePacket(9, kT0 + milliseconds(300));
  EXPECT_EQ(receiver.NextDeadline(), kT0 + milliseconds(400));
  EXPECT_EQ(Report(receiver, kT0 + milliseconds(400)).size(), 1u);
}

TEST(TwccReceiver, LossBetweenTwoReportsBelongsToTheSecond) {
  TwccReceiver receiver;
  receiver.HandlePacket(1, kT0);
  Report(receiver, kT0 + milliseconds(100));
  receiver.HandlePacket(4, kT0 + milliseconds(150));
  const auto report = Report(receiver, kT0 + milliseconds(250));
  ASSERT_EQ(report.size(), 3u);
  EXPECT_EQ(report.at(2), std::nullopt);
  EXPECT_EQ(report.at(3), std::nullopt);
  EXPECT_NE(report.at(4), std::nullopt);
}

TEST(TwccReceiver, APacketThatComesAfterItsReportIsReportedAgain) {
  TwccReceiver receiver;
  receiver.HandlePacket(1, kT0);
  receiver.HandlePacket(3, kT0);
  Report(receiver, kT0 + milliseconds(100));
  receiver.HandlePacket(2, kT0 + milliseconds(120));
  const auto report = Report(receiver, kT0 + milliseconds(220));
  EXPECT_NE(report.at(2), std::nullopt);
  EXPECT_NE(report.at(3), std::nullopt);
  EXPECT_FALSE(report.contains(1));
}

TEST(TwccReceiver, OneLaterThanTheWindowStaysLost) {
  TwccReceiver receiver;
  receiver.HandlePacket(1, kT0);
  receiver.HandlePacket(3, kT0);
  Report(receiver, kT0 + milliseconds(100));
  receiver.HandlePacket(4, kT0 + milliseconds(590));
  Report(receiver, kT0 + milliseconds(690));
  receiver.HandlePacket(2, kT0 + milliseconds(700));
  EXPECT_EQ(receiver.NextDeadline(), std::nullopt) << "not armed by a packet that is ignored";
}

TEST(TwccReceiver, ADuplicateKeepsTheFirstArrival) {
  TwccReceiver receiver;
  receiver.HandlePacket(1, kT0);
  receiver.HandlePacket(2, kT0 + milliseconds(10));
  receiver.HandlePacket(2, kT0 + milliseconds(90));
  const auto report = Report(receiver, kT0 + milliseconds(100));
  EXPECT_EQ(*report.at(2) - *report.at(1), milliseconds(10));
}

TEST(TwccReceiver, EverythingIsReportedFromEveryWrapPosition) {
  for (const int start : {0, 1, 32767, 32768, 65534, 65535}) {
    std::mt19937 random(static_cast<std::uint32_t>(start) + 1);
    TwccReceiver receiver;
    Time now = kT0;
    std::map<int, Time> sent;
    std::map<int, std::optional<Duration>> told;
    for (int i = 0; i < 20'000; ++i) {
      now += microseconds(250 * (random() % 20));
      const int number = (start + i) & 0xFFFF;
      if (i == 0 || random() % 20 != 0) {
        receiver.HandlePacket(static_cast<std::uint16_t>(number), now);
        sent[number] = now;
      }
      if (receiver.NextDeadline() && *receiver.NextDeadline() <= now) {
        for (const auto& [n, at] : Report(receiver, now)) told[n] = at;
      }
    }
    for (const auto& [n, at] : Report(receiver, now + seconds(1))) told[n] = at;
    for (const auto& [n, at] : sent) {
      ASSERT_TRUE(told.contains(n) && told[n]) << n;
      const Duration difference = *told[n] - at.time_since_epoch();
      ASSERT_LE(std::abs(difference.count()), 125) << n;
    }
  }
}

TEST(TwccReceiver, ABurstThatOnePacketCannotHoldTakesSeveral) {
  TwccReceiver receiver;
  for (int i = 0; i < 5000; ++i) receiver.HandlePacket(static_cast<std::uint16_t>(i), kT0 + microseconds(i * 20));
  int packets = 0;
  EXPECT_EQ(Report(receiver, kT0 + milliseconds(100), &packets).size(), 5000u);
  EXPECT_GT(packets, 4);
}

TEST(TwccReceiver, AFarJumpBeginsAnew) {
  TwccReceiver receiver;
  receiver.HandlePacket(1, kT0);
  receiver.HandlePacket(20'000, kT0 + milliseconds(1));
  EXPECT_EQ(Report(receiver, kT0 + milliseconds(100)).size(), 1u);
  receiver.HandlePacket(100, kT0 + milliseconds(200));
  receiver.HandlePacket(101, kT0 + milliseconds(200));
  EXPECT_EQ(Report(receiver, kT0 + milliseconds(300)).size(), 2u);
}

}  // namespace
}  // namespace jb::media
