// SPDX-License-Identifier: Apache-2.0
#include "media/audio/jitter_buffer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

namespace jb::media {
namespace {

using namespace std::chrono_literals;
using Kind = JitterBuffer::Kind;

constexpr std::uint32_t kTicks = 960;  // of 20 ms
const Time kStart{10s};

// A 20 ms packet (SILK NB, RFC 6716 table 2) that carries a number.
Bytes Packet(int n) { return {0x08, static_cast<std::uint8_t>(n >> 8), static_cast<std::uint8_t>(n)}; }

struct Harness {
  explicit Harness(int seq = 100, std::uint32_t timestamp = 5000)
      : first_seq(static_cast<std::uint16_t>(seq)), first_timestamp(timestamp) {}

  JitterBuffer buffer;
  std::uint16_t first_seq;
  std::uint32_t first_timestamp;

  bool Put(int n, Time now) {
    return buffer.Insert(static_cast<std::uint16_t>(first_seq + n),
                         first_timestamp + static_cast<std::uint32_t>(n) * kTicks, Packet(n), now);
  }
  // "0 1 L40 S100 2": packets by number, losses and silences with their milliseconds.
  std::string Take(Time now) {
    std::string out;
    while (const auto frame = buffer.Pop(now)) {
      if (!out.empty()) out += ' ';
      if (frame->restarted) out += '!';
      switch (frame->kind) {
        case Kind::kPacket: out += std::to_string((frame->payload[1] << 8) | frame->payload[2]); break;
        case Kind::kLost: out += "L" + std::to_string(ToMs(frame->duration)); break;
        case Kind::kSilence: out += "S" + std::to_string(ToMs(frame->duration)); break;
      }
    }
    return out;
  }
};

class JitterBufferFrom : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(WrapArounds, JitterBufferFrom, ::testing::Values(0, 1, 32767, 32768, 65534, 65535));

TEST_P(JitterBufferFrom, InOrderPacketsComeOutAtOnce) {
  Harness h(GetParam(), 0xFFFFFF00u);
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(h.Put(i, kStart + i * 20ms));
    EXPECT_EQ(h.Take(kStart + i * 20ms), std::to_string(i));
    EXPECT_EQ(h.buffer.NextDeadline(), std::nullopt);
  }
}

TEST_P(JitterBufferFrom, AnyOrderWithinTheWaitIsPutRight) {
  std::mt19937 random(static_cast<unsigned>(GetParam()));
  Harness h(GetParam());
  h.Put(0, kStart);
  EXPECT_EQ(h.Take(kStart), "0");
  std::vector<int> order = {1, 2, 3, 4, 5, 6, 7};
  std::string expected = "1 2 3 4 5 6 7";
  std::shuffle(order.begin(), order.end(), random);
  std::string got;
  for (const int n : order) {
    h.Put(n, kStart + 30ms);
    const std::string now = h.Take(kStart + 30ms);
    if (!now.empty()) got += (got.empty() ? "" : " ") + now;
  }
  EXPECT_EQ(got, expected);
}

TEST_P(JitterBufferFrom, AHoleIsDeclaredLostAfterTheWait) {
  Harness h(GetParam());
  h.Put(0, kStart);
  h.Take(kStart);
  h.Put(3, kStart + 60ms);
  EXPECT_EQ(h.Take(kStart + 60ms), "");
  ASSERT_EQ(h.buffer.NextDeadline(), kStart + 100ms);
  EXPECT_EQ(h.Take(kStart + 99ms), "");
  EXPECT_EQ(h.Take(kStart + 100ms), "L40 3");
  EXPECT_EQ(h.buffer.stats().lost, 2u);
}

TEST(JitterBuffer, TheLostFrameShowsTheNextPacketForItsRedundancy) {
  Harness h;
  h.Put(0, kStart);
  h.Take(kStart);
  h.Put(2, kStart + 40ms);
  const auto lost = h.buffer.Pop(kStart + 80ms);
  ASSERT_TRUE(lost.has_value());
  EXPECT_EQ(lost->kind, Kind::kLost);
  EXPECT_EQ(lost->payload.size(), 3u);
  EXPECT_EQ(lost->payload[2], 2);
}

TEST(JitterBuffer, ARetransmissionWithinTheWaitFillsTheHole) {
  Harness h;
  h.Put(0, kStart);
  h.Take(kStart);
  h.Put(2, kStart + 40ms);
  h.Put(3, kStart + 60ms);
  h.Put(1, kStart + 75ms);
  EXPECT_EQ(h.Take(kStart + 75ms), "1 2 3");
  EXPECT_EQ(h.buffer.stats().lost, 0u);
}

TEST(JitterBuffer, LatePacketsMakeItWaitLongerAndCalmMakesItShorter) {
  Harness h;
  h.Put(0, kStart);
  h.Take(kStart);
  h.Put(2, kStart + 40ms);
  EXPECT_EQ(h.Take(kStart + 80ms), "L20 2");
  EXPECT_FALSE(h.Put(1, kStart + 100ms));
  EXPECT_EQ(h.buffer.stats().late, 1u);
  EXPECT_EQ(h.buffer.wait(), 60ms);
  EXPECT_FALSE(h.Put(1, kStart + 101ms));
  EXPECT_EQ(h.buffer.stats().duplicates, 1u);
  for (int i = 3; i < 1500; ++i) {
    h.Put(i, kStart + i * 20ms);
    h.Take(kStart + i * 20ms);
  }
  EXPECT_EQ(h.buffer.wait(), 40ms);
}

TEST(JitterBuffer, TheWaitIsBounded) {
  Harness h;
  Time now = kStart;
  h.Put(0, now);
  h.Take(now);
  for (int i = 1; i < 400; i += 2) {
    h.Put(i + 1, now += 20ms);
    h.Take(now += 500ms);
    h.Put(i, now += 500ms);
  }
  EXPECT_EQ(h.buffer.wait(), 120ms);
}

TEST(JitterBuffer, ASendersPauseIsSilenceNotLoss) {
  Harness h;
  h.Put(0, kStart);
  h.Take(kStart);
  // DTX: the next number, a later timestamp.
  h.buffer.Insert(101, 5000 + 21 * kTicks, Packet(1), kStart + 420ms);
  EXPECT_EQ(h.Take(kStart + 420ms), "S400 1");
  EXPECT_EQ(h.buffer.stats().lost, 0u);
}

TEST(JitterBuffer, ALossInsideAPauseConcealsOnePacketAndTheRestIsSilence) {
  Harness h;
  h.Put(0, kStart);
  h.Take(kStart);
  h.buffer.Insert(102, 5000 + 21 * kTicks, Packet(2), kStart + 420ms);
  EXPECT_EQ(h.Take(kStart + 460ms), "L20 S380 2");
}

TEST(JitterBuffer, ALongBurstIsConcealedBrieflyAndThenSilent) {
  Harness h;
  h.Put(0, kStart);
  h.Take(kStart);
  h.Put(21, kStart + 420ms);
  EXPECT_EQ(h.Take(kStart + 460ms), "L100 S300 21");
  EXPECT_EQ(h.buffer.stats().lost, 20u);
}

TEST(JitterBuffer, DuplicatesChangeNothing) {
  Harness h;
  for (int i = 0; i < 5; ++i) {
    h.Put(i, kStart);
    h.Put(i, kStart);
  }
  EXPECT_EQ(h.Take(kStart), "0 1 2 3 4");
  EXPECT_FALSE(h.Put(4, kStart));
  EXPECT_EQ(h.buffer.stats().duplicates, 6u);
}

TEST(JitterBuffer, OneStrayNumberIsIgnoredTwoInARowStartAfresh) {
  Harness h;
  h.Put(0, kStart);
  h.Take(kStart);
  EXPECT_FALSE(h.Put(5000, kStart));
  h.Put(1, kStart);
  EXPECT_EQ(h.Take(kStart), "1");
  EXPECT_FALSE(h.Put(9000, kStart));
  EXPECT_TRUE(h.Put(9001, kStart));
  EXPECT_EQ(h.Take(kStart), "!9001");
  EXPECT_EQ(h.buffer.stats().restarts, 1u);
}

TEST(JitterBuffer, HoldsNoMoreThanItsBound) {
  Harness h;
  h.Put(0, kStart);
  h.Take(kStart);
  for (int i = 2; i < 60; ++i) h.Put(i, kStart);
  EXPECT_LE(h.buffer.size(), JitterBuffer::kMaxPackets);
  EXPECT_EQ(h.Take(kStart).substr(0, 6), "L20 2 ");  // crowded: it does not wait
}

TEST(JitterBuffer, RefusesWhatIsNotOpus) {
  JitterBuffer buffer;
  EXPECT_FALSE(buffer.Insert(1, 0, {}, kStart));
  EXPECT_FALSE(buffer.Insert(1, 0, Bytes(1501, 0x08), kStart));
  EXPECT_FALSE(buffer.Insert(1, 0, Bytes{0xFF, 0xFF}, kStart));
  EXPECT_EQ(buffer.stats().discarded, 3u);
}

TEST(JitterBuffer, TimestampsThatRunBackwardsAreTakenAsTheyCome) {
  Harness h;
  h.Put(0, kStart);
  h.Take(kStart);
  h.buffer.Insert(101, 17, Packet(1), kStart);
  h.buffer.Insert(102, 0x80000000u, Packet(2), kStart);
  EXPECT_EQ(h.Take(kStart), "1 2");
}

}  // namespace
}  // namespace jb::media
