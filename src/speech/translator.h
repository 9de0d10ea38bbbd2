// SPDX-License-Identifier: Apache-2.0
// Translator: text in one language to text in another. Codes are BCP-47 primary subtags ("es").
// It does not cache and does not detect languages: speech/text/translation_cache.h and
// speech/text/language_detector.h do.
//
// Thread: called on the backend's io::Loop; `done` is called once on the same loop, never from inside
// Translate(). Input is UTF-8, at most kMaxTranslationBytes; control characters are dropped, line breaks kept.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jb::speech {

inline constexpr std::size_t kMaxTranslationBytes = 20'000;

struct Translation {
  std::string text;
  std::string pivot;  // the language it went through; empty when direct
};

struct TranslationDirection {
  std::string from;
  std::string to;
  std::string pivot;  // empty when direct
};

// Error codes: "unsupported_direction", "too_long", "invalid_text", "busy", "backend_failed".
class Translator {
 public:
  virtual ~Translator() = default;
  virtual std::string_view name() const = 0;
  // Every direction it answers, direct ones first, sorted by (from, to).
  virtual const std::vector<TranslationDirection>& directions() const = 0;
  // The direction will be wanted soon: whatever it needs to start is started. Unknown ones are ignored.
  virtual void Warm(std::string_view from, std::string_view to) = 0;
  virtual void Translate(std::string text, std::string_view from, std::string_view to,
                         std::function<void(Result<Translation>)> done) = 0;
};

}  // namespace jb::speech
