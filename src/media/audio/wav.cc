// SPDX-License-Identifier: Apache-2.0
#include "media/audio/wav.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <optional>
#include <string_view>

namespace jb::media {
namespace {

constexpr std::uint16_t kFormatPcm = 1;
constexpr std::uint16_t kFormatFloat = 3;
constexpr std::uint16_t kFormatExtensible = 0xFFFE;
constexpr std::uint32_t kUnknownSize = 0xFFFFFFFF;

std::uint16_t Le16(ByteView b, std::size_t at) { return static_cast<std::uint16_t>(b[at] | (b[at + 1] << 8)); }
std::uint32_t Le32(ByteView b, std::size_t at) {
  return Le16(b, at) | (static_cast<std::uint32_t>(Le16(b, at + 2)) << 16);
}
bool IsTag(ByteView b, std::size_t at, std::string_view tag) { return AsText(b.subspan(at, 4)) == tag; }

struct Format {
  std::uint16_t codec = 0;
  int channels = 0;
  int sample_rate_hz = 0;
  std::size_t sample_bytes = 0;
};

Result<Format, WavError> ParseFormat(ByteView chunk, const WavLimits& limits) {
  if (chunk.size() < 16) return Fail(WavError::kBadFormat);
  Format f;
  f.codec = Le16(chunk, 0);
  f.channels = Le16(chunk, 2);
  const std::uint32_t rate = Le32(chunk, 4);
  const std::uint16_t block = Le16(chunk, 12);
  const std::uint16_t bits = Le16(chunk, 14);
  if (f.codec == kFormatExtensible) {
    // The first two bytes of the sub-format GUID are the codec.
    if (chunk.size() < 40) return Fail(WavError::kBadFormat);
    f.codec = Le16(chunk, 24);
  }
  const bool known = (f.codec == kFormatPcm && bits == 16) || (f.codec == kFormatFloat && bits == 32);
  if (!known || f.channels > limits.max_channels || rate > static_cast<std::uint32_t>(limits.max_sample_rate_hz) ||
      rate < static_cast<std::uint32_t>(limits.min_sample_rate_hz)) {
    return Fail(WavError::kUnsupported);
  }
  f.sample_rate_hz = static_cast<int>(rate);
  f.sample_bytes = bits / 8u;
  if (f.channels == 0 || block != static_cast<std::size_t>(f.channels) * f.sample_bytes) {
    return Fail(WavError::kBadFormat);
  }
  return f;
}

std::int16_t FromFloat(std::uint32_t bits) {
  const float v = std::bit_cast<float>(bits);
  if (!(v == v)) return 0;  // NaN is silence
  return static_cast<std::int16_t>(std::lround(std::clamp(v, -1.0f, 1.0f) * 32767.0f));
}

Result<WavAudio, WavError> ReadSamples(ByteView data, const Format& f, const WavLimits& limits) {
  const std::size_t frame = static_cast<std::size_t>(f.channels) * f.sample_bytes;
  const std::size_t count = data.size() / frame * static_cast<std::size_t>(f.channels);
  if (count == 0) return Fail(WavError::kEmpty);
  if (count > limits.max_samples) return Fail(WavError::kTooLong);
  WavAudio audio{f.sample_rate_hz, f.channels, std::vector<std::int16_t>(count)};
  for (std::size_t i = 0; i < count; ++i) {
    audio.samples[i] =
        f.codec == kFormatPcm ? static_cast<std::int16_t>(Le16(data, i * 2)) : FromFloat(Le32(data, i * 4));
  }
  return audio;
}

void PutLe(std::uint8_t* at, std::uint32_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) at[i] = static_cast<std::uint8_t>(value >> (8 * i));
}

}  // namespace

const char* ToString(WavError error) {
  switch (error) {
    case WavError::kNotWav: return "not a WAV file";
    case WavError::kTruncated: return "a chunk runs past the end of the file";
    case WavError::kBadFormat: return "the format chunk is missing or contradicts itself";
    case WavError::kUnsupported: return "only 16-bit PCM and 32-bit float of at most 8 channels and 192 kHz are read";
    case WavError::kTooLong: return "more sound than the limit allows";
    case WavError::kEmpty: return "no sound in it";
  }
  return "";
}

std::vector<std::int16_t> WavAudio::Mono() const {
  if (channels == 1) return samples;
  const auto width = static_cast<std::size_t>(channels);
  std::vector<std::int16_t> out(frames());
  for (std::size_t i = 0; i < out.size(); ++i) {
    int sum = 0;
    for (std::size_t c = 0; c < width; ++c) sum += samples[i * width + c];
    out[i] = static_cast<std::int16_t>(sum / channels);
  }
  return out;
}

Result<WavAudio, WavError> ParseWav(ByteView file, const WavLimits& limits) {
  if (file.size() < 12 || !IsTag(file, 0, "RIFF") || !IsTag(file, 8, "WAVE")) return Fail(WavError::kNotWav);
  std::optional<Format> format;
  std::size_t at = 12;
  while (file.size() - at >= 8) {
    const std::uint32_t size = Le32(file, at + 4);
    const std::size_t left = file.size() - at - 8;
    const ByteView rest = file.subspan(at + 8);
    if (IsTag(file, at, "data")) {
      if (!format) return Fail(WavError::kBadFormat);
      const bool stream = size == kUnknownSize || (size == 0 && left > 0);
      if (!stream && size > left) return Fail(WavError::kTruncated);
      return ReadSamples(stream ? rest : rest.first(size), *format, limits);
    }
    if (size > left) return Fail(WavError::kTruncated);
    if (IsTag(file, at, "fmt ")) {
      if (format) return Fail(WavError::kBadFormat);
      JB_TRY(format, ParseFormat(rest.first(size), limits));
    }
    at += 8 + size;
    if (size % 2 != 0 && at < file.size()) ++at;  // chunks are padded to even length
  }
  return Fail(format ? WavError::kEmpty : WavError::kBadFormat);
}

std::array<std::uint8_t, kWavHeaderBytes> MakeWavHeader(int sample_rate_hz, int channels, std::uint32_t data_bytes) {
  std::array<std::uint8_t, kWavHeaderBytes> h{};
  const auto rate = static_cast<std::uint32_t>(sample_rate_hz);
  const auto width = static_cast<std::uint32_t>(channels);
  std::memcpy(&h[0], "RIFF", 4);
  PutLe(&h[4], data_bytes == kUnknownSize ? kUnknownSize : data_bytes + 36, 4);
  std::memcpy(&h[8], "WAVEfmt ", 8);
  PutLe(&h[16], 16, 4);
  PutLe(&h[20], kFormatPcm, 2);
  PutLe(&h[22], width, 2);
  PutLe(&h[24], rate, 4);
  PutLe(&h[28], rate * width * 2, 4);
  PutLe(&h[32], width * 2, 2);
  PutLe(&h[34], 16, 2);
  std::memcpy(&h[36], "data", 4);
  PutLe(&h[40], data_bytes, 4);
  return h;
}

Bytes WriteWav(std::span<const std::int16_t> interleaved, int sample_rate_hz, int channels) {
  const auto header = MakeWavHeader(sample_rate_hz, channels, static_cast<std::uint32_t>(interleaved.size() * 2));
  Bytes out(header.begin(), header.end());
  out.resize(kWavHeaderBytes + interleaved.size() * 2);
  for (std::size_t i = 0; i < interleaved.size(); ++i) {
    PutLe(&out[kWavHeaderBytes + i * 2], static_cast<std::uint16_t>(interleaved[i]), 2);
  }
  return out;
}

}  // namespace jb::media
