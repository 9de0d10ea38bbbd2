// SPDX-License-Identifier: Apache-2.0
// The words of an HTML fragment, apart from its markup, so that only they are translated. No parser of
// documents: tags, comments and scripts are kept byte for byte, whatever stands in them. Pure functions over
// valid UTF-8. WHATWG HTML section 13.2.5.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace jb::speech {

struct HtmlPiece {
  std::string text;
  bool is_words = false;  // plain text to be translated; else to be kept as it is
};

// Character references are resolved in words, and runs of white space in them are one blank, as browsers show
// them. White space around words, references nobody knows, tags, and what stands in script, style and code
// is kept.
std::vector<HtmlPiece> SplitHtml(std::string_view html);

// Words as they are written in HTML: none of them begins a tag or a character reference.
std::string EscapeHtml(std::string_view words);

}  // namespace jb::speech
