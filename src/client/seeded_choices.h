// SPDX-License-Identifier: Apache-2.0
// Choices that a seed repeats: who acts when, where in the trace a publisher begins. Not for secrets. Single-threaded.
#pragma once

#include <random>

#include "base/random.h"

namespace jb::client {

class SeededChoices : public Random {
 public:
  explicit SeededChoices(std::uint64_t seed) : engine_(seed) {}
  void Fill(ByteSpan out) override {
    for (auto& b : out) b = static_cast<std::uint8_t>(engine_());
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace jb::client
