// SPDX-License-Identifier: Apache-2.0
// espeak-ng's voices, and which one speaks for whom. Pure functions over what `espeak-ng --voices` prints.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "speech/synthesizer.h"

namespace jb::speech {

struct EspeakVoice {
  std::string code;     // as -v takes it: "es-419", "cmn"
  std::string name;     // "Spanish (Latin America)"
  std::string primary;  // BCP-47 primary subtag: "es", "zh"
};

// Lines that are none are skipped; bounded.
std::vector<EspeakVoice> ParseEspeakVoices(std::string_view listing);

// How a voice is to sound, as options of the program.
struct EspeakStyle {
  std::string voice;  // "es-419+f2"
  int pitch = 50;     // 0..99
  double speed = 1;   // factor
};

// nullopt: no voice speaks `language`. `voice` as in SynthesisRequest.
std::optional<EspeakStyle> ChooseStyle(const std::vector<EspeakVoice>& voices, std::string_view language,
                                       std::string_view voice);

// What GET /voices shows: each voice plain, and in its female and male variants.
std::vector<Voice> ListVoices(const std::vector<EspeakVoice>& voices);

}  // namespace jb::speech
