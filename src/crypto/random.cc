// SPDX-License-Identifier: Apache-2.0
#include "crypto/random.h"

#include <openssl/rand.h>

#include "base/result.h"

namespace jb::crypto {

void SystemRandom::Fill(ByteSpan out) { JB_CHECK(RAND_bytes(out.data(), static_cast<int>(out.size())) == 1); }

}  // namespace jb::crypto
