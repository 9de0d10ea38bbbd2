// SPDX-License-Identifier: Apache-2.0
// What a room is made of. Plain values; the JSON shapes of docs/protocol.md section 3 are in wire.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/strong.h"
#include "base/time.h"

namespace jb::room {

enum class MediaKind : std::uint8_t { kAudio, kVideo };
enum class Source : std::uint8_t { kMic, kCamera, kScreen, kScreenAudio, kTranslation };
// What a participant wants to hear of somebody who speaks another language.
enum class Voice : std::uint8_t { kTranslated, kOriginal };

struct Producer {
  ProducerId id;
  MediaKind kind = MediaKind::kAudio;
  Source source = Source::kMic;
  bool paused = false;
  // Of a translated voice only: the language heard, and the microphone it was made from.
  std::optional<Language> lang;
  std::optional<ProducerId> translated_from;
};

struct Participant {
  ParticipantId id;
  std::string name;
  Language speaks;
  Language hears;
  Voice voice = Voice::kTranslated;
  bool hand_raised = false;
  std::vector<Producer> producers;
};

struct ChatMessage {
  std::string id;
  ParticipantId from;
  std::string name;
  std::string text;
  Language lang;
  std::map<Language, std::string> translations;
  WallTime at;
};

// One caption as it stands; the same id is replaced in place while rev grows, until it is final.
struct Caption {
  std::string id;
  std::uint32_t rev = 0;
  ParticipantId speaker;
  std::string speaker_name;
  bool final = false;
  Language lang;
  std::string text;
  std::map<Language, std::string> translations;
  std::int64_t start_ms = 0;  // since the room was made
  std::int64_t end_ms = 0;
  std::int64_t lag_ms = 0;    // how long after the speaker's voice it was sent
  std::map<std::string, std::int64_t> stage_ms;  // "stt", "translation", "tts"
};

enum class LeaveReason : std::uint8_t { kLeft, kDisconnected, kReplaced, kRoomClosed, kRemoved };

}  // namespace jb::room
