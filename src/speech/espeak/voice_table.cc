// SPDX-License-Identifier: Apache-2.0
#include "speech/espeak/voice_table.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <sstream>

#include "speech/text/languages.h"

namespace jb::speech {
namespace {

constexpr std::size_t kMostVoices = 1000;

// The variants that sound human enough; m5 and f5 whisper or croak.
constexpr std::array<std::string_view, 11> kVariants = {"m1", "m2", "m3", "m4", "m6", "m7",
                                                        "m8", "f1", "f2", "f3", "f4"};

// Where several voices share a primary language, who speaks for it when nothing more is said.
constexpr std::array<std::string_view, 12> kPreferred = {"en-us", "es", "fr-fr", "pt-br", "vi",  "cmn",
                                                         "pt",    "hy", "fa",    "ru",    "yue", "nb"};

// FNV-1a, 64 bit: the same on every machine and in every version.
std::uint64_t Hash(std::string_view text) {
  std::uint64_t h = 14695981039346656037u;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return h;
}

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_') c = '-';
  }
  return out;
}

// Languages that espeak-ng has under a relative's name.
std::string_view Relative(std::string_view primary) {
  if (primary == "no" || primary == "nn") return "nb";
  if (primary == "sh") return "hr";
  return primary;
}

const EspeakVoice* FindVoice(const std::vector<EspeakVoice>& voices, std::string_view language) {
  const std::string wanted = Lower(language);
  const auto by_code = [&](std::string_view code) -> const EspeakVoice* {
    const auto it = std::find_if(voices.begin(), voices.end(), [&](const EspeakVoice& v) { return v.code == code; });
    return it == voices.end() ? nullptr : &*it;
  };
  if (wanted.find('-') != std::string::npos) {
    if (const EspeakVoice* exact = by_code(wanted)) return exact;
    if (wanted == "es-mx" || wanted == "es-us" || wanted == "es-ar") {
      if (const EspeakVoice* american = by_code("es-419")) return american;
    }
  }
  const std::string full = PrimaryLanguage(language);
  const std::string_view primary = Relative(full);
  if (primary.empty()) return nullptr;
  for (const std::string_view code : kPreferred) {
    const EspeakVoice* voice = by_code(code);
    if (voice && voice->primary == primary) return voice;
  }
  if (const EspeakVoice* exact = by_code(primary)) return exact;
  const auto it =
      std::find_if(voices.begin(), voices.end(), [&](const EspeakVoice& v) { return v.primary == primary; });
  return it == voices.end() ? nullptr : &*it;
}

// "f2" of "f2" and of "es+f2".
std::string_view NamedVariant(std::string_view voice) {
  const std::size_t plus = voice.find('+');
  const std::string_view tail = plus == std::string_view::npos ? voice : voice.substr(plus + 1);
  return std::find(kVariants.begin(), kVariants.end(), tail) == kVariants.end() ? std::string_view() : tail;
}

}  // namespace

std::vector<EspeakVoice> ParseEspeakVoices(std::string_view listing) {
  std::vector<EspeakVoice> out;
  std::istringstream lines{std::string(listing)};
  std::string line;
  while (std::getline(lines, line) && out.size() < kMostVoices) {
    // Pty Language Age/Gender VoiceName File Other
    std::istringstream fields(line);
    int priority = 0;
    EspeakVoice voice;
    std::string gender;
    if (!(fields >> priority >> voice.code >> gender >> voice.name)) continue;
    voice.code = Lower(voice.code);
    voice.primary = PrimaryLanguage(voice.code);
    std::replace(voice.name.begin(), voice.name.end(), '_', ' ');
    const bool known = std::any_of(out.begin(), out.end(), [&](const EspeakVoice& v) { return v.code == voice.code; });
    if (!voice.primary.empty() && !known) out.push_back(std::move(voice));
  }
  return out;
}

std::optional<EspeakStyle> ChooseStyle(const std::vector<EspeakVoice>& voices, std::string_view language,
                                       std::string_view voice) {
  const EspeakVoice* base = FindVoice(voices, language);
  if (!base) return std::nullopt;
  EspeakStyle style;
  // A named voice of that language: "es-419", "es-419+f2".
  const std::string name = Lower(voice.substr(0, voice.find('+')));
  const auto named = std::find_if(voices.begin(), voices.end(), [&](const EspeakVoice& v) { return v.code == name; });
  if (named != voices.end() && named->primary == base->primary) base = &*named;
  style.voice = base->code;
  if (const std::string_view variant = NamedVariant(voice); !variant.empty()) {
    style.voice += "+" + std::string(variant);
  } else if (!voice.empty() && named == voices.end()) {
    const std::uint64_t h = Hash(voice);
    style.voice += "+" + std::string(kVariants[h % kVariants.size()]);
    style.pitch = 38 + static_cast<int>((h >> 16) % 5) * 6;  // 38..62
    style.speed = 0.94 + 0.04 * static_cast<double>((h >> 32) % 4);
  }
  return style;
}

std::vector<Voice> ListVoices(const std::vector<EspeakVoice>& voices) {
  std::vector<Voice> out;
  for (const EspeakVoice& v : voices) {
    // "es-419": the tag as BCP-47 has it, except where the program's code is another language's.
    const std::string tag = v.primary == v.code.substr(0, v.code.find('-')) ? v.code : v.primary;
    out.push_back({v.code, v.name, tag, "male"});
    out.push_back({v.code + "+f2", v.name + ", female", tag, "female"});
    out.push_back({v.code + "+m3", v.name + ", deep", tag, "male"});
  }
  return out;
}

}  // namespace jb::speech
