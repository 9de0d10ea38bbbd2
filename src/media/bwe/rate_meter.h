// SPDX-License-Identifier: Apache-2.0
// How many bits per second went by lately: bytes counted in slots of 50 ms over the last half second. Value type,
// no allocation.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace jb::media {

class RateMeter {
 public:
  static constexpr Duration kSlot = std::chrono::milliseconds(50);
  static constexpr std::size_t kSlots = 10;

  void Add(std::size_t bytes, Time now) {
    Advance(now);
    slots_[static_cast<std::size_t>(newest_) % kSlots] += bytes;
    sum_ += bytes;
  }

  // Over the slots that are over: the one that is filling now would make the rate depend on when it is asked for.
  // 0 until the first slot is full.
  std::uint64_t bitrate_bps(Time now) {
    Advance(now);
    if (!started_) return 0;
    const std::int64_t whole = std::min<std::int64_t>(newest_ - first_, kSlots - 1);
    if (whole == 0) return 0;
    const std::uint64_t bytes = sum_ - slots_[static_cast<std::size_t>(newest_) % kSlots];
    return bytes * 8 * 1'000'000 / static_cast<std::uint64_t>(whole * kSlot.count());
  }

 private:
  void Advance(Time now) {
    const std::int64_t slot = now.time_since_epoch() / kSlot;
    if (!started_) {
      started_ = true;
      first_ = newest_ = slot;
      return;
    }
    if (slot - newest_ >= static_cast<std::int64_t>(kSlots)) {
      slots_.fill(0);
      sum_ = 0;
      newest_ = slot;
    }
    while (newest_ < slot) {
      std::uint64_t& cleared = slots_[static_cast<std::size_t>(++newest_) % kSlots];
      sum_ -= cleared;
      cleared = 0;
    }
  }

  std::array<std::uint64_t, kSlots> slots_{};  // bytes
  std::uint64_t sum_ = 0;
  std::int64_t first_ = 0, newest_ = 0;  // numbers of slots
  bool started_ = false;
};

}  // namespace jb::media
