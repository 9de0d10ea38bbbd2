// SPDX-License-Identifier: Apache-2.0
// A transcript as the callers of stt want it: ours, and OpenAI's five formats. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "io/http.h"
#include "speech/recognizer.h"

namespace jb::services {

// {"text","language","duration","segments":[{"start","end","text"}]}
json::object OwnTranscript(const speech::Transcript& transcript, std::string_view language);

enum class OpenAiFormat : std::uint8_t { kJson, kText, kSrt, kVerboseJson, kVtt };
std::optional<OpenAiFormat> ParseOpenAiFormat(std::string_view text);
io::HttpResponse OpenAiTranscript(const speech::Transcript& transcript, std::string_view language, OpenAiFormat format,
                                  bool word_times);

// A result of a stream: {"type":"partial"|"final","id","rev","text","start","end"[,"flush"]}
json::object StreamMessage(const speech::Recognition& recognition);

}  // namespace jb::services
