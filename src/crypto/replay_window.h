// SPDX-License-Identifier: Apache-2.0
// Private to src/crypto: which of the last packet indices were seen (RFC 3711 section 3.3.2).
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/bit_ring.h"

namespace jb::crypto {

template <std::size_t kSize>
class ReplayWindow {
 public:
  enum class Verdict : std::uint8_t { kNew, kSeen, kTooOld };

  bool started() const { return started_; }
  std::uint64_t highest() const { return highest_; }

  Verdict Check(std::uint64_t index) const {
    if (!started_ || index > highest_) return Verdict::kNew;
    if (highest_ - index >= kSize) return Verdict::kTooOld;
    return seen_.Test(Number(index)) ? Verdict::kSeen : Verdict::kNew;
  }

  // Only for an index that Check() calls kNew.
  void Commit(std::uint64_t index) {
    if (!started_) {
      started_ = true;
      highest_ = index;
    } else if (index > highest_) {
      seen_.Clear(Number(highest_ + 1), Number(index));
      highest_ = index;
    }
    seen_.Set(Number(index));
  }

 private:
  // RFC 3711 section 3.3.1: 48 bits at most.
  static std::int64_t Number(std::uint64_t index) { return static_cast<std::int64_t>(index); }

  BitRing<kSize> seen_;
  std::uint64_t highest_ = 0;
  bool started_ = false;
};

}  // namespace jb::crypto
