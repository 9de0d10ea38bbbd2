// SPDX-License-Identifier: Apache-2.0
#include "media/audio/wav.h"

#include <gtest/gtest.h>

#include <bit>

#include "media/audio/test_signal.h"

namespace jb::media {
namespace {

Bytes Riff(std::initializer_list<std::pair<std::string, Bytes>> chunks) {
  Bytes out;
  const auto put = [&](std::string_view s) { out.insert(out.end(), s.begin(), s.end()); };
  const auto put32 = [&](std::size_t v) {
    for (int i = 0; i < 4; ++i) out.push_back(static_cast<std::uint8_t>(v >> (8 * i)));
  };
  put("RIFF");
  put32(0);
  put("WAVE");
  for (const auto& [tag, body] : chunks) {
    put(tag);
    put32(body.size());
    out.insert(out.end(), body.begin(), body.end());
    if (body.size() % 2) out.push_back(0);
  }
  return out;
}

Bytes Fmt(int codec, int channels, int rate, int bits) {
  const int block = channels * bits / 8;
  Bytes b;
  const auto put = [&](int v, int n) {
    for (int i = 0; i < n; ++i) b.push_back(static_cast<std::uint8_t>(v >> (8 * i)));
  };
  put(codec, 2), put(channels, 2), put(rate, 4), put(rate * block, 4), put(block, 2), put(bits, 2);
  return b;
}

TEST(Wav, WhatIsWrittenIsReadBack) {
  const auto pcm = testing::SpeechLike(16000, 0.25);
  const auto audio = ParseWav(WriteWav(pcm, 16000, 1));
  ASSERT_TRUE(audio.ok());
  EXPECT_EQ(audio->samples, pcm);
  EXPECT_EQ(audio->sample_rate_hz, 16000);
  EXPECT_EQ(audio->channels, 1);
}

TEST(Wav, EveryTruncationIsAnErrorAndNothingElse) {
  const Bytes file = WriteWav(testing::Sine(8000, 440, 0.01), 8000, 1);
  for (std::size_t n = 0; n < file.size(); ++n) EXPECT_FALSE(ParseWav(ByteView(file).first(n)).ok()) << n;
}

TEST(Wav, MixesChannelsToMono) {
  const std::vector<std::int16_t> stereo = {100, 300, -32768, -32768, 32767, 32767};
  const auto audio = ParseWav(WriteWav(stereo, 48000, 2));
  ASSERT_TRUE(audio.ok());
  EXPECT_EQ(audio->Mono(), (std::vector<std::int16_t>{200, -32768, 32767}));
}

TEST(Wav, ReadsFloatAndClampsIt) {
  Bytes data;
  for (const float f : {0.0f, 1.0f, -2.0f, std::nanf(""), 0.5f}) {
    const auto v = std::bit_cast<std::uint32_t>(f);
    for (int i = 0; i < 4; ++i) data.push_back(static_cast<std::uint8_t>(v >> (8 * i)));
  }
  const auto audio = ParseWav(Riff({{"fmt ", Fmt(3, 1, 24000, 32)}, {"data", data}}));
  ASSERT_TRUE(audio.ok());
  EXPECT_EQ(audio->samples, (std::vector<std::int16_t>{0, 32767, -32767, 0, 16384}));
}

TEST(Wav, ReadsTheExtensibleFormat) {
  Bytes fmt = Fmt(0xFFFE, 1, 16000, 16);
  const Bytes more = {22, 0, 16, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71};
  fmt.insert(fmt.end(), more.begin(), more.end());
  EXPECT_TRUE(ParseWav(Riff({{"fmt ", fmt}, {"data", {1, 2}}})).ok());
  fmt.resize(39);
  EXPECT_EQ(ParseWav(Riff({{"fmt ", fmt}, {"data", {1, 2}}})).error(), WavError::kBadFormat);
}

TEST(Wav, SkipsChunksItDoesNotKnow) {
  const auto audio =
      ParseWav(Riff({{"LIST", {1, 2, 3}}, {"fmt ", Fmt(1, 1, 16000, 16)}, {"fact", {9}}, {"data", {1, 0, 2, 0}}}));
  ASSERT_TRUE(audio.ok());
  EXPECT_EQ(audio->samples, (std::vector<std::int16_t>{1, 2}));
}

TEST(Wav, AStreamOfUnknownLengthReachesToTheEnd) {
  const auto header = MakeWavHeader(16000, 1, 0xFFFFFFFF);
  Bytes file(header.begin(), header.end());
  const Bytes samples = {7, 0, 8, 0, 9};
  file.insert(file.end(), samples.begin(), samples.end());
  const auto audio = ParseWav(file);
  ASSERT_TRUE(audio.ok());
  EXPECT_EQ(audio->samples, (std::vector<std::int16_t>{7, 8}));
}

TEST(Wav, RefusesWhatItCannotReadAndSaysWhy) {
  const Bytes two = {1, 2};
  EXPECT_EQ(ParseWav(AsBytes("hello, this is text")).error(), WavError::kNotWav);
  EXPECT_EQ(ParseWav(Riff({{"data", two}})).error(), WavError::kBadFormat);
  EXPECT_EQ(ParseWav(Riff({{"fmt ", Fmt(1, 1, 16000, 16)}})).error(), WavError::kEmpty);
  EXPECT_EQ(ParseWav(Riff({{"fmt ", Fmt(1, 1, 16000, 16)}, {"data", {1}}})).error(), WavError::kEmpty);
  EXPECT_EQ(ParseWav(Riff({{"fmt ", Fmt(1, 1, 16000, 24)}, {"data", two}})).error(), WavError::kUnsupported);
  EXPECT_EQ(ParseWav(Riff({{"fmt ", Fmt(6, 1, 8000, 8)}, {"data", two}})).error(), WavError::kUnsupported);
  EXPECT_EQ(ParseWav(Riff({{"fmt ", Fmt(1, 9, 16000, 16)}, {"data", two}})).error(), WavError::kUnsupported);
  EXPECT_EQ(ParseWav(Riff({{"fmt ", Fmt(1, 1, 384000, 16)}, {"data", two}})).error(), WavError::kUnsupported);
  EXPECT_EQ(ParseWav(Riff({{"fmt ", Fmt(1, 1, 0, 16)}, {"data", two}})).error(), WavError::kUnsupported);
  EXPECT_EQ(ParseWav(Riff({{"fmt ", Fmt(1, 0, 16000, 16)}, {"data", two}})).error(), WavError::kBadFormat);
  Bytes wrong_block = Fmt(1, 1, 16000, 16);
  wrong_block[12] = 0;
  EXPECT_EQ(ParseWav(Riff({{"fmt ", wrong_block}, {"data", two}})).error(), WavError::kBadFormat);
  EXPECT_EQ(ParseWav(Riff({{"fmt ", Fmt(1, 1, 16000, 16)}, {"data", Bytes(100)}}), {.max_samples = 49}).error(),
            WavError::kTooLong);
}

}  // namespace
}  // namespace jb::media
