// SPDX-License-Identifier: Apache-2.0
// How often each delay occurred, in microseconds, without keeping every one: 64 buckets for each power of two, so a
// quantile is at most 1.6 % too large. Fixed size, no allocation. Value; single-threaded.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "base/time.h"

namespace jb::client {

class DelayHistogram {
 public:
  // Negative counts as 0, more than an hour as an hour.
  void Add(Duration delay) {
    const auto us = static_cast<std::uint64_t>(std::clamp<std::int64_t>(delay.count(), 0, kMost));
    ++counts_[IndexOf(us)];
    ++count_;
    max_ = std::max(max_, us);
  }
  std::uint64_t count() const { return count_; }
  Duration max() const { return Duration(static_cast<std::int64_t>(max_)); }
  // Nearest rank; the upper edge of the bucket it lies in.
  Duration Quantile(double q) const {
    if (count_ == 0) return Duration(0);
    const auto rank = std::max<std::uint64_t>(1, static_cast<std::uint64_t>(q * static_cast<double>(count_) + 0.5));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= rank) return Duration(static_cast<std::int64_t>(std::min(UpperEdge(i), max_)));
    }
    return max();
  }

 private:
  static constexpr std::int64_t kMost = 3'600'000'000;
  static constexpr unsigned kBits = 6;  // 2^6 buckets per power of two
  static constexpr std::size_t kBuckets = (32 - kBits + 1) << kBits;

  // Below 2^(kBits+1) exact; above, the highest kBits+1 bits tell the bucket.
  static std::size_t IndexOf(std::uint64_t us) {
    const auto width = static_cast<unsigned>(std::bit_width(us));
    if (width <= kBits + 1) return us;
    const unsigned shift = width - kBits - 1;
    return (std::size_t{shift} << kBits) + (us >> shift);
  }
  static std::uint64_t UpperEdge(std::size_t index) {
    if (index < (std::size_t{2} << kBits)) return index;
    const std::size_t shift = (index >> kBits) - 1;
    return ((std::uint64_t{index} - (shift << kBits) + 1) << shift) - 1;
  }

  std::array<std::uint64_t, kBuckets> counts_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace jb::client
