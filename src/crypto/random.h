// SPDX-License-Identifier: Apache-2.0
// The machine's cryptographic randomness. Any thread; holds no state of its own.
#pragma once

#include "base/random.h"

namespace jb::crypto {

// Aborts the process when the generator fails: predictable keys are worse than no service.
class SystemRandom : public Random {
 public:
  void Fill(ByteSpan out) override;
};

}  // namespace jb::crypto
