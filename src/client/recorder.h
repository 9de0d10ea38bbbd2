// SPDX-License-Identifier: Apache-2.0
// What a participant hears, on one timeline: 48 kHz mono, every voice mixed in where it belongs. Core: no
// clock, no file.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace jb::client {

class Recorder {
 public:
  static constexpr int kSampleRate = 48000;

  // Sound before 0 or behind `max_samples` is dropped.
  explicit Recorder(std::size_t max_samples) : max_samples_(max_samples) {}

  // Adds `pcm` from `position` on; the sum is clipped. Grows the recording as needed.
  void Mix(std::int64_t position, std::span<const std::int16_t> pcm);
  // Silence up to there, when nothing was heard.
  void ExtendTo(std::int64_t position);
  const std::vector<std::int16_t>& samples() const { return samples_; }

 private:
  const std::size_t max_samples_;
  std::vector<std::int16_t> samples_;
};

}  // namespace jb::client
