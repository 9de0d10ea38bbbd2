// SPDX-License-Identifier: Apache-2.0
// Escaping for apertium comes back unchanged, and whatever a stage may print is turned into text.
#include <algorithm>
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "base/utf8.h"
#include "speech/apertium/modes.h"
#include "speech/apertium/stream_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = jb::AsText({data, size});
  std::string plain;
  for (const char c : text) {
    if (c != '\0') plain += c == '\n' ? ' ' : c;
  }
  const std::string wire = jb::speech::ToApertium(text);
  JB_CHECK(std::count(wire.begin(), wire.end(), '\0') == 1 && wire.back() == '\0');
  JB_CHECK(jb::speech::FromApertium(wire) == plain);
  const std::string output = jb::speech::FromApertium(text);
  if (jb::IsValidUtf8(output)) {
    JB_CHECK(jb::IsValidUtf8(jb::speech::TidyTranslation(output, "Source?", "es")));
  }
  static_cast<void>(jb::speech::ParseModeName(text));
  if (const auto stages = jb::speech::ParseModeLine(text)) {
    for (const auto& stage : *stages) JB_CHECK(!stage.empty() && stage[0].find('/') == std::string::npos);
  }
  return 0;
}
