// SPDX-License-Identifier: Apache-2.0
// One bit for each of the latest kSize of numbers that grow: number n stands at n modulo kSize. What windows over packet
// and frame numbers are made of; which numbers are in the window, and that it clears what it moves over, is its owner's
// business. Value type, fixed size.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace jb {

template <std::size_t kSize>
class BitRing {
  static_assert(kSize >= 64 && std::has_single_bit(kSize));

 public:
  bool Test(std::int64_t n) const { return (Word(n) & Bit(n)) != 0; }
  void Set(std::int64_t n) { Word(n) |= Bit(n); }
  void Clear() { words_.fill(0); }
  // `first` to `last`, both included; nothing when `first` is the larger one.
  void Clear(std::int64_t first, std::int64_t last) {
    if (last - first >= static_cast<std::int64_t>(kSize)) return Clear();
    for (std::int64_t n = first; n <= last; ++n) Word(n) &= ~Bit(n);
  }
  // How many are set from `first` to `last`, both included: at most kSize numbers.
  std::int64_t Count(std::int64_t first, std::int64_t last) const {
    std::int64_t count = 0;
    for (std::int64_t n = first; n <= last;) {
      const std::int64_t upto = std::min(n | 63, last);  // within one word
      const int width = static_cast<int>(upto - n + 1);
      count += std::popcount((Word(n) >> (n & 63)) & (~std::uint64_t{0} >> (64 - width)));
      n = upto + 1;
    }
    return count;
  }

 private:
  static std::size_t Index(std::int64_t n) { return (static_cast<std::uint64_t>(n) & (kSize - 1)) / 64; }
  static std::uint64_t Bit(std::int64_t n) { return std::uint64_t{1} << (n & 63); }
  std::uint64_t& Word(std::int64_t n) { return words_[Index(n)]; }
  const std::uint64_t& Word(std::int64_t n) const { return words_[Index(n)]; }

  std::array<std::uint64_t, kSize / 64> words_{};
};

}  // namespace jb
