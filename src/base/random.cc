// SPDX-License-Identifier: Apache-2.0
#include "base/random.h"

namespace jb {

std::string Random::Text(std::size_t length, std::string_view alphabet) {
  // Bytes at or above the largest multiple of the alphabet's size are drawn again, so none is favoured.
  const unsigned limit = 256u - 256u % static_cast<unsigned>(alphabet.size());
  std::string out;
  out.reserve(length);
  std::uint8_t pool[64];
  while (out.size() < length) {
    Fill(pool);
    for (std::uint8_t b : pool) {
      if (b < limit && out.size() < length) out.push_back(alphabet[b % alphabet.size()]);
    }
  }
  return out;
}

}  // namespace jb
