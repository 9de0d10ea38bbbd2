// SPDX-License-Identifier: Apache-2.0
#include "speech/pocketsphinx/transcript_text.h"

namespace jb::speech {
namespace {

bool IsFiller(std::string_view word) {
  return word.empty() || word.front() == '<' || word.front() == '[' || word.starts_with("++");
}

}  // namespace

std::string CleanWord(std::string_view word) {
  if (IsFiller(word)) return {};
  // Alternative pronunciations: "read(2)".
  if (word.back() == ')') word = word.substr(0, word.find('('));
  std::string out(word);
  if (out == "i" || out.starts_with("i'")) out[0] = 'I';
  return out;
}

std::vector<TimedText> CleanWords(std::span<const SphinxWord> words, double offset_s) {
  std::vector<TimedText> out;
  for (const SphinxWord& w : words) {
    std::string text = CleanWord(w.text);
    if (!text.empty()) out.push_back({std::move(text), offset_s + w.start_s, offset_s + w.end_s});
  }
  return out;
}

std::string CleanHypothesis(std::string_view hypothesis) {
  std::string out;
  while (!hypothesis.empty()) {
    const std::size_t blank = hypothesis.find(' ');
    const std::string word = CleanWord(hypothesis.substr(0, blank));
    if (!word.empty()) out += (out.empty() ? "" : " ") + word;
    if (blank == std::string_view::npos) break;
    hypothesis.remove_prefix(blank + 1);
  }
  return out;
}

std::string AsSentence(std::string text, bool closed) {
  if (text.empty()) return text;
  // The dictionary is ASCII.
  if (text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  if (closed && text.back() != '.') text += '.';
  return text;
}

std::string JoinWords(std::span<const TimedText> words) {
  std::string out;
  for (const TimedText& w : words) {
    if (!out.empty()) out += ' ';
    out += w.text;
  }
  return out;
}

}  // namespace jb::speech
