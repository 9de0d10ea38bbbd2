// SPDX-License-Identifier: Apache-2.0
#include "speech/text/language_detector.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>

#include "base/utf8.h"

namespace jb::speech {
namespace {

struct Profile {
  std::string_view language;
  std::string_view words;    // commonest function words
  std::string_view letters;  // letters that few others use
};

constexpr Profile kProfiles[] = {
    {"en",
     "the of and to in is you that it he was for on are with they be this have from or had by but what we "
     "can not your my i do an will",
     ""},
    {"es",
     "de la que el en y a los se del las un por con no una su para es al lo como más pero sus le ya o este sí "
     "porque muy está hola",
     "ñ¿¡"},
    {"ca",
     "de la i el que en a els les un per amb no una és al del dels com més però seva aquest van ha són ser "
     "molt perquè hi ho",
     "çŀ·"},
    {"fr",
     "de la le et les des en un du une que est pour qui dans a par plus pas au sur ne se ce il sont avec je "
     "vous nous mais bonjour",
     "œêûîè"},
    {"pt",
     "de a o que e do da em um para com não uma os no se na por mais as dos como mas foi ao ele das tem à seu "
     "você está muito",
     "ãõ"},
    {"it",
     "di che è la il un a per in una sono mi ho non ma lo ha le si ti con cosa se io come da ci questo qui "
     "sei del della",
     "ìò"},
    {"ro", "de și în la a cu pe nu un o că este care din mai pentru se sunt au fost ce prin dar", "ășțâî"},
    {"gl", "de a o que e do da en un para con non unha os no se na por máis as dos como pero foi ao seu moi é", "ñ"},
    {"de",
     "der die und in den von zu das mit sich des auf für ist im dem nicht ein eine als auch es an werden aus "
     "er hat dass sie ich wir",
     "äöüß"},
    {"nl", "de van een het en in is dat op te zijn met voor niet aan er om ook als dan maar bij uit je ik wat", ""},
    {"sv", "och i att det som en på är av för med till den har de inte om ett han men var jag sig från vi så", "åäö"},
    {"da", "og i at det som en på er af for med til den har de ikke om et han men var jeg sig fra vi så", "æøå"},
    {"nb", "og i at det som en på er av for med til den har de ikke om et han men var jeg seg fra vi så", "æøå"},
    {"is", "og að í á sem er til var við um með ekki það en af hann því fyrir eru hefur ég", "þðæö"},
    {"eo", "la kaj de en al estas ke mi ne por kun li ĝi tio ĉi pri sed el oni vi ni", "ĉĝĥĵŝŭ"},
    {"eu", "eta da ez bat egin izan den du dira ere dute zen baina hau edo oso nire", ""},
    {"pl", "i w nie na z się do to że jest o a jak po co tak za od ale czy już tylko", "ąęłśżźćń"},
    {"hr", "i je u se na da su za od s a o što koji kao ne bi iz ali će sam", "čćđšž"},
    {"sl", "je in v na se da so za pa ne z ki kot bi tudi od po še ni", "čšž"},
    {"vi", "và của là không có được cho một người trong các này đã với những tôi bạn để khi thì chào xin",
     "ăđơưạảấầẩậắằặẹẻẽếềểễệỉịọỏốồổỗộớờởợụủứừửữựỳỵỷỹ"},
    {"id", "yang dan di ini itu dengan untuk tidak dari dalam akan pada juga saya ke karena ada mereka kita", ""},
    {"af", "die en van in is het nie wat te om dat vir met op hy sy ek as aan", ""},
    {"oc", "de la e lo que los las en un per amb una es del dins mas son al se", "ò"},
    {"br", "ha ar an e da eo er zo gant evit ur un met a vez", ""},
};

struct Script {
  std::uint32_t first, last;
  std::string_view language;  // the one it points to, when no profile knows better
};
constexpr Script kScripts[] = {{0x0400, 0x04FF, "ru"}, {0x0370, 0x03FF, "el"}, {0x0590, 0x05FF, "he"},
                               {0x0600, 0x06FF, "ar"}, {0x0900, 0x097F, "hi"}, {0x0E00, 0x0E7F, "th"},
                               {0x3040, 0x30FF, "ja"}, {0xAC00, 0xD7AF, "ko"}, {0x4E00, 0x9FFF, "zh"}};
// Cyrillic languages by the letters only they have.
constexpr std::pair<std::string_view, std::string_view> kCyrillic[] = {
    {"uk", "іїєґ"}, {"be", "ўі"}, {"mk", "ѓќѕџљњј"}, {"bg", "ъщ"}, {"ru", "ыэё"}};

constexpr std::size_t kMostBytes = 4000;  // enough to know, whatever the length

std::uint32_t Next(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(at);
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  std::uint32_t c = length == 1 ? lead : lead & (0x7Fu >> length);
  for (std::size_t i = 1; i < length; ++i) c = (c << 6) | (byte(at + i) & 0x3F);
  at += length;
  return c;
}

// ASCII, Latin-1, Latin Extended and Cyrillic capitals: what the profiles hold.
std::uint32_t Lower(std::uint32_t c) {
  if (c >= 'A' && c <= 'Z') return c + 32;
  if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x410 && c <= 0x42F)) return c + 32;
  if (c >= 0x400 && c <= 0x40F) return c + 80;
  const bool even_capital = (c >= 0x100 && c <= 0x137) || (c >= 0x14A && c <= 0x177) || (c >= 0x1EA0 && c <= 0x1EF9) ||
                            (c >= 0x1A0 && c <= 0x1AF && c != 0x1AF) || (c >= 0x218 && c <= 0x21B);
  if (even_capital && c % 2 == 0) return c + 1;
  return c == 0x1AF ? 0x1B0 : c;
}

