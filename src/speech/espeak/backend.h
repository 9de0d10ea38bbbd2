// SPDX-License-Identifier: Apache-2.0
// Synthesizer over the espeak-ng program (GPL: run as a child per utterance, never linked; for voices that
// spoke lately one stands ready, so that their first samples come at once). Text goes in through a pipe, never
// as an argument and never as markup.
#pragma once

#include <memory>

#include "speech/synthesizer.h"

namespace jb::io {
class Loop;
}

namespace jb::speech {

// "backend_missing" when the program is not installed. Runs it once to list its voices (some 10 ms).
Result<std::unique_ptr<Synthesizer>> MakeEspeak(io::Loop& loop, int concurrency);

// `text` in pieces that the program speaks one after the other: sentences up to 500 characters, without
// what it would take for phonemes or what cannot be spoken. Pure.
std::vector<std::string> UtterancesOf(std::string_view text);

}  // namespace jb::speech
