// SPDX-License-Identifier: Apache-2.0
// The small parts of the worker: routes, what has arrived.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "sfu/ingress_stream.h"
#include "sfu/tuple_hash.h"
#include "testing/seeded_random.h"

namespace jb::sfu {
namespace {

using namespace std::chrono_literals;

constexpr Time kStart{std::chrono::seconds(10)};

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
  EXPECT_TRUE(stream.IsNew(rtp::SeqNum(1)));
  stream.HandlePacket(rtp::SeqNum(1), rtp::Timestamp(1), 100, true, false, kStart);
  EXPECT_FALSE(stream.IsNew(rtp::SeqNum(1)));
  EXPECT_TRUE(stream.CanBind(2, false, kStart + 1s));
  stream.HandleBye();
  EXPECT_FALSE(stream.IsNew(rtp::SeqNum(1)));
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
