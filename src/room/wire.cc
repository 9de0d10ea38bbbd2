// SPDX-License-Identifier: Apache-2.0
#include "room/wire.h"

#include <cctype>

namespace jb::room {
namespace {

json::object Translations(const std::map<Language, std::string>& translations) {
  json::object out;
  for (const auto& [lang, text] : translations) out[lang.value()] = text;
  return out;
}

constexpr std::size_t kMaxLanguageLength = 35;  // RFC 5646 section 4.4.1

}  // namespace

std::string_view ToText(MediaKind kind) { return kind == MediaKind::kAudio ? "audio" : "video"; }

std::string_view ToText(Source source) {
  switch (source) {
    case Source::kMic: return "mic";
    case Source::kCamera: return "camera";
    case Source::kScreen: return "screen";
    case Source::kScreenAudio: return "screenAudio";
    case Source::kTranslation: return "translation";
  }
  return "mic";
}

std::string_view ToText(Voice voice) { return voice == Voice::kTranslated ? "translated" : "original"; }

std::string_view ToText(LeaveReason reason) {
  switch (reason) {
    case LeaveReason::kLeft: return "left";
    case LeaveReason::kDisconnected: return "disconnected";
    case LeaveReason::kReplaced: return "replaced";
    case LeaveReason::kRoomClosed: return "roomClosed";
    case LeaveReason::kRemoved: return "removed";
  }
  return "left";
}

std::optional<MediaKind> ParseKind(std::string_view text) {
  if (text == "audio") return MediaKind::kAudio;
  if (text == "video") return MediaKind::kVideo;
  return std::nullopt;
}

std::optional<Source> ParseSource(std::string_view text) {
  for (Source source : {Source::kMic, Source::kCamera, Source::kScreen, Source::kScreenAudio}) {
    if (text == ToText(source)) return source;
  }
  return std::nullopt;
}

std::optional<Voice> ParseVoice(std::string_view text) {
  if (text == "translated") return Voice::kTranslated;
  if (text == "original") return Voice::kOriginal;
  return std::nullopt;
}

std::optional<Language> ParseLanguage(std::string_view text) {
  if (text.empty() || text.size() > kMaxLanguageLength) return std::nullopt;
  std::string tag;
  std::size_t subtag = 0, index = 0;
  for (char c : text) {
    if (c == '-') {
      if (subtag == 0 || (index == 0 && subtag < 2)) return std::nullopt;
      subtag = 0;
      ++index;
      tag.push_back(c);
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    const bool fits = index == 0 ? std::isalpha(byte) && subtag < 3 : std::isalnum(byte) && subtag < 8;
    if (byte >= 0x80 || !fits) return std::nullopt;
    ++subtag;
    tag.push_back(static_cast<char>(std::tolower(byte)));
  }
  if (subtag == 0 || (index == 0 && subtag < 2)) return std::nullopt;
  return Language(tag);
}

std::int64_t ToEpochMs(WallTime at) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(at.time_since_epoch()).count();
}

json::object ToJson(const Producer& producer) {
  json::object out{{"id", producer.id.value()},
                   {"kind", ToText(producer.kind)},
                   {"source", ToText(producer.source)},
                   {"paused", producer.paused}};
  if (producer.lang) out["lang"] = producer.lang->value();
  if (producer.translated_from) out["translatedFrom"] = producer.translated_from->value();
  return out;
}

json::object ToJson(const Participant& participant, const std::vector<const Producer*>& visible) {
  json::array producers;
  for (const Producer* producer : visible) producers.push_back(ToJson(*producer));
  return {{"id", participant.id.value()},         {"name", participant.name},
          {"speaks", participant.speaks.value()}, {"hears", participant.hears.value()},
          {"voice", ToText(participant.voice)},   {"handRaised", participant.hand_raised},
          {"producers", std::move(producers)}};
}

json::object ToJson(const ChatMessage& message) {
  return {{"id", message.id},
          {"from", message.from.value()},
          {"name", message.name},
          {"text", message.text},
          {"lang", message.lang.value()},
          {"translations", Translations(message.translations)},
          {"at", ToEpochMs(message.at)}};
}

json::object ToJson(const Caption& caption) {
  json::object stages;
  for (const auto& [stage, ms] : caption.stage_ms) stages[stage] = ms;
  return {{"id", caption.id},
          {"rev", caption.rev},
          {"speakerId", caption.speaker.value()},
          {"speakerName", caption.speaker_name},
          {"final", caption.final},
          {"lang", caption.lang.value()},
          {"text", caption.text},
          {"translations", Translations(caption.translations)},
          {"startMs", caption.start_ms},
          {"endMs", caption.end_ms},
          {"lagMs", caption.lag_ms},
          {"stageMs", std::move(stages)}};
}

}  // namespace jb::room
