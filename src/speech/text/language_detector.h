// SPDX-License-Identifier: Apache-2.0
// Which language a text is in, out of those we translate: by script where that decides, else by its
// commonest words and letters. Meant for sentences; a word alone is often anybody's. Pure; any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace jb::speech {

struct DetectedLanguage {
  std::string language;  // BCP-47 primary subtag
  double confidence;     // 0..100
};

// Best first, at most three; empty for text without letters. Only languages in `among` are answered,
// unless it is empty.
std::vector<DetectedLanguage> DetectLanguage(std::string_view text, const std::vector<std::string>& among);

}  // namespace jb::speech
