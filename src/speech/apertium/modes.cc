// SPDX-License-Identifier: Apache-2.0
#include "speech/apertium/modes.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <set>

#include "speech/text/languages.h"

namespace jb::speech {
namespace {

constexpr std::array<std::string_view, 15> kPrograms = {"lt-proc",
                                                        "lrx-proc",
                                                        "lsx-proc",
                                                        "rtx-proc",
                                                        "cg-proc",
                                                        "hfst-proc",
                                                        "apertium-tagger",
                                                        "apertium-pretransfer",
                                                        "apertium-transfer",
                                                        "apertium-interchunk",
                                                        "apertium-postchunk",
                                                        "apertium-posttransfer",
                                                        "apertium-anaphora",
                                                        "lt-append",
                                                        "lt-merge"};

bool IsPlainCode(std::string_view text) {
  return (text.size() == 2 || text.size() == 3) &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

struct Side {
  std::vector<std::string> languages;  // empty: not a language code
  bool variant = false;
};

Side ParseSide(std::string_view text, bool source) {
  if (text == "hbs") return {source ? std::vector<std::string>{"bs", "hr", "sr"} : std::vector<std::string>{"hr"}};
  if (text == "hbs_BS") return {{"bs"}};
  if (text == "hbs_HR") return {{"hr"}};
  if (text == "hbs_SR") return {{"sr"}};
  const std::string_view code = text.substr(0, text.find('_'));
  if (!IsPlainCode(code)) return {};
  return {{PrimaryLanguage(code)}, code != text};
}

// Splits on blanks and '|', both of which quotes hide. "|" comes out as a word of its own.
std::optional<std::vector<std::string>> SplitWords(std::string_view line) {
  std::vector<std::string> words;
  std::string word;
  bool open = false;  // a word has begun
  char quote = 0;
  for (const char c : line) {
    if (quote) {
      if (c == quote) {
        quote = 0;
      } else {
        word += c;
      }
    } else if (c == '\'' || c == '"') {
      quote = c;
      open = true;
    } else if (c == ' ' || c == '\t' || c == '|') {
      if (open) words.push_back(std::exchange(word, {}));
      open = false;
      if (c == '|') words.emplace_back("|");
    } else if (std::string_view(";&<>`()\\*?").find(c) != std::string_view::npos) {
      return std::nullopt;  // not a plain pipeline
    } else {
      word += c;
      open = true;
    }
  }
  if (quote) return std::nullopt;
  if (open) words.push_back(word);
  return words;
}

bool FilesExist(const std::vector<Stage>& stages) {
  for (const Stage& stage : stages) {
    for (const std::string& arg : stage) {
      if (arg.starts_with('/') && ::access(arg.c_str(), R_OK) != 0) return false;
    }
  }
  return true;
}

bool ProgramsExist(const std::vector<Stage>& stages) {
  return std::all_of(stages.begin(), stages.end(),
                     [](const Stage& stage) { return ::access(("/usr/bin/" + stage[0]).c_str(), X_OK) == 0; });
}

std::optional<std::vector<Stage>> ReadMode(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line, last;
  while (std::getline(file, line)) {
    if (!line.empty() && line[0] != '#') last = line;
  }
  std::optional<std::vector<Stage>> stages = ParseModeLine(last);
  if (!stages || !FilesExist(*stages) || !ProgramsExist(*stages)) return std::nullopt;
  return stages;
}

}  // namespace

std::optional<ModeName> ParseModeName(std::string_view file_name) {
  if (!file_name.ends_with(".mode")) return std::nullopt;
  file_name.remove_suffix(5);
  const std::size_t dash = file_name.find('-');
  if (dash == std::string_view::npos || file_name.find('-', dash + 1) != std::string_view::npos) {
    return std::nullopt;
  }
  const Side from = ParseSide(file_name.substr(0, dash), /*source=*/true);
  const Side to = ParseSide(file_name.substr(dash + 1), /*source=*/false);
  if (from.languages.empty() || to.languages.empty() || from.languages == to.languages) return std::nullopt;
  return ModeName{from.languages, to.languages, from.variant || to.variant};
}

std::optional<std::vector<Stage>> ParseModeLine(std::string_view line) {
  const std::optional<std::vector<std::string>> words = SplitWords(line);
  if (!words || words->empty()) return std::nullopt;
  std::vector<Stage> stages(1);
  for (const std::string& word : *words) {
    if (word == "|") {
      stages.emplace_back();
    } else if (word == "$1") {
      stages.back().emplace_back("-n");
    } else if (word == "$2") {
      continue;
    } else if (word.find('$') != std::string::npos) {
      return std::nullopt;
    } else {
      stages.back().push_back(word);
      if (stages.back().size() == 1) stages.back().emplace_back("-z");
    }
  }
  for (const Stage& stage : stages) {
    if (stage.empty() || std::find(kPrograms.begin(), kPrograms.end(), stage[0]) == kPrograms.end()) {
      return std::nullopt;
    }
  }
  return stages;
}

Modes FindModes(const std::string& directory) {
  std::error_code error;
  std::set<std::filesystem::path> files;  // sorted: the result does not depend on the directory's order
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) files.insert(entry.path());
  Modes modes;
  for (const bool variants : {false, true}) {
    for (const std::filesystem::path& path : files) {
      const std::optional<ModeName> name = ParseModeName(path.filename().string());
      if (!name || name->variant != variants) continue;
      const auto stages = ReadMode(path);
      if (!stages) continue;
      for (const std::string& from : name->from) {
        for (const std::string& to : name->to) {
          // Plain modes and earlier names were here first.
          if (from != to) modes.try_emplace({from, to}, Mode{from, to, *stages});
        }
      }
    }
  }
  return modes;
}

std::optional<std::string> FindPivot(const Modes& modes, const std::string& from, const std::string& to) {
  const auto joins = [&](const std::string& via) {
    return via != from && via != to && modes.contains({from, via}) && modes.contains({via, to});
  };
  for (const char* preferred : {"en", "es", "ca", "fr"}) {
    if (joins(preferred)) return preferred;
  }
  for (const auto& [pair, mode] : modes) {
    if (pair.first == from && joins(pair.second)) return pair.second;
  }
  return std::nullopt;
}

std::string ShellPipeline(const std::vector<Stage>& stages) {
  std::string out;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    if (i > 0) out += " | ";
    // When any stage dies, those behind it read their end of input and exit; then the whole group goes, so
    // that nobody waits for an answer that cannot come.
    if (i + 1 == stages.size()) out += "{ ";
    for (const std::string& arg : stages[i]) {
      out += '\'';
      for (const char c : arg) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
      out += "' ";
    }
  }
  return out + "; kill -9 0; }";
}

}  // namespace jb::speech
