// SPDX-License-Identifier: Apache-2.0
#include "media/audio/voice.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "media/audio/test_signal.h"

namespace jb::media {
namespace {

using testing::Noise;
using testing::Rms;
using testing::SpeechLike;

double VoicedShare(std::span<const std::int16_t> pcm, VoiceDetector& detector) {
  std::size_t voiced = 0;
  std::size_t frames = 0;
  for (; (frames + 1) * kVoiceFrameSamples <= pcm.size(); ++frames) {
    voiced += detector.Process(pcm.subspan(frames * kVoiceFrameSamples).first<kVoiceFrameSamples>());
  }
  return static_cast<double>(voiced) / static_cast<double>(frames);
}

TEST(VoiceDetector, TellsSpeechFromQuiet) {
  VoiceDetector detector;
  EXPECT_LT(VoicedShare(Noise(16000, 2.0, 0.001), detector), 0.1);
  EXPECT_GT(VoicedShare(SpeechLike(16000, 2.0), detector), 0.7);
  EXPECT_LT(VoicedShare(Noise(16000, 2.0, 0.001), detector), 0.2);  // a few frames of hangover
}

TEST(VoiceDetector, InstancesDoNotShareState) {
  VoiceDetector a, b;
  VoicedShare(SpeechLike(16000, 1.0), a);
  EXPECT_LT(VoicedShare(std::vector<std::int16_t>(16000, 0), b), 0.05);
}

TEST(NoiseSuppressor, LowersSteadyNoiseAndKeepsSpeech) {
  const auto Clean = [](std::vector<std::int16_t> pcm) {
    NoiseSuppressor ns(NoiseSuppression::kHigh);
    for (std::size_t at = 0; at + kVoiceFrameSamples <= pcm.size(); at += kVoiceFrameSamples) {
      ns.Process(std::span(pcm).subspan(at).first<kVoiceFrameSamples>());
    }
    return pcm;
  };
  const auto noise = Noise(16000, 4.0, 0.02);
  const auto quiet = Clean(noise);
  const auto settled = [](const std::vector<std::int16_t>& v) { return Rms(std::span(v).subspan(v.size() / 2)); };
  EXPECT_LT(settled(quiet), settled(noise) * 0.35);
  const auto speech = SpeechLike(16000, 4.0);
  EXPECT_GT(settled(Clean(speech)), settled(speech) * 0.5);
}

}  // namespace
}  // namespace jb::media
