// SPDX-License-Identifier: Apache-2.0
#include "room/transcript.h"

#include <cstdio>

#include "room/wire.h"

namespace jb::room {
namespace {

// "00:01:02.345" (WebVTT) or "00:01:02,345" (SubRip).
std::string Clock(std::int64_t ms, char fraction) {
  char text[32];
  std::snprintf(text, sizeof text, "%02lld:%02lld:%02lld%c%03lld", static_cast<long long>(ms / 3'600'000),
                static_cast<long long>(ms / 60'000 % 60), static_cast<long long>(ms / 1000 % 60), fraction,
                static_cast<long long>(ms % 1000));
  return text;
}

const std::string* Translation(const Caption& caption, const std::optional<Language>& lang) {
  if (!lang || *lang == caption.lang) return nullptr;
  const auto it = caption.translations.find(*lang);
  return it == caption.translations.end() ? nullptr : &it->second;
}

// WebVTT cue text: & < > are markup there.
std::string VttText(const std::string& text) {
  std::string out;
  for (char c : text) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else out.push_back(c);
  }
  return out;
}

std::string Json(const std::deque<Caption>& captions, const std::optional<Language>& lang) {
  json::array out;
  for (const Caption& caption : captions) {
    json::object line = ToJson(caption);
    line.erase("stageMs");
    line.erase("lagMs");
    line.erase("rev");
    line.erase("final");
    if (lang) {
      json::object only;
      if (const std::string* text = Translation(caption, lang)) only[lang->value()] = *text;
      line["translations"] = std::move(only);
    }
    out.push_back(std::move(line));
  }
  return json::serialize(json::object{{"captions", std::move(out)}});
}

std::string Cues(const std::deque<Caption>& captions, bool vtt, const std::optional<Language>& lang) {
  std::string out = vtt ? "WEBVTT\n\n" : "";
  std::size_t n = 0;
  const char fraction = vtt ? '.' : ',';
  for (const Caption& caption : captions) {
    out += std::to_string(++n) + "\n" + Clock(caption.start_ms, fraction) + " --> " + Clock(caption.end_ms, fraction) +
           "\n";
    const std::string* translation = Translation(caption, lang);
    if (vtt) {
      out += "<v " + VttText(caption.speaker_name) + ">" + VttText(caption.text) + "\n";
      if (translation) out += VttText(*translation) + "\n";
    } else {
      out += caption.speaker_name + ": " + caption.text + "\n";
      if (translation) out += *translation + "\n";
    }
    out += "\n";
  }
  return out;
}

std::string Text(const std::deque<Caption>& captions, const std::optional<Language>& lang) {
  std::string out;
  for (const Caption& caption : captions) {
    out += "[" + Clock(caption.start_ms, '.').substr(0, 8) + "] " + caption.speaker_name + ": " + caption.text + "\n";
    if (const std::string* text = Translation(caption, lang)) out += "    " + *text + "\n";
  }
  return out;
}

}  // namespace

std::optional<TranscriptFormat> ParseTranscriptFormat(std::string_view text) {
  if (text == "json") return TranscriptFormat::kJson;
  if (text == "vtt") return TranscriptFormat::kVtt;
  if (text == "srt") return TranscriptFormat::kSrt;
  if (text == "txt") return TranscriptFormat::kTxt;
  return std::nullopt;
}

std::string_view ContentType(TranscriptFormat format) {
  switch (format) {
    case TranscriptFormat::kJson: return "application/json";
    case TranscriptFormat::kVtt: return "text/vtt; charset=utf-8";
    case TranscriptFormat::kSrt: return "application/x-subrip; charset=utf-8";
    case TranscriptFormat::kTxt: return "text/plain; charset=utf-8";
  }
  return "application/json";
}

std::string WriteTranscript(const std::deque<Caption>& captions, TranscriptFormat format,
                            const std::optional<Language>& lang) {
  switch (format) {
    case TranscriptFormat::kJson: return Json(captions, lang);
    case TranscriptFormat::kVtt: return Cues(captions, true, lang);
    case TranscriptFormat::kSrt: return Cues(captions, false, lang);
    case TranscriptFormat::kTxt: return Text(captions, lang);
  }
  return {};
}

}  // namespace jb::room
