// SPDX-License-Identifier: Apache-2.0
// A queue of mono s16 PCM at 48 kHz that can be read a little faster than it was written without
// changing the pitch: now and then it leaves out one stretch of about a pitch period, at the place
// where the waveform resembles itself most (waveform-similarity overlap-add, Verhelst & Roelands
// 1993). At speed 1 samples pass through unchanged and without delay.
// Bounded, no allocation after construction, no clock. Single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace jb::media {

inline constexpr double kMostSpeed = 1.15;  // DESIGN.md 5: faster than this sounds hurried

class TimeStretch {
 public:
  explicit TimeStretch(std::size_t capacity_samples);

  // Number of samples taken; fewer than given when the queue is full.
  std::size_t Push(std::span<const std::int16_t> pcm);
  std::size_t size() const { return size_; }
  std::size_t room() const { return ring_.size() - size_; }

  // Fills `out` from the queue, reading at `speed` (clamped to 1..kMostSpeed), and returns the number
  // of samples written; fewer than asked for only when the queue runs dry.
  std::size_t Pull(std::span<std::int16_t> out, double speed);

  // Samples left out so far.
  std::uint64_t skipped() const { return skipped_; }
  void Clear();

 private:
  std::int16_t At(std::size_t i) const { return ring_[(head_ + i) % ring_.size()]; }
  void Drop(std::size_t n);
  std::size_t BestLag();
  void Cut();

  std::vector<std::int16_t> ring_;
  std::size_t head_ = 0;
  std::size_t size_ = 0;
  double owed_ = 0;  // samples that the speed asks to leave out, not yet left out
  std::uint64_t skipped_ = 0;
  std::vector<float> window_;  // scratch of BestLag
};

}  // namespace jb::media
