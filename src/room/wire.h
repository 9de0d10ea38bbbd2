// SPDX-License-Identifier: Apache-2.0
// The JSON shapes of docs/protocol.md section 3, both ways. No state.
#pragma once

#include "base/json.h"
#include "room/types.h"

namespace jb::room {

json::object ToJson(const Producer& producer);
json::object ToJson(const Participant& participant, const std::vector<const Producer*>& visible);
json::object ToJson(const ChatMessage& message);
json::object ToJson(const Caption& caption);

std::string_view ToText(MediaKind kind);
std::string_view ToText(Source source);
std::string_view ToText(Voice voice);
std::string_view ToText(LeaveReason reason);

// nullopt for anything a client may not name; "translation" is ours alone.
std::optional<MediaKind> ParseKind(std::string_view text);
std::optional<Source> ParseSource(std::string_view text);
std::optional<Voice> ParseVoice(std::string_view text);
// A well-formed BCP-47 tag with a language of two or three letters, at most 35 characters, in lower
// case: "vi", "pt-br".
std::optional<Language> ParseLanguage(std::string_view text);

// Milliseconds since 1970, as JavaScript's Date has them.
std::int64_t ToEpochMs(WallTime at);

}  // namespace jb::room
