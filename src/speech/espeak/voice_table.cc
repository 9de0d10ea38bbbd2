// SPDX-License-Identifier: Apache-2.0
#include "speech/espeak/voice_table.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <sstream>

#include "speech/text/languages.h"

namespace jb::speech {
namespace {

constexpr std::size_t kMostVoices = 1000;

// The variants that sound human enough; m5 and f5 whisper or croak.
constexpr std::array<std::string_view, 11> kVariants = {"m1", "m2", "m3", "m4", "m6", "m7",
                                                        "m8", "f1", "f2", "f3", "f4"};

// For speakers who are numbered: neighbours differ most, female and male in turn.
constexpr std::array<std::string_view, kVariants.size()> kInTurn = {"f2", "m1", "f1", "m3", "f4", "m7",
                                                                    "f3", "m2", "m4", "m6", "m8"};
constexpr std::array<int, 5> kPitches = {50, 38, 62, 44, 56};
constexpr std::array<double, 3> kSpeeds = {1.0, 0.94, 1.06};

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

// 3 of "speaker-3", as the interpreter names those of one room.
std::optional<std::uint64_t> SpeakerNumber(std::string_view voice) {
  constexpr std::string_view kPrefix = "speaker-";
  if (!voice.starts_with(kPrefix)) return std::nullopt;
  voice.remove_prefix(kPrefix.size());
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(voice.data(), voice.data() + voice.size(), number);
  if (error != std::errc() || end != voice.data() + voice.size() || number == 0) return std::nullopt;
  return number;
}

// Each of the first kVariants × kPitches × kSpeeds = 165 sounds like no other.
void StyleOfSpeaker(std::uint64_t number, EspeakStyle& style) {
  std::uint64_t n = number - 1;
  style.voice += "+" + std::string(kInTurn[n % kInTurn.size()]);
  n /= kInTurn.size();
  style.pitch = kPitches[n % kPitches.size()];
  n /= kPitches.size();
  style.speed = kSpeeds[n % kSpeeds.size()];
}

// Any other name: always the same for the same name, and different ones mostly differ.
void StyleOfName(std::string_view name, EspeakStyle& style) {
  const std::uint64_t h = Hash(name);
  style.voice += "+" + std::string(kVariants[h % kVariants.size()]);
  style.pitch = 38 + static_cast<int>((h >> 16) % 5) * 6;  // 38..62
  style.speed = 0.94 + 0.04 * static_cast<double>((h >> 32) % 4);
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
  } else if (const auto number = SpeakerNumber(voice)) {
    StyleOfSpeaker(*number, style);
  } else if (!voice.empty() && named == voices.end()) {
    StyleOfName(voice, style);
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
