// SPDX-License-Identifier: Apache-2.0
// Text from strangers made fit for a translator or a voice, and cut into sentences. Pure functions over
// valid UTF-8.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace jb::speech {

// Without control characters (line breaks become '\n', tabs a blank), bidi controls, zero-width
// characters, tag characters and byte-order marks: none of them is spoken, and some hide text.
std::string StripInvisible(std::string_view text);

// A sentence and the white space that stood behind it, so that joining all gives the text back.
struct Sentence {
  std::string text;
  std::string space;
};
// Cuts after . ! ? … 。 ！ ？ that white space (or a CJK sign) follows, not after common abbreviations and
// single initials, and at line breaks. A piece longer than `longest` bytes is cut at its last comma or blank.
std::vector<Sentence> SplitSentences(std::string_view text, std::size_t longest);

// The first letter made upper case: ASCII, Latin-1, Latin Extended-A, Greek and Cyrillic; else unchanged.
std::string UpperFirst(std::string_view text);
bool StartsUpper(std::string_view text);

}  // namespace jb::speech
