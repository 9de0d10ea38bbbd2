// SPDX-License-Identifier: Apache-2.0
// The small parts of the worker: deadlines, routes, what has arrived.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "sfu/deadline_heap.h"
#include "sfu/ingress_stream.h"
#include "sfu/tuple_hash.h"
#include "testing/seeded_random.h"

namespace jb::sfu {
namespace {

using namespace std::chrono_literals;

constexpr Time kStart{std::chrono::seconds(10)};

class Alarm : public Timed {
 public:
  using Timed::Timed;
  ~Alarm() override = default;
  using Timed::SetDeadline;
  using Timed::WakeAt;
  std::vector<Time> rang;
  std::optional<Duration> again;

 private:
  void HandleDeadline(Time now) override {
    rang.push_back(now);
    if (again) SetDeadline(now + *again);
  }
};

TEST(DeadlineHeapTest, TheEarliestIsAlwaysOnTop) {
  testing::SeededRandom random(5);
  DeadlineHeap heap;
  std::vector<std::unique_ptr<Alarm>> alarms;
  for (int i = 0; i < 50; ++i) alarms.push_back(std::make_unique<Alarm>(heap));
  for (int step = 0; step < 20'000; ++step) {
    const std::size_t at = random.Between(0, static_cast<std::uint32_t>(alarms.size()) - 1);
    switch (random.Between(0, 9)) {
      case 0: alarms[at] = std::make_unique<Alarm>(heap); break;
      case 1: alarms[at]->SetDeadline(kNever); break;
      case 2: alarms[at]->WakeAt(kStart + Duration(random.Between(0, 1'000'000))); break;
      default: alarms[at]->SetDeadline(kStart + Duration(random.Between(0, 1'000'000)));
    }
    Time earliest = kNever;
    for (const auto& alarm : alarms) earliest = std::min(earliest, alarm->deadline());
    ASSERT_EQ(heap.next(), earliest) << step;
  }
}

TEST(DeadlineHeapTest, EachRingsOnceAndAskingForThePastDoesNotSpin) {
  DeadlineHeap heap;
  Alarm a(heap), b(heap), c(heap);
  a.SetDeadline(kStart);
  b.SetDeadline(kStart + 1s);
  c.SetDeadline(kStart + 5s);
  b.again = -1h;
  heap.Run(kStart + 2s);
  EXPECT_EQ(a.rang.size(), 1u);
  EXPECT_EQ(b.rang.size(), 1u);
  EXPECT_TRUE(c.rang.empty());
  EXPECT_EQ(heap.next(), kStart + 2s + 1ms);
}

TEST(ReceivedWindowTest, EachNumberIsNewOnceOverTheWrap) {
  for (const int first : {0, 1, 32767, 32768, 65534, 65535}) {
    ReceivedWindow window;
    for (int i = 0; i < 5000; ++i) {
      const rtp::SeqNum seq(static_cast<std::uint16_t>(first + i));
      EXPECT_TRUE(window.Insert(seq)) << first << " " << i;
      EXPECT_FALSE(window.Insert(seq)) << first << " " << i;
    }
  }
}

TEST(ReceivedWindowTest, LateOnesCountOnceAndVeryLateOnesNever) {
  ReceivedWindow window;
  EXPECT_TRUE(window.Insert(rtp::SeqNum(3000)));
  EXPECT_TRUE(window.Insert(rtp::SeqNum(2999)));
  EXPECT_FALSE(window.Insert(rtp::SeqNum(2999)));
  EXPECT_TRUE(window.Insert(rtp::SeqNum(3000 - 2047)));
  EXPECT_FALSE(window.Insert(rtp::SeqNum(3000 - 2048)));
}

TEST(ReceivedWindowTest, ALargeJumpBeginsAnew) {
  ReceivedWindow window;
  EXPECT_TRUE(window.Insert(rtp::SeqNum(100)));
  EXPECT_TRUE(window.Insert(rtp::SeqNum(20'100)));
  EXPECT_FALSE(window.Insert(rtp::SeqNum(20'100)));
  EXPECT_TRUE(window.Insert(rtp::SeqNum(20'101)));
}

TEST(IngressStreamTest, TheFirstSsrcOwnsAStreamUntilSilenceOrBye) {
  IngressStream stream(
      {.index = 0, .rid = "r0", .ssrc = {}, .rtx_ssrc = {}, .clock_rate = 90000, .nack = true, .video = true});
  EXPECT_TRUE(stream.CanBind(1, false, kStart));
  stream.Bind(1, false);
  stream.HandlePacket(rtp::SeqNum(1), rtp::Timestamp(1), 100, true, false, kStart);
  EXPECT_TRUE(stream.CanBind(1, false, kStart));
  EXPECT_FALSE(stream.CanBind(2, false, kStart + 999ms));
  EXPECT_TRUE(stream.CanBind(2, false, kStart + 1s));
  stream.HandleBye();
  EXPECT_TRUE(stream.CanBind(2, false, kStart));
}

TEST(IngressStreamTest, ARepetitionIsNoSignOfLife) {
  IngressStream stream(
      {.index = 0, .rid = "r0", .ssrc = {}, .rtx_ssrc = {}, .clock_rate = 90000, .nack = true, .video = true});
  stream.Bind(1, false);
  EXPECT_TRUE(stream.HandlePacket(rtp::SeqNum(1), rtp::Timestamp(1), 100, true, false, kStart));
  EXPECT_FALSE(stream.HandlePacket(rtp::SeqNum(1), rtp::Timestamp(1), 100, true, true, kStart + 900ms));
  EXPECT_TRUE(stream.CanBind(2, false, kStart + 1s));
  stream.HandleBye();
  EXPECT_FALSE(stream.HandlePacket(rtp::SeqNum(1), rtp::Timestamp(1), 100, true, true, kStart + 1s));
  EXPECT_TRUE(stream.CanBind(2, false, kStart + 1s));
}

TEST(IngressStreamTest, ADeclaredSsrcIsTheOnlyOne) {
  IngressStream stream(
      {.index = 0, .rid = {}, .ssrc = 7, .rtx_ssrc = {}, .clock_rate = 90000, .nack = true, .video = true});
  EXPECT_TRUE(stream.CanBind(7, false, kStart));
  EXPECT_FALSE(stream.CanBind(8, false, kStart));
  EXPECT_TRUE(stream.CanBind(8, true, kStart));
}

TEST(TupleHashTest, TheKeyDecidesAndAddressesSpread) {
  testing::SeededRandom random(1);
  const TupleHash one(random), other(random);
  std::set<std::size_t> buckets;
  for (std::uint16_t port = 0; port < 1000; ++port) {
    const Tuple tuple{TransportProtocol::kUdp, *SocketAddress::Parse("10.0.0.1", port), 0};
    EXPECT_NE(one(tuple), other(tuple));
    buckets.insert(one(tuple) % 1024);
  }
  EXPECT_GT(buckets.size(), 550u);  // a random function fills about 640
}

}  // namespace
}  // namespace jb::sfu
