// SPDX-License-Identifier: Apache-2.0
// The final captions of a room as a file: json, vtt, srt or txt, in the original and in one language.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "room/types.h"

namespace jb::room {

enum class TranscriptFormat : std::uint8_t { kJson, kVtt, kSrt, kTxt };
std::optional<TranscriptFormat> ParseTranscriptFormat(std::string_view text);
std::string_view ContentType(TranscriptFormat format);

// With `lang`, that translation follows the original where there is one.
std::string WriteTranscript(const std::deque<Caption>& captions, TranscriptFormat format,
                            const std::optional<Language>& lang);

}  // namespace jb::room
