// SPDX-License-Identifier: Apache-2.0
// The rows of links.json against the estimator and the allocator: what a call does while its link changes.
#include <gtest/gtest.h>

#include "scenario/model_call.h"

namespace jb::scenario {
namespace {

const std::vector<LinkRow>& Rows() {
  static const std::vector<LinkRow> rows = ReadLinkTable();
  return rows;
}

class LinkRows : public ::testing::TestWithParam<std::size_t> {};

TEST_P(LinkRows, ACallDoesAsTheTableSaysWhateverTheSeed) {
  const LinkRow& row = Rows()[GetParam()];
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    ExpectAsTheRowSays(row, ModelCall(row, seed).Run());
  }
}

INSTANTIATE_TEST_SUITE_P(Bandwidth, LinkRows, ::testing::Range<std::size_t>(0, Rows().size()),
                         [](const auto& info) { return Rows()[info.param].name; });

TEST(Bandwidth, TheSameSeedGivesTheSameCall) {
  const LinkRow& row = FindLinkRow(Rows(), "bursts_30");
  const LinkRecording first = ModelCall(row, 7).Run();
  const LinkRecording second = ModelCall(row, 7).Run();
  ASSERT_EQ(first.samples.size(), second.samples.size());
  for (std::size_t i = 0; i < first.samples.size(); ++i) {
    ASSERT_EQ(first.samples[i].estimate_kbps, second.samples[i].estimate_kbps);
  }
}

// What is lost between a publisher and us is no business of the receivers' links.
TEST(Bandwidth, LossOnTheUplinkDoesNotLeakIntoTheDownlink) {
  const LinkRecording clean = ModelCall(FindLinkRow(Rows(), "steady_3000"), 1).Run();
  const LinkRecording lossy = ModelCall(FindLinkRow(Rows(), "uplink_loss"), 1).Run();
  EXPECT_NEAR(lossy.samples.back().estimate_kbps, clean.samples.back().estimate_kbps,
              0.1 * clean.samples.back().estimate_kbps);
}

}  // namespace
}  // namespace jb::scenario
