// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>

#include "base/bytes.h"
#include "media/audio/level.h"
#include "media/audio/opus_decoder.h"
#include "media/audio/opus_encoder.h"
#include "media/audio/test_signal.h"

namespace jb::media {
namespace {

using testing::Purity;
using testing::Rms;
using testing::Sine;
using testing::SpeechLike;

std::vector<Bytes> EncodeAll(std::span<const std::int16_t> pcm, OpusEncoderOptions options = {}) {
  OpusEncoder encoder(options);
  std::vector<Bytes> packets;
  for (std::size_t at = 0; at + kOpusFrameSamples <= pcm.size(); at += kOpusFrameSamples) {
    std::array<std::uint8_t, kMaxOpusFrameBytes> out;
    const std::size_t n = encoder.Encode(pcm.subspan(at).first<kOpusFrameSamples>(), out);
    packets.emplace_back(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(n));
  }
  return packets;
}

class OpusAtRate : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Rates, OpusAtRate, ::testing::Values(8000, 16000, 24000, 48000));

TEST_P(OpusAtRate, DecodesASineDirectlyAtThatRate) {
  const auto packets = EncodeAll(Sine(48000, 440, 1.0));
  OpusDecoder decoder(GetParam());
  std::vector<std::int16_t> pcm;
  for (const Bytes& p : packets) {
    std::vector<std::int16_t> frame(decoder.max_samples());
    const auto n = decoder.Decode(p, frame);
    ASSERT_TRUE(n.ok());
    EXPECT_EQ(*n, static_cast<std::size_t>(GetParam() / 50));
    pcm.insert(pcm.end(), frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(*n));
  }
  const std::span<const std::int16_t> settled = std::span(pcm).subspan(pcm.size() / 4);
  EXPECT_GT(Purity(settled, GetParam(), 440), 0.9);
  EXPECT_NEAR(Rms(settled), 0.3 / std::sqrt(2.0), 0.05);
}

TEST(Opus, StaysNearItsBitrateOnSpeech) {
  const auto packets = EncodeAll(SpeechLike(48000, 5.0), {.bitrate_bps = 32000});
  std::size_t bytes = 0;
  for (const Bytes& p : packets) bytes += p.size();
  EXPECT_GT(bytes * 8 / 5, 16000u);
  EXPECT_LT(bytes * 8 / 5, 40000u);
}

TEST(Opus, InBandRedundancyBringsALostPacketBackBetterThanConcealment) {
  const auto pcm = SpeechLike(48000, 3.0);
  const auto packets = EncodeAll(pcm, {.bitrate_bps = 32000, .fec = true, .expected_loss_percent = 20});
  OpusDecoder reference(16000), with_fec(16000), concealing(16000);
  double fec_error = 0;
  double plc_error = 0;
  std::array<std::int16_t, 320> a, b, c;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    ASSERT_TRUE(reference.Decode(packets[i], a).ok());
    const bool lost = i % 10 == 5 && i + 1 < packets.size();
    if (lost) {
      with_fec.DecodeLost(packets[i + 1], b);
      concealing.Conceal(c);
    } else {
      ASSERT_TRUE(with_fec.Decode(packets[i], b).ok());
      ASSERT_TRUE(concealing.Decode(packets[i], c).ok());
    }
    for (std::size_t k = 0; lost && k < a.size(); ++k) {
      fec_error += std::pow(a[k] - b[k], 2);
      plc_error += std::pow(a[k] - c[k], 2);
    }
  }
  EXPECT_LT(fec_error, plc_error * 0.7);
}

TEST(Opus, ConcealmentFadesAway) {
  OpusDecoder decoder(16000);
  std::array<std::int16_t, 320> frame;
  for (const Bytes& p : EncodeAll(SpeechLike(48000, 1.0))) ASSERT_TRUE(decoder.Decode(p, frame).ok());
  for (int i = 0; i < 50; ++i) decoder.Conceal(frame);
  EXPECT_GE(AudioLevel(frame), 45);  // comfort noise is left
}

TEST(Opus, ConcealsAnyLengthAndFillsAllOfIt) {
  OpusDecoder decoder(16000);
  for (const std::size_t n : {0u, 1u, 39u, 40u, 100u, 1600u, 1920u}) {
    std::vector<std::int16_t> pcm(n, 12345);
    decoder.Conceal(pcm);
    for (const auto s : pcm) EXPECT_NE(s, 12345);
  }
}

TEST(Opus, BrokenPacketsAreErrors) {
  OpusDecoder decoder(16000);
  std::vector<std::int16_t> pcm(decoder.max_samples());
  EXPECT_FALSE(decoder.Decode({}, pcm).ok());
  const Bytes bad = {0xFF, 0xFF};  // code 3, 63 frames of 20 ms: more than 120 ms
  EXPECT_FALSE(decoder.Decode(bad, pcm).ok());
  EXPECT_EQ(OpusDecoder::PacketDuration(bad), std::nullopt);
  const Bytes huge(kMaxOpusPacketBytes + 1, 0x78);
  EXPECT_FALSE(decoder.Decode(huge, pcm).ok());
  const auto packets = EncodeAll(SpeechLike(48000, 0.1));
  std::array<std::int16_t, 10> small;
  EXPECT_EQ(decoder.Decode(packets[0], small).error(), OpusError::kBufferTooSmall);
}

TEST(Opus, PacketDurationReadsTheTableOfContents) {
  using namespace std::chrono_literals;
  EXPECT_EQ(OpusDecoder::PacketDuration(EncodeAll(SpeechLike(48000, 0.1))[0]), 20ms);
  EXPECT_EQ(OpusDecoder::PacketDuration(Bytes{0x08, 0}), 20ms);    // SILK NB 20 ms, RFC 6716 table 2
  EXPECT_EQ(OpusDecoder::PacketDuration(Bytes{0x18, 0}), 60ms);    // SILK NB 60 ms
  EXPECT_EQ(OpusDecoder::PacketDuration(Bytes{0x80, 0}), 2500us);  // CELT NB 2.5 ms
}

TEST(Opus, EncoderKnowsItsDelay) {
  EXPECT_EQ(OpusEncoder().lookahead_samples(), 312);  // 6.5 ms, RFC 7845 section 4.2's usual value at 48 kHz
}

TEST(Level, CountsAsRfc6464Does) {
  EXPECT_EQ(AudioLevel({}), kSilentLevel);
  EXPECT_EQ(AudioLevel(std::vector<std::int16_t>(960, 0)), 127);
  EXPECT_EQ(AudioLevel(std::vector<std::int16_t>(960, 32767)), 0);
  EXPECT_EQ(AudioLevel(std::vector<std::int16_t>(960, 3277)), 20);
  EXPECT_EQ(AudioLevel(std::vector<std::int16_t>(960, -32768)), 0);
  EXPECT_EQ(AudioLevel(Sine(48000, 1000, 0.1, 1.0)), 3);  // a full-scale sine is 3 dB below the square
}

}  // namespace
}  // namespace jb::media
