// SPDX-License-Identifier: Apache-2.0
// Plain text to apertium's stream format and back, and the tidying of what comes back. Pure functions.
// Format: wiki.apertium.org "Apertium stream format": reserved characters are escaped by '\', text that is
// not to be translated stands in [brackets], and with -z every stage flushes at a NUL.
#pragma once

#include <string>
#include <string_view>

namespace jb::speech {

// One sentence, without line breaks (they become blanks), ready to be written to the first stage. The full
// stop and the empty bracket at the end make every stage let go of its last words.
std::string ToApertium(std::string_view sentence);

// Whether the end mark came back. A stage that reads its end of input prints a NUL without it.
bool IsWholeAnswer(std::string_view output);

// What came back, up to its NUL and without it. Undoes the escapes and the end mark.
std::string FromApertium(std::string_view output);

// Marks of unknown words (*word, @word, #word) that the source did not have itself, doubled blanks, blanks
// before . , ; : ! ? and after ¿ ¡; the first letter in upper case when the source's was; the opening mark of
// Spanish and Asturian questions and exclamations.
std::string TidyTranslation(std::string text, std::string_view source, std::string_view target_language);

}  // namespace jb::speech
