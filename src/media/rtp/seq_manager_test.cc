// SPDX-License-Identifier: Apache-2.0
#include "media/rtp/seq_manager.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace jb::media {
namespace {

using rtp::SeqNum;

SeqNum Seq(int n) { return SeqNum(static_cast<std::uint16_t>(n)); }

TEST(SeqManager, NumbersAreContiguousFromTheChosenStart) {
  for (const int start : {0, 1, 32767, 32768, 65534, 65535}) {
    SeqManager manager(Seq(5000));
    for (int i = 0; i < 70'000; ++i) ASSERT_EQ(manager.Map(Seq(start + i)), Seq(5000 + i));
    EXPECT_EQ(manager.next_output(), Seq(5000 + 70'000));
  }
}

TEST(SeqManager, DropsCloseTheGapAndLossesKeepIt) {
  SeqManager manager(Seq(100));
  EXPECT_EQ(manager.Map(Seq(10)), Seq(100));
  manager.Drop(Seq(11));
  manager.Drop(Seq(12));
  EXPECT_EQ(manager.Map(Seq(13)), Seq(101));
  EXPECT_EQ(manager.Map(Seq(16)), Seq(104)) << "14 and 15 were lost";
  EXPECT_EQ(manager.Map(Seq(15)), Seq(103)) << "and one comes late";
  EXPECT_EQ(manager.Map(Seq(12)), std::nullopt);
}

TEST(SeqManager, ALateDropLeavesItsGapAndTellsItsNumber) {
  SeqManager manager(Seq(100));
  manager.Map(Seq(10));
  EXPECT_EQ(manager.Map(Seq(12)), Seq(102));
  EXPECT_EQ(manager.Drop(Seq(11)), Seq(101));
  EXPECT_EQ(manager.Map(Seq(13)), Seq(103)) << "numbers given out do not change";
}

TEST(SeqManager, ADropInTimeLeavesNothingToFill) {
  SeqManager manager(Seq(100));
  EXPECT_EQ(manager.Drop(Seq(9)), std::nullopt) << "before the first";
  manager.Map(Seq(10));
  EXPECT_EQ(manager.Drop(Seq(11)), std::nullopt);
  EXPECT_EQ(manager.Drop(Seq(11)), std::nullopt) << "twice is once";
  EXPECT_EQ(manager.Map(Seq(12)), Seq(101));
  EXPECT_EQ(manager.Drop(Seq(11)), std::nullopt);
}

TEST(SeqManager, OlderThanTheWindowIsNotMapped) {
  SeqManager manager(Seq(100));
  for (int i = 0; i < 5000; ++i) manager.Map(Seq(i));
  EXPECT_EQ(manager.Map(Seq(4999 - 2047)), Seq(100 + 4999 - 2047));
  EXPECT_EQ(manager.Map(Seq(4999 - 2048)), std::nullopt);
  EXPECT_EQ(manager.Map(Seq(4999 + 3000)), Seq(100 + 4999 + 3000)) << "a jump over the whole window";
  EXPECT_EQ(manager.Map(Seq(4999)), std::nullopt);
  EXPECT_EQ(manager.Map(Seq(4999 + 2000)), Seq(100 + 4999 + 2000));
}

TEST(SeqManager, DropsBeforeTheFirstPacketDoNotMatter) {
  SeqManager manager(Seq(100));
  manager.Drop(Seq(65530));
  manager.Drop(Seq(65531));
  EXPECT_EQ(manager.Map(Seq(65532)), Seq(100));
  EXPECT_EQ(manager.Map(Seq(65529)), std::nullopt) << "older than the first";
}

TEST(SeqManager, ARestartContinuesWhereTheOutputStood) {
  SeqManager manager(Seq(65534));
  EXPECT_EQ(manager.Map(Seq(1)), Seq(65534));
  EXPECT_EQ(manager.Map(Seq(3)), Seq(0));
  manager.Restart();
  EXPECT_EQ(manager.Map(Seq(40'000)), Seq(1));
  EXPECT_EQ(manager.Map(Seq(40'001)), Seq(2));
  EXPECT_EQ(manager.Map(Seq(39'999)), std::nullopt);
}

TEST(SeqManager, AgreesWithAPlainCountUnderLossReorderingAndDrops) {
  for (std::uint32_t seed = 1; seed <= 30; ++seed) {
    std::mt19937 random(seed);
    SeqManager manager(Seq(1000));
    // The truth: inputs numbered as if drops did not exist. Drops are decided in order, as a
    // forwarder does.
    std::map<int, int> truth;
    int next = 1000;
    const int start = static_cast<int>(random() % 65536);
    for (int i = 0; i < 20'000; ++i) {
      const bool drop = i > 0 && random() % 4 == 0;
      if (drop) {
        manager.Drop(Seq(start + i));
        continue;
      }
      truth[i] = next++;
      if (i > 0 && random() % 10 == 0) continue;  // lost for now
      ASSERT_EQ(manager.Map(Seq(start + i)), Seq(truth[i])) << "seed " << seed << " packet " << i;
      const int late = i - static_cast<int>(random() % 100);
      if (truth.contains(late)) {
        ASSERT_EQ(manager.Map(Seq(start + late)), Seq(truth[late]));
      }
    }
  }
}

}  // namespace
}  // namespace jb::media
