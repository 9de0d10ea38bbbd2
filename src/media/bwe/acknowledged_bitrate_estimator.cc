// SPDX-License-Identifier: Apache-2.0
#include "media/bwe/acknowledged_bitrate_estimator.h"

#include <algorithm>

namespace jb::media {
namespace {

constexpr std::size_t kMinSamples = 5;  // fewer say nothing about a rate

}  // namespace

void AcknowledgedBitrateEstimator::HandlePacket(std::size_t bytes, Time arrived_at) {
  const bool merges = size_ > 0 && arrived_at - Newest(0).arrived_at < kMerge;
  if (!merges) {
    samples_[next_] = {arrived_at, 0};
    next_ = (next_ + 1) % kSamples;
    size_ = std::min(size_ + 1, kSamples);
  }
  Sample& newest = samples_[(next_ + kSamples - 1) % kSamples];
  newest.bytes += static_cast<std::uint32_t>(bytes);
  if (const auto rate = Rate(kWindow)) last_ = rate;
}

// The oldest sample only marks the beginning: its bytes arrived before.
std::optional<std::uint64_t> AcknowledgedBitrateEstimator::Rate(Duration window) const {
  if (size_ < kMinSamples) return std::nullopt;
  const Time newest = Newest(0).arrived_at;
  std::uint64_t bytes = 0;
  std::size_t back = 0;
  while (back + 1 < size_ && newest - Newest(back + 1).arrived_at <= window) bytes += Newest(back++).bytes;
  const Duration span = newest - Newest(back).arrived_at;
  if (back + 1 < kMinSamples || span < window / 2) return std::nullopt;
  return bytes * 8 * 1'000'000 / static_cast<std::uint64_t>(span.count());
}

}  // namespace jb::media
