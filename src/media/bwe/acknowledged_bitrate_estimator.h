// SPDX-License-Identifier: Apache-2.0
// How many bits per second arrive, from the arrival times that feedback reports. While a queue stands on the path,
// this is what the path carries. Value type, no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"

namespace jb::media {

class AcknowledgedBitrateEstimator {
 public:
  static constexpr Duration kWindow = std::chrono::milliseconds(500);
  // For the moment after a change: long enough for several packets of a slow link.
  static constexpr Duration kShortWindow = std::chrono::milliseconds(150);

  // In order of arrival, within one feedback.
  void HandlePacket(std::size_t bytes, Time arrived_at);
  // Nothing can be said about the time between the last packet and the next.
  void HandleGap() { size_ = 0; }

  // Over kWindow; before it is full the last value, or nullopt.
  std::optional<std::uint64_t> bitrate_bps() const { return last_; }
  // Over kShortWindow: noisier, but of now. nullopt while too little arrived.
  std::optional<std::uint64_t> short_bitrate_bps() const { return Rate(kShortWindow); }

 private:
  struct Sample {
    Time arrived_at{};  // of the last byte
    std::uint32_t bytes = 0;
  };
  static constexpr std::size_t kSamples = 256;
  static constexpr Duration kMerge = std::chrono::milliseconds(2);  // kWindow fits into kSamples
  std::optional<std::uint64_t> Rate(Duration window) const;
  const Sample& Newest(std::size_t back) const { return samples_[(next_ + kSamples - 1 - back) % kSamples]; }

  std::array<Sample, kSamples> samples_{};  // ring
  std::size_t next_ = 0, size_ = 0;
  std::optional<std::uint64_t> last_;
};

}  // namespace jb::media