bool IsLetter(std::uint32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 0xC0 && c != 0xD7 && c != 0xF7 && c < 0x2000) || (c >= 0x3040 && c < 0xE000);
}

bool HasWord(std::string_view words, std::string_view word) {
  for (std::size_t at = words.find(word); at != std::string_view::npos; at = words.find(word, at + 1)) {
    const std::size_t end = at + word.size();
    if ((at == 0 || words[at - 1] == ' ') && (end == words.size() || words[end] == ' ')) return true;
  }
  return false;
}

struct Features {
  std::map<std::string, int> words;
  std::map<std::string, int> letters;  // other than a to z
  std::map<std::string_view, int> scripts;
  int letter_count = 0;
  int word_count = 0;
};

Features Read(std::string_view text) {
  Features out;
  std::string word;
  const auto end_word = [&] {
    if (!word.empty()) ++out.words[word], ++out.word_count;
    word.clear();
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t start = at;
    const std::uint32_t c = Lower(Next(text, at));
    std::string letter(text.substr(start, at - start));
    if (c < 0x80) letter = std::string(1, static_cast<char>(c));
    else if (at - start == 2) letter = {static_cast<char>(0xC0 | (c >> 6)), static_cast<char>(0x80 | (c & 0x3F))};
    else if (at - start == 3) {
      letter = {static_cast<char>(0xE0 | (c >> 12)), static_cast<char>(0x80 | ((c >> 6) & 0x3F)),
                static_cast<char>(0x80 | (c & 0x3F))};
    }
    if (c >= 0x80) ++out.letters[letter];  // ¿ ¡ · count too, though they are no letters
    if (!IsLetter(c)) {
      end_word();
      continue;
    }
    ++out.letter_count;
    word += letter;
    for (const Script& script : kScripts) {
      if (c >= script.first && c <= script.last) ++out.scripts[script.language];
    }
  }
  end_word();
  return out;
}

double Score(const Profile& profile, const Features& features) {
  double score = 0;
  for (const auto& [word, count] : features.words) {
    if (HasWord(profile.words, word)) score += count;
  }
  for (const auto& [letter, count] : features.letters) {
    if (profile.letters.find(letter) != std::string_view::npos) score += 0.7 * count;
    else if (letter.size() <= 3) score -= 0.15 * count;  // a letter this language does not have
  }
  return score;
}

std::map<std::string, double> ScoresOf(const Features& features) {
  std::map<std::string, double> scores;
  for (const auto& [language, count] : features.scripts) {
    if (2 * count < features.letter_count) continue;
    // Japanese mixes Chinese characters into its own.
    const bool japanese = language == "zh" && features.scripts.contains("ja");
    scores[japanese ? "ja" : std::string(language)] = count;
    if (language != "ru") continue;
    for (const auto& [cyrillic, letters] : kCyrillic) {
      for (const auto& [letter, n] : features.letters) {
        if (letters.find(letter) != std::string_view::npos) scores[std::string(cyrillic)] += count + 3.0 * n;
      }
    }
  }
  if (!scores.empty()) return scores;
  for (const Profile& profile : kProfiles) {
    if (const double score = Score(profile, features); score > 0) scores[std::string(profile.language)] = score;
  }
  return scores;
}

}  // namespace

std::vector<DetectedLanguage> DetectLanguage(std::string_view text, const std::vector<std::string>& among) {
  std::string_view head = text.substr(0, kMostBytes);
  while (!head.empty() && head.size() < text.size() && (static_cast<std::uint8_t>(text[head.size()]) & 0xC0) == 0x80) {
    head.remove_suffix(1);
  }
  if (!IsValidUtf8(head)) return {};
  const Features features = Read(head);
  if (features.letter_count == 0) return {};
  std::vector<DetectedLanguage> out;
  double total = 0.5;  // doubt: one word in common proves little
  for (const auto& [language, score] : ScoresOf(features)) {
    if (!among.empty() && std::find(among.begin(), among.end(), language) == among.end()) continue;
    out.push_back({language, score});
    total += score;
  }
  std::stable_sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.confidence > b.confidence; });
  if (out.size() > 3) out.resize(3);
  for (DetectedLanguage& d : out) d.confidence = std::round(1000 * d.confidence / total) / 10;
  return out;
}

}  // namespace jb::speech
