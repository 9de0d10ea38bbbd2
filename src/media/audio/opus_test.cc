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

// RFC 6716 section 4.2.4, for what our encoder sends, one frame of 20 ms: of the SILK layer the first bit says voice, the
// second that a copy of the frame before follows.
bool HasCopy(const Bytes& packet) { return (packet[0] >> 3) < 16 && (packet[1] & 0x40) != 0; }

// Signal to noise in dB over the frames that are lost, one in ten, against what is heard without loss.
struct LostFrames {
  double with_copies = 0;
  double concealed = 0;
};
LostFrames DecodeWithLoss(const std::vector<Bytes>& packets) {
  OpusDecoder reference(48000), with_copies(48000), concealing(48000);
  double signal = 0, copy_error = 0, concealment_error = 0;
  std::array<std::int16_t, kOpusFrameSamples> a, b, c;
  for (std::size_t i = 0; i < packets.size(); ++i) {
    EXPECT_TRUE(reference.Decode(packets[i], a).ok());
    const bool lost = i % 10 == 5 && i + 1 < packets.size();
    if (!lost) {
      EXPECT_TRUE(with_copies.Decode(packets[i], b).ok());
      EXPECT_TRUE(concealing.Decode(packets[i], c).ok());
      continue;
    }
    with_copies.DecodeLost(packets[i + 1], b);
    concealing.Conceal(c);
    for (std::size_t k = 0; k < a.size(); ++k) {
      signal += std::pow(a[k], 2);
      copy_error += std::pow(a[k] - b[k], 2);
      concealment_error += std::pow(a[k] - c[k], 2);
    }
  }
  return {10 * std::log10(signal / copy_error), 10 * std::log10(signal / concealment_error)};
}

std::size_t BytesOf(const std::vector<Bytes>& packets) {
  std::size_t bytes = 0;
  for (const Bytes& packet : packets) bytes += packet.size();
  return bytes;
}

// Measured with libopus 1.3.1 at 32 kb/s: 14 dB against 1 dB, for a tenth more bytes (decision 0032).
TEST(Opus, CopiesBringALostPacketBackFarBetterThanConcealment) {
  const auto pcm = SpeechLike(48000, 10.0);
  const auto plain = EncodeAll(pcm);
  for (const int percent : {10, 20}) {
    const auto packets = EncodeAll(pcm, {.expected_loss_percent = percent});
    const LostFrames heard = DecodeWithLoss(packets);
    EXPECT_GT(heard.with_copies, heard.concealed + 6) << percent;
    EXPECT_GT(heard.with_copies, 8) << percent;
    EXPECT_LT(BytesOf(packets), BytesOf(plain) * 5 / 4) << percent;
    EXPECT_LT(BytesOf(packets) * 8 / 10, 34'000u) << "the copies are part of the bitrate";
  }
}

TEST(Opus, WithoutExpectedLossNoPacketHasACopy) {
  for (const Bytes& packet : EncodeAll(SpeechLike(48000, 2.0))) EXPECT_FALSE(HasCopy(packet));
}

TEST(Opus, ExpectedLossTakesEffectFromTheNextPacketOn) {
  const auto pcm = SpeechLike(48000, 6.0);
  OpusEncoder encoder;
  const auto count = [&](std::size_t from) {
    std::size_t copies = 0;
    for (std::size_t i = from; i < from + 100; ++i) {
      Bytes out(kMaxOpusFrameBytes);
      out.resize(encoder.Encode(std::span(pcm).subspan(i * kOpusFrameSamples).first<kOpusFrameSamples>(), out));
      copies += HasCopy(out);
    }
    return copies;
  };
  EXPECT_EQ(count(0), 0u);
  encoder.SetExpectedLoss(20);
  EXPECT_GT(count(100), 50u) << "in what is voiced";
  encoder.SetExpectedLoss(0);
  EXPECT_LE(count(200), 1u) << "of the packet before the change, and of none after";
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
