// SPDX-License-Identifier: Apache-2.0
#include "testing/netem.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace jb::testing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time kT0{seconds(10)};

struct Arrival {
  int number;
  Duration delay;  // since it was sent
  friend bool operator==(const Arrival&, const Arrival&) = default;
};

// Sends `count` datagrams of `size` bytes, one every `gap`, and lists what arrives.
std::vector<Arrival> Arrivals(Netem& net, int count, Duration gap = milliseconds(1), std::size_t size = 100) {
  std::vector<Arrival> out;
  std::map<int, Time> sent;
  const auto drain = [&](Time until) {
    while (net.NextDeadline() && *net.NextDeadline() <= until) {
      const Time at = *net.NextDeadline();
      const int number = static_cast<int>(LoadU32(net.Poll(at)->bytes.data()));
      out.push_back({number, at - sent[number]});
    }
  };
  for (int i = 0; i < count; ++i) {
    const Time now = kT0 + i * gap;
    drain(now);
    Bytes bytes(size);
    StoreU32(bytes.data(), static_cast<std::uint32_t>(i));
    sent[i] = now;
    net.Send({}, bytes, now);
  }
  drain(kNever);
  EXPECT_EQ(net.counters().delivered, out.size());
  EXPECT_EQ(net.in_flight(), 0u);
  return out;
}
std::size_t Inversions(const std::vector<Arrival>& arrivals) {
  std::size_t count = 0;
  for (std::size_t i = 1; i < arrivals.size(); ++i) count += arrivals[i].number < arrivals[i - 1].number ? 1 : 0;
  return count;
}

TEST(Netem, ACleanLinkDeliversEverythingInOrderAfterItsLatency) {
  Netem net({.latency = milliseconds(25)});
  const auto arrivals = Arrivals(net, 1000);
  ASSERT_EQ(arrivals.size(), 1000u);
  for (int i = 0; i < 1000; ++i) EXPECT_EQ(arrivals[static_cast<std::size_t>(i)], (Arrival{i, milliseconds(25)}));
}

TEST(Netem, NothingArrivesEarlyAndAddressesAreKept) {
  Netem net({.latency = milliseconds(25)});
  const Tuple tuple{
      .protocol = TransportProtocol::kTcp, .remote = SocketAddress::Parse("192.0.2.1", 5).value(), .connection = 7};
  net.Send(tuple, Bytes{1}, kT0);
  EXPECT_FALSE(net.Poll(kT0 + milliseconds(24)));
  const auto datagram = net.Poll(kT0 + milliseconds(25));
  ASSERT_TRUE(datagram);
  EXPECT_EQ(datagram->tuple, tuple);
  EXPECT_EQ(datagram->bytes, Bytes{1});
}

TEST(Netem, TheSameSeedGivesTheSameRunAndAnotherSeedAnother) {
  Netem first(BadNetwork(), 42);
  Netem same(BadNetwork(), 42);
  Netem other(BadNetwork(), 43);
  const auto arrivals = Arrivals(first, 2000);
  EXPECT_EQ(arrivals, Arrivals(same, 2000));
  EXPECT_NE(arrivals, Arrivals(other, 2000));
}

