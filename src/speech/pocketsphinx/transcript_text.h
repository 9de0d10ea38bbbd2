// SPDX-License-Identifier: Apache-2.0
// From a decoder's words to text people read. Pure functions.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "speech/pocketsphinx/decoder.h"
#include "speech/recognizer.h"

namespace jb::speech {

// "the(2)" -> "the"; "" for what is no word: "<sil>", "[NOISE]", "++COUGH++". "i'm" -> "I'm".
std::string CleanWord(std::string_view word);

// The words that are words, shifted by `offset_s`.
std::vector<TimedText> CleanWords(std::span<const SphinxWord> words, double offset_s);

// The same for a hypothesis of words separated by blanks.
std::string CleanHypothesis(std::string_view hypothesis);

// First letter upper case; with `closed`, a full stop at the end, so that a translator sees a sentence.
std::string AsSentence(std::string text, bool closed);
std::string JoinWords(std::span<const TimedText> words);

}  // namespace jb::speech
