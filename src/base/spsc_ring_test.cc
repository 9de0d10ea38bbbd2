// SPDX-License-Identifier: Apache-2.0
#include "base/spsc_ring.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

namespace jb {
namespace {

TEST(SpscRing, GivesBackInOrderOverManyRounds) {
  SpscRing<int> ring(4);
  int written = 0, read = 0;
  for (int round = 0; round < 100; ++round) {
    for (int i = 0; i < 3; ++i) {
      int* slot = ring.Next();
      ASSERT_NE(slot, nullptr);
      *slot = written++;
      ring.Push();
    }
    for (int i = 0; i < 3; ++i) {
      ASSERT_NE(ring.Front(), nullptr);
      EXPECT_EQ(*ring.Front(), read++);
      ring.Pop();
    }
    EXPECT_EQ(ring.Front(), nullptr);
  }
}

TEST(SpscRing, SaysWhenItIsFullAndGoesOnWhenASlotIsFree) {
  SpscRing<int> ring(3);
  EXPECT_EQ(ring.capacity(), 4u);
  for (int i = 0; i < 4; ++i) {
    *ring.Next() = i;
    ring.Push();
  }
  EXPECT_EQ(ring.Next(), nullptr);
  ring.Pop();
  ASSERT_NE(ring.Next(), nullptr);
  *ring.Next() = 4;
  ring.Push();
  EXPECT_EQ(ring.Next(), nullptr);
  for (int i = 1; i <= 4; ++i, ring.Pop()) EXPECT_EQ(*ring.Front(), i);
}

TEST(SpscRing, SeveralCanBeLookedAtBeforeTheyAreGivenBack) {
  SpscRing<int> ring(4);
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 3; ++i) {
      *ring.Next() = i;
      ring.Push();
    }
    for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(*ring.Front(i), static_cast<int>(i));
    EXPECT_EQ(ring.Front(3), nullptr);
    EXPECT_EQ(ring.Front(4), nullptr);
    ring.Pop(2);
    EXPECT_EQ(*ring.Front(), 2);
    EXPECT_EQ(ring.Front(1), nullptr);
    ring.Pop();
  }
}

TEST(SpscRing, ASlotIsNobodysUntilItIsPushed) {
  SpscRing<int> ring(2);
  *ring.Next() = 1;
  EXPECT_EQ(ring.Front(), nullptr);
  ring.Push();
  EXPECT_EQ(*ring.Front(), 1);
}

// For the thread sanitizer too: each value is written in several places and must be read whole.
TEST(SpscRing, TwoThreadsNeverSeeHalfAValue) {
  constexpr std::uint64_t kValues = 200'000;
  SpscRing<std::array<std::uint64_t, 8>> ring(64);
  std::thread writer([&] {
    for (std::uint64_t n = 0; n < kValues;) {
      auto* slot = ring.Next();
      if (!slot) {
        std::this_thread::yield();
        continue;
      }
      slot->fill(n++);
      ring.Push();
    }
  });
  bool whole = true;
  for (std::uint64_t n = 0; n < kValues;) {
    const auto* slot = ring.Front();
    if (!slot) {
      std::this_thread::yield();
      continue;
    }
    for (const std::uint64_t part : *slot) whole = whole && part == n;
    ring.Pop();
    ++n;
  }
  writer.join();
  EXPECT_TRUE(whole);
  EXPECT_EQ(ring.Front(), nullptr);
}

}  // namespace
}  // namespace jb
