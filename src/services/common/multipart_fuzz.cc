// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>

#include "services/common/multipart.h"

// The first line is the content type, the rest the body.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t line = std::min(input.find('\n'), input.size());
  const auto parts = jb::services::ParseMultipart(input.substr(0, line), input.substr(std::min(line + 1, size)));
  if (!parts.ok()) return 0;
  for (const auto& part : *parts) {
    // What is handed out lies within the input.
    if (part.data.data() < input.data() || part.data.data() + part.data.size() > input.data() + size) {
      __builtin_trap();
    }
  }
  return 0;
}
