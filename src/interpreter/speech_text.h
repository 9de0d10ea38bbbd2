// SPDX-License-Identifier: Apache-2.0
// Making text fit to be shown and spoken. It comes from models that listened to strangers: data, never
// markup. Pure functions.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/time.h"

namespace jb::interpreter {

// What a recogniser heard, fit for a caption: valid UTF-8 (else empty), one line, no control, bidi or
// zero-width characters, no phrase of up to four words more than twice in a row (what recognisers make
// up in noise), at most 2000 code points.
std::string CleanRecognized(std::string_view text);

// What a translator answered, with the same rules but for the repetitions; empty when it is more than
// 4 times as long as the source and 100 characters: a runaway.
std::string CleanTranslated(std::string_view text, std::string_view source);

// Takes the first piece of at most `max` code points off `text`, cut after a sentence, else a comma,
// else a word, else anywhere.
std::string TakeUtterance(std::string& text, std::size_t max);

// How long it takes to say, roughly: 15 characters a second, ideographs 5.
Duration SpokenLength(std::string_view text);

}  // namespace jb::interpreter
