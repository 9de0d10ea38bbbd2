// SPDX-License-Identifier: Apache-2.0
#include "services/stt/transcript_formats.h"

#include <cmath>
#include <cstdio>

namespace jb::services {
namespace {

double Milli(double seconds) { return std::round(seconds * 1000) / 1000; }

std::string Clock(double seconds, char fraction) {
  const auto ms = static_cast<long long>(std::llround(seconds * 1000));
  char text[40];
  std::snprintf(text, sizeof text, "%02lld:%02lld:%02lld%c%03lld", ms / 3'600'000, ms / 60'000 % 60, ms / 1000 % 60,
                fraction, ms % 1000);
  return text;
}

std::string Cues(const speech::Transcript& transcript, bool vtt) {
  std::string out = vtt ? "WEBVTT\n\n" : "";
  const char fraction = vtt ? '.' : ',';
  int n = 0;
  for (const speech::TimedText& s : transcript.segments) {
    if (!vtt) out += std::to_string(++n) + "\n";
    out += Clock(s.start_s, fraction) + " --> " + Clock(s.end_s, fraction) + "\n" + s.text + "\n\n";
  }
  return out;
}

json::object Usage(double duration_s) {
  return {{"type", "duration"}, {"seconds", static_cast<std::int64_t>(std::ceil(duration_s))}};
}

json::object Verbose(const speech::Transcript& transcript, std::string_view language, bool word_times) {
  json::array segments;
  for (std::size_t i = 0; i < transcript.segments.size(); ++i) {
    const speech::TimedText& s = transcript.segments[i];
    segments.push_back(json::object{{"id", i},
                                    {"seek", 0},
                                    {"start", Milli(s.start_s)},
                                    {"end", Milli(s.end_s)},
                                    {"text", s.text},
                                    {"tokens", json::array{}},
                                    {"temperature", 0.0},
                                    {"avg_logprob", 0.0},
                                    {"compression_ratio", 0.0},
                                    {"no_speech_prob", 0.0}});
  }
  json::object out{{"task", "transcribe"},
                   {"language", language},
                   {"duration", Milli(transcript.duration_s)},
                   {"text", transcript.text},
                   {"segments", std::move(segments)},
                   {"usage", Usage(transcript.duration_s)}};
  if (word_times) {
    json::array words;
    for (const speech::TimedText& w : transcript.words) {
      words.push_back(json::object{{"word", w.text}, {"start", Milli(w.start_s)}, {"end", Milli(w.end_s)}});
    }
    out["words"] = std::move(words);
  }
  return out;
}

io::HttpResponse Text(std::string_view type, std::string body) { return {200, std::string(type), {}, std::move(body)}; }

}  // namespace

json::object OwnTranscript(const speech::Transcript& transcript, std::string_view language) {
  json::array segments;
  for (const speech::TimedText& s : transcript.segments) {
    segments.push_back(json::object{{"start", Milli(s.start_s)}, {"end", Milli(s.end_s)}, {"text", s.text}});
  }
  return {{"text", transcript.text},
          {"language", language},
          {"duration", Milli(transcript.duration_s)},
          {"segments", std::move(segments)}};
}

std::optional<OpenAiFormat> ParseOpenAiFormat(std::string_view text) {
  if (text == "json") return OpenAiFormat::kJson;
  if (text == "text") return OpenAiFormat::kText;
  if (text == "srt") return OpenAiFormat::kSrt;
  if (text == "verbose_json") return OpenAiFormat::kVerboseJson;
  if (text == "vtt") return OpenAiFormat::kVtt;
  return std::nullopt;
}

io::HttpResponse OpenAiTranscript(const speech::Transcript& transcript, std::string_view language, OpenAiFormat format,
                                  bool word_times) {
  switch (format) {
    case OpenAiFormat::kJson:
      return Text("application/json",
                  json::serialize(json::object{{"text", transcript.text}, {"usage", Usage(transcript.duration_s)}}));
    case OpenAiFormat::kText: return Text("text/plain; charset=utf-8", transcript.text + "\n");
    case OpenAiFormat::kSrt: return Text("application/x-subrip; charset=utf-8", Cues(transcript, false));
    case OpenAiFormat::kVtt: return Text("text/vtt; charset=utf-8", Cues(transcript, true));
    case OpenAiFormat::kVerboseJson:
      return Text("application/json", json::serialize(Verbose(transcript, language, word_times)));
  }
  return {};
}

json::object StreamMessage(const speech::Recognition& r) {
  json::object out{{"type", r.final ? "final" : "partial"},
                   {"id", r.id},
                   {"rev", r.rev},
                   {"text", r.text},
                   {"start", Milli(r.start_s)},
                   {"end", Milli(r.end_s)}};
  if (r.flush) out["flush"] = *r.flush;
  return out;
}

}  // namespace jb::services
