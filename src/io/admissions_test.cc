// SPDX-License-Identifier: Apache-2.0
#include "io/admissions.h"

#include <gtest/gtest.h>

#include <vector>

namespace jb::io {
namespace {

using Places = std::vector<std::shared_ptr<void>>;

SocketAddress From(const char* ip, std::uint16_t port = 5000) { return *SocketAddress::Parse(ip, port); }

// How many of `wanted` newcomers from there are let in, with all places kept.
std::size_t Taken(Admissions& door, const char* ip, std::size_t wanted, Places& kept) {
  std::size_t taken = 0;
  for (std::size_t i = 0; i < wanted; ++i) {
    auto place = door.Take(From(ip, static_cast<std::uint16_t>(1000 + i)));
    if (!place) continue;
    ++taken;
    kept.push_back(std::move(place));
  }
  return taken;
}

TEST(Admissions, OneAddressHoldsOnlyItsShareAndOthersGetIn) {
  Admissions door(100, 3);
  Places kept;
  EXPECT_EQ(Taken(door, "192.0.2.1", 10, kept), 3u);
  EXPECT_EQ(Taken(door, "192.0.2.2", 2, kept), 2u);
  EXPECT_EQ(door.refused(), 7u);
}

TEST(Admissions, APlaceIsFreeAgainWhenItsHolderIsGone) {
  Admissions door(100, 1);
  auto place = door.Take(From("192.0.2.1"));
  const auto copy = place;
  place.reset();
  EXPECT_FALSE(door.Take(From("192.0.2.1")));
  Admissions other(1, 1);
  { const auto brief = other.Take(From("192.0.2.1")); }
  EXPECT_TRUE(other.Take(From("192.0.2.1")));
}

TEST(Admissions, AnIpv6PrefixOf64BitsIsOnePeer) {
  Admissions door(100, 2);
  Places kept;
  EXPECT_EQ(Taken(door, "2001:db8:1:2::1", 1, kept), 1u);
  EXPECT_EQ(Taken(door, "2001:db8:1:2:ffff::9", 5, kept), 1u);
  EXPECT_EQ(Taken(door, "2001:db8:1:3::1", 5, kept), 2u);
}

TEST(Admissions, LoopbackIsBoundedOnlyByTheWhole) {
  Admissions door(10, 2);
  Places kept;
  EXPECT_EQ(Taken(door, "127.0.0.1", 6, kept), 6u);
  EXPECT_EQ(Taken(door, "::1", 6, kept), 4u);
  EXPECT_EQ(Taken(door, "192.0.2.1", 1, kept), 0u);
}

TEST(Admissions, NoLimitPerPeerWhenItIsZero) {
  Admissions door(10, 0);
  Places kept;
  EXPECT_EQ(Taken(door, "192.0.2.1", 20, kept), 10u);
}

TEST(Admissions, APlaceMayOutliveThem) {
  auto door = std::make_unique<Admissions>(1, 1);
  auto place = door->Take(From("192.0.2.1"));
  door.reset();
  place.reset();
}

}  // namespace
}  // namespace jb::io
