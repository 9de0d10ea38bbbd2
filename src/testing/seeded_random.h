// SPDX-License-Identifier: Apache-2.0
// Random that repeats itself: the same seed, the same run.
#pragma once

#include <random>

#include "base/random.h"

namespace jb::testing {

class SeededRandom : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : engine_(seed) {}
  void Fill(ByteSpan out) override {
    for (auto& b : out) b = static_cast<std::uint8_t>(engine_());
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace jb::testing
