// SPDX-License-Identifier: Apache-2.0
#include "media/rtp/packet_pool.h"

#include <gtest/gtest.h>

#include <vector>

namespace jb::media {
namespace {

TEST(PacketPool, ABufferReturnsWhenItsLastReferenceGoes) {
  PacketPool pool(10);
  PacketRef first = pool.Take();
  {
    const PacketRef second = first;
    EXPECT_EQ(pool.in_use(), 1u);
    first = PacketRef();
    EXPECT_EQ(pool.in_use(), 1u);
    EXPECT_TRUE(second);
  }
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST(PacketPool, MovingAndSelfAssignmentKeepTheCount) {
  PacketPool pool(10);
  PacketRef a = pool.Take();
  PacketRef b = std::move(a);
  EXPECT_FALSE(a);
  const PacketRef& alias = b;
  b = alias;
  EXPECT_TRUE(b);
  EXPECT_EQ(pool.in_use(), 1u);
  b.Release();
  b.Release();
  EXPECT_EQ(pool.in_use(), 0u);
}

TEST(PacketPool, AFullPoolGivesAnEmptyReference) {
  PacketPool pool(100);
  std::vector<PacketRef> held;
  for (int i = 0; i < 100; ++i) held.push_back(pool.Take());
  EXPECT_TRUE(held.back());
  EXPECT_FALSE(pool.Take());
  held.pop_back();
  EXPECT_TRUE(pool.Take());
}

TEST(PacketPool, AReusedBufferBeginsEmptyAndNothingNewIsAllocated) {
  PacketPool pool(64);
  for (int i = 0; i < 1000; ++i) {
    const PacketRef packet = pool.Take();
    EXPECT_EQ(packet->size(), 0u);
    EXPECT_EQ(packet->header_size(), 12u);
    packet->layout().Reserve(1, 4);
    packet->set_size(100);
  }
  EXPECT_EQ(pool.allocated(), 64u);
}

}  // namespace
}  // namespace jb::media
