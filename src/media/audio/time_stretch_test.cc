// SPDX-License-Identifier: Apache-2.0
#include "media/audio/time_stretch.h"

#include <gtest/gtest.h>

#include "media/audio/test_signal.h"

namespace jb::media {
namespace {

using testing::Sine;
using testing::SpeechLike;

std::vector<std::int16_t> SpedUp(std::span<const std::int16_t> in, double speed) {
  TimeStretch stretch(9600);
  std::vector<std::int16_t> out;
  std::array<std::int16_t, 960> frame;
  while (true) {
    in = in.subspan(stretch.Push(in));
    const std::size_t n = stretch.Pull(frame, speed);
    out.insert(out.end(), frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(n));
    if (n < frame.size()) return out;
  }
}

TEST(TimeStretch, AtSpeedOneNothingChanges) {
  const auto in = SpeechLike(48000, 1.0);
  EXPECT_EQ(SpedUp(in, 1.0), in);
}

TEST(TimeStretch, ReachesTheSpeedAskedForOnTheWhole) {
  for (const auto& in : {SpeechLike(48000, 10.0), Sine(48000, 220, 10.0), std::vector<std::int16_t>(480000, 0)}) {
    const auto out = SpedUp(in, 1.15);
    EXPECT_NEAR(static_cast<double>(in.size()) / static_cast<double>(out.size()), 1.15, 0.015);
  }
}

TEST(TimeStretch, NeverExceedsTheLimit) {
  const auto in = SpeechLike(48000, 5.0);
  const auto out = SpedUp(in, 3.0);
  EXPECT_LT(static_cast<double>(in.size()) / static_cast<double>(out.size()), kMostSpeed + 0.01);
}

TEST(TimeStretch, KeepsThePitch) {
  const auto in = Sine(48000, 220, 5.0);
  EXPECT_NEAR(testing::ZeroCrossingHz(SpedUp(in, 1.15), 48000), 220, 3);
}

TEST(TimeStretch, MakesNoClicks) {
  const auto steepest = [](std::span<const std::int16_t> pcm) {
    int most = 0;
    for (std::size_t i = 1; i < pcm.size(); ++i) most = std::max(most, std::abs(pcm[i] - pcm[i - 1]));
    return most;
  };
  const auto in = Sine(48000, 220, 5.0);
  EXPECT_LT(steepest(SpedUp(in, 1.15)), steepest(in) * 3 / 2);
}

TEST(TimeStretch, IsBoundedAndSaysWhatItTook) {
  TimeStretch stretch(4000);
  const std::vector<std::int16_t> pcm(5000, 1);
  EXPECT_EQ(stretch.Push(pcm), 4000u);
  EXPECT_EQ(stretch.Push(pcm), 0u);
  EXPECT_EQ(stretch.room(), 0u);
  stretch.Clear();
  EXPECT_EQ(stretch.size(), 0u);
}

TEST(TimeStretch, CountsWhatItLeftOut) {
  TimeStretch stretch(96000);
  stretch.Push(SpeechLike(48000, 2.0));
  std::vector<std::int16_t> out(96000);
  const std::size_t n = stretch.Pull(out, 1.1);
  EXPECT_EQ(n + stretch.skipped(), 96000u);
}

}  // namespace
}  // namespace jb::media
