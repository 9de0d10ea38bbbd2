// SPDX-License-Identifier: Apache-2.0
#include "services/gateway/rate_limiter.h"

#include <gtest/gtest.h>

namespace jb::services {
namespace {

using namespace std::chrono_literals;

TEST(RateLimiter, ABurstPassesAndThenTheRateRules) {
  RateLimiter limiter({.per_second = 2, .burst = 3});
  const SocketAddress client = *SocketAddress::Parse("192.0.2.1", 1);
  Time now{};
  for (int i = 0; i < 3; ++i) EXPECT_FALSE(limiter.Take(client, now));
  EXPECT_EQ(limiter.Take(client, now), Duration(500ms));
  EXPECT_FALSE(limiter.Take(client, now + 500ms));
  EXPECT_TRUE(limiter.Take(client, now + 500ms));
}

TEST(RateLimiter, AnotherPortIsTheSameClientAndAnotherAddressIsNot) {
  RateLimiter limiter({.per_second = 1, .burst = 1});
  EXPECT_FALSE(limiter.Take(*SocketAddress::Parse("192.0.2.1", 1), Time{}));
  EXPECT_TRUE(limiter.Take(*SocketAddress::Parse("192.0.2.1", 2), Time{}));
  EXPECT_FALSE(limiter.Take(*SocketAddress::Parse("192.0.2.2", 1), Time{}));
  EXPECT_FALSE(limiter.Take(*SocketAddress::Parse("2001:db8::1", 1), Time{}));
  EXPECT_TRUE(limiter.Take(*SocketAddress::Parse("2001:db8::2", 1), Time{})) << "one /64 is one client";
}

TEST(RateLimiter, WhatIsDoneAboutOneThingCostsNothingAboutAnother) {
  RateLimiter limiter({.per_second = 1, .burst = 1});
  const SocketAddress client = *SocketAddress::Parse("192.0.2.1", 1);
  EXPECT_FALSE(limiter.Take(client, Time{}, "one room"));
  EXPECT_TRUE(limiter.Exhausted(client, Time{}, "one room"));
  EXPECT_FALSE(limiter.Exhausted(client, Time{}, "another"));
  EXPECT_FALSE(limiter.Take(client, Time{}, "another"));
}

TEST(TokenBucket, SaysWhenItIsSpentAndWhenItIsFullAgain) {
  constexpr RateRule kRule{.per_second = 2, .burst = 2};
  TokenBucket bucket(kRule, Time{});
  EXPECT_TRUE(bucket.Full(kRule, Time{}));
  EXPECT_FALSE(bucket.Take(kRule, Time{}));
  EXPECT_FALSE(bucket.Take(kRule, Time{}));
  EXPECT_TRUE(bucket.Exhausted(kRule, Time{}));
  EXPECT_EQ(bucket.Take(kRule, Time{}), Duration(500ms));
  EXPECT_FALSE(bucket.Exhausted(kRule, Time{} + 500ms));
  EXPECT_TRUE(bucket.Full(kRule, Time{} + 1s));
}

TEST(RateLimiter, TheTableStaysBounded) {
  RateLimiter limiter({.per_second = 1, .burst = 1});
  for (std::uint32_t i = 0; i < 200'000; ++i) {
    std::uint8_t ip[4];
    StoreU32(ip, i);
    limiter.Take(*SocketAddress::FromBytes(ip, 1), Time{});
  }
  EXPECT_LE(limiter.size(), 65'536u);
}

}  // namespace
}  // namespace jb::services
