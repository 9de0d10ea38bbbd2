// SPDX-License-Identifier: Apache-2.0
#include "speech/text/languages.h"

#include <algorithm>
#include <array>

namespace jb::speech {
namespace {

struct Row {
  std::string_view code;  // BCP-47
  std::string_view iso639_3;
  std::string_view name;
};

constexpr Row kLanguages[] = {
    {"af", "afr", "Afrikaans"},      {"am", "amh", "Amharic"},     {"an", "arg", "Aragonese"},
    {"ar", "ara", "Arabic"},         {"ar", "arb", "Arabic"},      {"as", "asm", "Assamese"},
    {"ast", "ast", "Asturian"},      {"az", "aze", "Azerbaijani"}, {"be", "bel", "Belarusian"},
    {"bg", "bul", "Bulgarian"},      {"bn", "ben", "Bengali"},     {"br", "bre", "Breton"},
    {"bs", "bos", "Bosnian"},        {"ca", "cat", "Catalan"},     {"cs", "ces", "Czech"},
    {"cy", "cym", "Welsh"},          {"da", "dan", "Danish"},      {"de", "deu", "German"},
    {"el", "ell", "Greek"},          {"en", "eng", "English"},     {"eo", "epo", "Esperanto"},
    {"es", "spa", "Spanish"},        {"et", "est", "Estonian"},    {"eu", "eus", "Basque"},
    {"fa", "fas", "Persian"},        {"fi", "fin", "Finnish"},     {"fr", "fra", "French"},
    {"frp", "frp", "Arpitan"},       {"ga", "gle", "Irish"},       {"gd", "gla", "Scottish Gaelic"},
    {"gl", "glg", "Galician"},       {"gu", "guj", "Gujarati"},    {"he", "heb", "Hebrew"},
    {"hi", "hin", "Hindi"},          {"hr", "hrv", "Croatian"},    {"hu", "hun", "Hungarian"},
    {"hy", "hye", "Armenian"},       {"id", "ind", "Indonesian"},  {"is", "isl", "Icelandic"},
    {"it", "ita", "Italian"},        {"ja", "jpn", "Japanese"},    {"ka", "kat", "Georgian"},
    {"kk", "kaz", "Kazakh"},         {"kn", "kan", "Kannada"},     {"ko", "kor", "Korean"},
    {"ky", "kir", "Kyrgyz"},         {"la", "lat", "Latin"},       {"lt", "lit", "Lithuanian"},
    {"lv", "lav", "Latvian"},        {"mk", "mkd", "Macedonian"},  {"ml", "mal", "Malayalam"},
    {"mr", "mar", "Marathi"},        {"ms", "msa", "Malay"},       {"ms", "zlm", "Malay"},
    {"mt", "mlt", "Maltese"},        {"my", "mya", "Burmese"},     {"nb", "nob", "Norwegian Bokmål"},
    {"ne", "nep", "Nepali"},         {"nl", "nld", "Dutch"},       {"nn", "nno", "Norwegian Nynorsk"},
    {"no", "nor", "Norwegian"},      {"oc", "oci", "Occitan"},     {"or", "ori", "Odia"},
    {"pa", "pan", "Punjabi"},        {"pl", "pol", "Polish"},      {"pt", "por", "Portuguese"},
    {"ro", "ron", "Romanian"},       {"ru", "rus", "Russian"},     {"sc", "srd", "Sardinian"},
    {"sh", "hbs", "Serbo-Croatian"}, {"sk", "slk", "Slovak"},      {"sl", "slv", "Slovenian"},
    {"sq", "sqi", "Albanian"},       {"sr", "srp", "Serbian"},     {"sv", "swe", "Swedish"},
    {"sw", "swa", "Swahili"},        {"szl", "szl", "Silesian"},   {"ta", "tam", "Tamil"},
    {"te", "tel", "Telugu"},         {"th", "tha", "Thai"},        {"tr", "tur", "Turkish"},
    {"tt", "tat", "Tatar"},          {"uk", "ukr", "Ukrainian"},   {"ur", "urd", "Urdu"},
    {"uz", "uzb", "Uzbek"},          {"vi", "vie", "Vietnamese"},  {"zh", "zho", "Chinese"},
    {"zh", "cmn", "Chinese"},        {"yue", "yue", "Cantonese"},
};

}  // namespace

std::string PrimaryLanguage(std::string_view code) {
  code = code.substr(0, code.find_first_of("-_"));
  if (code.size() < 2 || code.size() > 8) return {};
  std::string out(code);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c < 'a' || c > 'z') return {};
  }
  const auto* row =
      std::find_if(std::begin(kLanguages), std::end(kLanguages), [&](const Row& r) { return r.iso639_3 == out; });
  return row == std::end(kLanguages) ? out : std::string(row->code);
}

std::string_view EnglishLanguageName(std::string_view primary) {
  const auto* row =
      std::find_if(std::begin(kLanguages), std::end(kLanguages), [&](const Row& r) { return r.code == primary; });
  return row == std::end(kLanguages) ? primary : row->name;
}

}  // namespace jb::speech
