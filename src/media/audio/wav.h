// SPDX-License-Identifier: Apache-2.0
// RIFF/WAVE files in memory: strict reading of what strangers upload, and writing. PCM of 16 bits and
// IEEE float of 32 bits, plain or WAVE_FORMAT_EXTENSIBLE; anything else is refused (a decoder child
// takes it). Never allocates more than the limits allow. Pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace jb::media {

enum class WavError : std::uint8_t {
  kNotWav,       // no RIFF/WAVE header
  kTruncated,    // a chunk runs past the end
  kBadFormat,    // no fmt chunk before data, or numbers in it contradict each other
  kUnsupported,  // a codec, depth, rate or channel count that we do not read
  kTooLong,      // more samples than the limits allow
  kEmpty,        // no data chunk, or nothing in it
};
const char* ToString(WavError error);

struct WavLimits {
  int max_channels = 8;
  int max_sample_rate_hz = 192000;
  int min_sample_rate_hz = 4000;
  std::size_t max_samples = 64u * 1024 * 1024;  // over all channels
};

struct WavAudio {
  int sample_rate_hz = 0;
  int channels = 0;
  std::vector<std::int16_t> samples;  // interleaved

  std::size_t frames() const { return channels > 0 ? samples.size() / static_cast<std::size_t>(channels) : 0; }
  // The mean of the channels.
  std::vector<std::int16_t> Mono() const;
};

// A data chunk whose size is 0 or 0xFFFFFFFF (a stream that never learned its length) reaches to the end.
Result<WavAudio, WavError> ParseWav(ByteView file, const WavLimits& limits = {});

inline constexpr std::size_t kWavHeaderBytes = 44;
// For s16le. `data_bytes` 0xFFFFFFFF says "unknown": a stream.
std::array<std::uint8_t, kWavHeaderBytes> MakeWavHeader(int sample_rate_hz, int channels, std::uint32_t data_bytes);
Bytes WriteWav(std::span<const std::int16_t> interleaved, int sample_rate_hz, int channels);

}  // namespace jb::media
