// SPDX-License-Identifier: Apache-2.0
#include "base/bit_ring.h"

#include <gtest/gtest.h>

namespace jb {
namespace {

TEST(BitRing, NumbersAWholeRingApartShareABit) {
  BitRing<128> ring;
  ring.Set(5);
  EXPECT_TRUE(ring.Test(5));
  EXPECT_TRUE(ring.Test(133));
  EXPECT_TRUE(ring.Test(-123));
  EXPECT_FALSE(ring.Test(6));
}

TEST(BitRing, ClearsWhatIsAskedForAcrossWordsAndZeroAndNothingElse) {
  for (const std::int64_t first : {-70, -1, 0, 1, 63, 64, 120, 1000}) {
    for (const std::int64_t length : {0, 1, 63, 64, 65, 127}) {
      BitRing<128> ring;
      for (std::int64_t n = first - 1; n < first + 127; ++n) ring.Set(n);
      ring.Clear(first, first + length - 1);
      for (std::int64_t n = first; n < first + 127; ++n) EXPECT_EQ(ring.Test(n), n >= first + length) << n;
      EXPECT_TRUE(ring.Test(first - 1));
    }
  }
}

TEST(BitRing, AsMuchAsAWholeRingOrMoreClearsAll) {
  for (const std::int64_t length : {128, 129, 1'000'000}) {
    BitRing<128> ring;
    for (std::int64_t n = 0; n < 128; ++n) ring.Set(n);
    ring.Clear(7, 7 + length - 1);
    EXPECT_EQ(ring.Count(0, 127), 0);
  }
}

TEST(BitRing, CountsWhatIsSetInARange) {
  BitRing<128> ring;
  for (std::int64_t n = -30; n < 98; n += 3) ring.Set(n);
  for (std::int64_t first = -30; first < 98; ++first) {
    std::int64_t expected = 0;
    EXPECT_EQ(ring.Count(first, first - 1), 0);
    for (std::int64_t last = first; last < 98; ++last) {
      expected += ring.Test(last) ? 1 : 0;
      EXPECT_EQ(ring.Count(first, last), expected) << first << " to " << last;
    }
  }
}

}  // namespace
}  // namespace jb
