// SPDX-License-Identifier: Apache-2.0
#include "media/audio/expected_loss.h"

#include <gtest/gtest.h>

namespace jb::media {
namespace {

using namespace std::chrono_literals;

struct ExpectedLossTest : ::testing::Test {
  // A report each second; returns how often the answer changed.
  int Report(std::uint8_t fraction, int seconds) {
    int changes = 0;
    for (int i = 0; i < seconds; ++i) {
      now += 1s;
      changes += loss.Update(fraction, now);
    }
    return changes;
  }
  ExpectedLoss loss;
  Time now{1000s};
};

TEST_F(ExpectedLossTest, NoLossAndASinglePacketAreNotEncodedFor) {
  EXPECT_EQ(Report(0, 10), 0);
  EXPECT_EQ(Report(256 / 50, 10), 0);
  EXPECT_EQ(loss.percent(), 0);
}

TEST_F(ExpectedLossTest, TheFirstReportOfLossRaisesIt) {
  EXPECT_EQ(Report(8, 1), 1);
  EXPECT_EQ(loss.percent(), 10);
  EXPECT_EQ(Report(77, 1), 1);
  EXPECT_EQ(loss.percent(), 20);
  EXPECT_EQ(Report(255, 5), 0) << "there is a most";
}

TEST_F(ExpectedLossTest, ItComesDownStepByStepAfterTenSecondsWithoutLoss) {
  Report(77, 1);
  EXPECT_EQ(Report(0, 9), 0);
  EXPECT_EQ(loss.percent(), 20);
  EXPECT_EQ(Report(0, 1), 1);
  EXPECT_EQ(loss.percent(), 10);
  EXPECT_EQ(Report(0, 10), 1);
  EXPECT_EQ(loss.percent(), 0);
}

TEST_F(ExpectedLossTest, LossNowAndThenDoesNotSwitchIt) {
  Report(20, 1);
  int changes = 0;
  for (int i = 0; i < 100; ++i) changes += Report(0, 5) + Report(20, 1);
  EXPECT_EQ(changes, 0);
  EXPECT_EQ(loss.percent(), 10);
}

}  // namespace
}  // namespace jb::media
