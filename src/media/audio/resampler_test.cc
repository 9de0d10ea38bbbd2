// SPDX-License-Identifier: Apache-2.0
#include "media/audio/resampler.h"

#include <gtest/gtest.h>

#include "media/audio/test_signal.h"

namespace jb::media {
namespace {

using testing::Purity;
using testing::Rms;
using testing::Sine;

TEST(Resampler, KeepsPitchLoudnessAndLength) {
  for (const auto& [from, to] :
       {std::pair{48000, 16000}, {22050, 48000}, {16000, 48000}, {44100, 16000}, {16000, 16000}}) {
    const auto out = Resample(Sine(from, 440, 1.0), from, to);
    EXPECT_EQ(out.size(), static_cast<std::size_t>(to));
    EXPECT_GT(Purity(out, to, 440), 0.99) << from << " to " << to;
    EXPECT_NEAR(Rms(out), 0.3 / std::sqrt(2.0), 0.01);
  }
}

TEST(Resampler, RemovesWhatTheLowerRateCannotHold) {
  EXPECT_LT(Rms(Resample(Sine(48000, 12000, 1.0), 48000, 16000)), 0.003);
}

TEST(Resampler, IsAlignedWithItsInput) {
  std::vector<std::int16_t> click(48000, 0);
  click[24000] = 30000;
  const auto out = Resample(click, 48000, 16000);
  const auto loudest = std::max_element(out.begin(), out.end()) - out.begin();
  EXPECT_NEAR(static_cast<double>(loudest), 8000, 1);
}

TEST(Resampler, StreamingInAnyChunksGivesTheSameSamples) {
  const auto in = testing::SpeechLike(48000, 0.5);
  Resampler whole(48000, 16000);
  std::vector<std::int16_t> expected;
  whole.Process(in, expected);
  for (const std::size_t chunk : {1u, 7u, 480u, 961u}) {
    Resampler r(48000, 16000);
    std::vector<std::int16_t> got;
    for (std::size_t at = 0; at < in.size(); at += chunk) {
      r.Process(std::span(in).subspan(at, std::min(chunk, in.size() - at)), got);
    }
    EXPECT_EQ(got, expected);
  }
}

TEST(Resampler, StopsWhenTheOutputIsFull) {
  Resampler r(16000, 48000);
  const auto in = Sine(16000, 440, 0.1);
  std::array<std::int16_t, 100> out;
  const auto done = r.Process(in, out);
  EXPECT_EQ(done.produced, 100u);
  EXPECT_LT(done.consumed, in.size());
}

}  // namespace
}  // namespace jb::media
