// SPDX-License-Identifier: Apache-2.0
// Bounds-checked reading of bits, the highest first. As ByteReader: past the end comes zero and ok() is false for good.
#pragma once

#include <bit>

#include "base/bytes.h"

namespace jb::media {

class BitReader {
 public:
  explicit BitReader(ByteView bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  std::size_t position() const { return at_; }  // in bits
  std::size_t remaining() const { return bytes_.size() * 8 - at_; }

  bool Flag() { return Bits(1) != 0; }
  std::uint32_t Bits(unsigned count) {  // at most 32
    if (count > remaining()) ok_ = false;
    if (!ok_) return 0;
    std::uint32_t value = 0;
    for (unsigned i = 0; i < count; ++i, ++at_) {
      value = (value << 1) | ((bytes_[at_ / 8] >> (7 - at_ % 8)) & 1u);
    }
    return value;
  }
  // A number below `n` > 0, whose small values take a bit less where n is no power of two (AV1 specification
  // section 4.10.7).
  std::uint32_t NonSymmetric(std::uint32_t n) {
    const auto width = static_cast<unsigned>(std::bit_width(n));
    const std::uint32_t short_ones = (1u << width) - n;
    const std::uint32_t value = Bits(width - 1);
    if (value < short_ones) return value;
    return (value << 1) - short_ones + Bits(1);
  }

 private:
  ByteView bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

}  // namespace jb::media
