// SPDX-License-Identifier: Apache-2.0
// Renumbers so that what was left out on purpose leaves no gap, and what was lost keeps its own. The arithmetic behind
// SeqManager and behind the picture ids of VP8, over numbers that do not wrap. Value-like, fixed size, sans-IO;
// constant time for the newest number.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bit_ring.h"

namespace jb::media {

template <std::int64_t kWindow>
class NumberMapper {
 public:
  explicit NumberMapper(std::int64_t first_output) : next_output_(first_output) {}

  // The next input continues behind the highest output, whatever its own number is. Those before it are not mapped
  // any more.
  void Restart() { synced_ = false; }

  // The number for `input`; nullopt when it was left out, or is older than what is remembered.
  std::optional<std::int64_t> Map(std::int64_t input) {
    if (!synced_) Sync(input);
    if (input > highest_) {
      Advance(input, /*dropped=*/false);
      return next_output_ - 1;
    }
    if (!IsRemembered(input) || IsDropped(input)) return std::nullopt;
    return OutputOf(input);
  }

  // `input` is left out: later numbers close the gap. When later ones have been given out already the gap stays, and
  // its number is returned.
  std::optional<std::int64_t> Drop(std::int64_t input) {
    // Before the first mapped one nothing has been numbered yet, so there is no gap to close.
    if (!synced_) return std::nullopt;
    if (input > highest_) {
      Advance(input, /*dropped=*/true);
      return std::nullopt;
    }
    if (!IsRemembered(input) || IsDropped(input)) return std::nullopt;
    return OutputOf(input);
  }

  // The number after the highest given out.
  std::int64_t next_output() const { return next_output_; }

 private:
  void Sync(std::int64_t input) {
    synced_ = true;
    first_ = input;
    highest_ = input - 1;
    dropped_.Clear();
  }
  bool IsRemembered(std::int64_t input) const { return input >= first_ && input > highest_ - kWindow; }
  bool IsDropped(std::int64_t input) const { return dropped_.Test(input); }

  // `input` is the highest now; those between it and the one before were lost so far and keep their numbers.
  void Advance(std::int64_t input, bool dropped) {
    const std::int64_t ahead = input - highest_;
    dropped_.Clear(highest_ + 1, input);
    if (dropped) dropped_.Set(input);
    next_output_ += dropped ? ahead - 1 : ahead;
    highest_ = input;
  }

  // Counts back from the highest: each number between that was not left out has one of its own.
  std::int64_t OutputOf(std::int64_t input) const {
    return next_output_ - 1 - (highest_ - input) + dropped_.Count(input + 1, highest_);
  }

  bool synced_ = false;
  std::int64_t first_ = 0;    // lowest input that is mapped
  std::int64_t highest_ = 0;  // mapped or left out
  std::int64_t next_output_;
  BitRing<kWindow> dropped_;
};

}  // namespace jb::media
