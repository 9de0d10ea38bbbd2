// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "speech/text/language_detector.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& detected : jb::speech::DetectLanguage(text, {})) {
    if (!(detected.confidence >= 0 && detected.confidence <= 100)) __builtin_trap();
  }
  return 0;
}
