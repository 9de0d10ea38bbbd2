// SPDX-License-Identifier: Apache-2.0
// Private to src/crypto: which of the last packet indices were seen (RFC 3711 section 3.3.2).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace jb::crypto {

// A ring of kSize bits: index i lives at i mod kSize, and moving forward clears what it passes.
template <std::size_t kSize>
class ReplayWindow {
  static_assert(kSize % 64 == 0);

 public:
  enum class Verdict : std::uint8_t { kNew, kSeen, kTooOld };

  bool started() const { return started_; }
  std::uint64_t highest() const { return highest_; }

  Verdict Check(std::uint64_t index) const {
    if (!started_ || index > highest_) return Verdict::kNew;
    if (highest_ - index >= kSize) return Verdict::kTooOld;
    return (Word(index) & Bit(index)) != 0 ? Verdict::kSeen : Verdict::kNew;
  }

  // Only for an index that Check() calls kNew.
  void Commit(std::uint64_t index) {
    if (!started_) {
      started_ = true;
      highest_ = index;
    } else if (index > highest_) {
      Forget(highest_ + 1, index);
      highest_ = index;
    }
    Word(index) |= Bit(index);
  }

 private:
  static std::uint64_t Bit(std::uint64_t index) { return std::uint64_t{1} << (index % 64); }
  std::uint64_t& Word(std::uint64_t index) { return words_[index % kSize / 64]; }
  const std::uint64_t& Word(std::uint64_t index) const { return words_[index % kSize / 64]; }

  void Forget(std::uint64_t first, std::uint64_t last) {
    if (last - first >= kSize) {
      words_.fill(0);
      return;
    }
    for (std::uint64_t i = first; i <= last; ++i) Word(i) &= ~Bit(i);
  }

  std::array<std::uint64_t, kSize / 64> words_{};
  std::uint64_t highest_ = 0;
  bool started_ = false;
};

}  // namespace jb::crypto
