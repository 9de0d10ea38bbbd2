// SPDX-License-Identifier: Apache-2.0
// Randomness as cores see it: injected. crypto/random.h is the real one, testing/seeded_random.h the repeatable one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace jb {

class Random {
 public:
  virtual ~Random() = default;
  virtual void Fill(ByteSpan out) = 0;

  std::uint32_t U32() {
    std::uint8_t b[4];
    Fill(b);
    return LoadU32(b);
  }
  std::uint64_t U64() {
    std::uint8_t b[8];
    Fill(b);
    return LoadU64(b);
  }
  // Uniform in [low, high]; the modulo bias of at most 2^-32 does not matter to its uses.
  std::uint32_t Between(std::uint32_t low, std::uint32_t high) {
    return low + static_cast<std::uint32_t>(U64() % (std::uint64_t{high} - low + 1));
  }
  // `length` characters drawn from `alphabet`, which holds at most 256. Unbiased.
  std::string Text(std::size_t length, std::string_view alphabet);
  // 32 lower-case hex digits: 128 random bits.
  std::string Id() { return Text(32, "0123456789abcdef"); }
};

}  // namespace jb
