// SPDX-License-Identifier: Apache-2.0
// Cleaning and splitting lose nothing, keep UTF-8 whole and respect their bound.
#include <cstdint>

#include "base/bytes.h"
#include "base/result.h"
#include "base/utf8.h"
#include "speech/text/clean_text.h"
#include "speech/text/languages.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = jb::AsText({data, size});
  static_cast<void>(jb::speech::PrimaryLanguage(text));
  if (!jb::IsValidUtf8(text)) return 0;
  const std::string clean = jb::speech::StripInvisible(text);
  JB_CHECK(jb::IsValidUtf8(clean));
  JB_CHECK(jb::speech::StripInvisible(clean) == clean);
  std::string joined;
  for (const jb::speech::Sentence& s : jb::speech::SplitSentences(clean, 40)) {
    JB_CHECK(s.text.size() <= 40);
    JB_CHECK(jb::IsValidUtf8(s.text));
    joined += s.text + s.space;
  }
  JB_CHECK(joined == clean);
  JB_CHECK(jb::IsValidUtf8(jb::speech::UpperFirst(clean)));
  return 0;
}