TEST(Netem, LossDuplicatesAndReorderingHaveTheirRates) {
  Netem net({.latency = milliseconds(20), .loss = 0.1, .duplicate = 0.05, .reorder = 0.02});
  const auto arrivals = Arrivals(net, 50'000);
  EXPECT_NEAR(static_cast<double>(net.counters().lost), 5000.0, 300.0);
  EXPECT_NEAR(static_cast<double>(net.counters().duplicated), 2250.0, 200.0);
  EXPECT_GT(Inversions(arrivals), 500u);
}

TEST(Netem, BurstsHaveTheirMeanLossAndLength) {
  const GilbertElliott model{.to_bad = 0.01, .to_good = 0.25};
  Netem net({.bursts = model});
  const auto arrivals = Arrivals(net, 200'000);
  EXPECT_NEAR(static_cast<double>(net.counters().lost) / 200'000, model.mean_loss(), 0.004);
  int bursts = 0;
  for (std::size_t i = 1; i < arrivals.size(); ++i) bursts += arrivals[i].number > arrivals[i - 1].number + 1 ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(net.counters().lost) / bursts, 4.0, 0.3);
}

TEST(Netem, JitterStaysInItsRangeAndReordersOnlyWhenAllowed) {
  NetemProfile profile{.latency = milliseconds(50), .jitter = milliseconds(20), .jitter_reorders = true};
  Netem free(profile);
  const auto arrivals = Arrivals(free, 5000);
  for (const Arrival& a : arrivals) {
    ASSERT_GE(a.delay, milliseconds(30));
    ASSERT_LE(a.delay, milliseconds(70));
  }
  EXPECT_GT(Inversions(arrivals), 1000u);
  profile.jitter_reorders = false;
  Netem ordered(profile);
  EXPECT_EQ(Inversions(Arrivals(ordered, 5000)), 0u);
}

TEST(Netem, TheRateLimitDelaysThenDrops) {
  // 1000 bytes every 10 ms are 800 kbit/s into 400 kbit/s: each takes 20 ms.
  Netem net({.rate_bps = 400'000, .max_queue = milliseconds(200)});
  const auto arrivals = Arrivals(net, 500, milliseconds(10), 1000);
  EXPECT_EQ(arrivals[0].delay, milliseconds(20));
  for (const Arrival& a : arrivals) ASSERT_LE(a.delay, milliseconds(220));
  EXPECT_NEAR(static_cast<double>(arrivals.size()), 260.0, 5.0);
  EXPECT_EQ(net.counters().queue_dropped, 500 - arrivals.size());
}

TEST(Netem, WhatWaitsLeavesAtTheRateThatTheLinkHasByThen) {
  // Ten of 1000 bytes at 800 kbit/s take 10 ms each; after three the link slows down to a tenth.
  NetemProfile profile{.latency = milliseconds(5), .rate_bps = 800'000};
  Netem net(profile);
  for (int i = 0; i < 10; ++i) net.Send({}, Bytes(1000), kT0);
  EXPECT_EQ(net.queueing_delay(kT0), milliseconds(100));
  std::vector<Duration> delays;
  const auto drain = [&](Duration until) {
    while (net.NextDeadline() && *net.NextDeadline() <= kT0 + until) {
      const Time at = *net.NextDeadline();
      while (net.Poll(at)) delays.push_back(at - kT0);
    }
  };
  drain(milliseconds(29));
  profile.rate_bps = 80'000;
  net.set_profile(profile);
  drain(std::chrono::hours(1));
  ASSERT_EQ(delays.size(), 10u);
  EXPECT_EQ(delays[1], milliseconds(25));
  EXPECT_EQ(delays[2], milliseconds(35)) << "begun at the old rate";
  EXPECT_EQ(delays[3], milliseconds(135));
  EXPECT_EQ(delays[9], milliseconds(735));
}

TEST(Netem, AnOutageLosesWhatIsSentInItAndNothingElse) {
  Netem net({.latency = milliseconds(30)});
  net.Send({}, Bytes{1}, kT0);
  NetemProfile profile = net.profile();
  profile.down = true;
  net.set_profile(profile);
  net.Send({}, Bytes{2}, kT0 + milliseconds(1));
  profile.down = false;
  net.set_profile(profile);
  net.Send({}, Bytes{3}, kT0 + milliseconds(2));
  EXPECT_EQ(net.Poll(kT0 + seconds(1))->bytes, Bytes{1});
  EXPECT_EQ(net.Poll(kT0 + seconds(1))->bytes, Bytes{3});
  EXPECT_FALSE(net.Poll(kT0 + seconds(1)));
}

TEST(Netem, LargeDatagramsVanishInABlackHole) {
  Netem net({.max_datagram = 1280});
  net.Send({}, Bytes(1281), kT0);
  net.Send({}, Bytes(1280), kT0);
  EXPECT_EQ(net.Poll(kT0)->bytes.size(), 1280u);
  EXPECT_FALSE(net.Poll(kT0));
}

}  // namespace
}  // namespace jb::testing
