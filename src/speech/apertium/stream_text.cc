// SPDX-License-Identifier: Apache-2.0
#include "speech/apertium/stream_text.h"

#include <algorithm>

#include "speech/text/clean_text.h"

namespace jb::speech {
namespace {

constexpr std::string_view kReserved = "[]{}^$@\\/<>";
constexpr std::string_view kEndMark = ".[]\n";

bool IsWordByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
}

// Whether the sign at `at` is a mark of the stages. Where the source has as many of them, it has none. Where it
// has some: "*word" is one when the source has the word without it, since unknown words stay as they are, and
// "#word" and "@word", which stand before lemmas, when the source does not have them like that.
bool IsMark(std::string_view text, std::size_t at, std::string_view source) {
  const char c = text[at];
  if (c != '*' && c != '@' && c != '#') return false;
  const auto in_source = std::count(source.begin(), source.end(), c);
  if (in_source == 0) return true;
  if (std::count(text.begin(), text.end(), c) <= in_source) return false;
  std::size_t end = at + 1;
  while (end < text.size() && IsWordByte(text[end])) ++end;
  if (end == at + 1 || (at > 0 && IsWordByte(text[at - 1]))) return false;
  if (source.find(text.substr(at, end - at)) != std::string_view::npos) return false;
  return c != '*' || source.find(text.substr(at + 1, end - at - 1)) != std::string_view::npos;
}

std::string DropMarks(std::string_view text, std::string_view source) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (!IsMark(text, i, source)) out += text[i];
  }
  return out;
}

std::string TidySpaces(const std::string& text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ') {
      const char next = i + 1 < text.size() ? text[i + 1] : ' ';
      if (out.empty() || out.back() == ' ' || next == ' ') continue;
      if (out.ends_with("¿") || out.ends_with("¡")) continue;
      const bool mark = next == '.' || next == ',' || next == ';' || next == ':' || next == '!' || next == '?';
      const bool ends = i + 2 >= text.size() || !IsWordByte(text[i + 2]);
      if (mark && ends && (i + 2 >= text.size() || text[i + 2] < '0' || text[i + 2] > '9')) continue;
    }
    out += c;
  }
  return out;
}

void OpenQuestion(std::string& text, char close, std::string_view open) {
  if (text.empty() || text.back() != close || text.find(open) != std::string::npos) return;
  text = std::string(open) + UpperFirst(text);
}

}  // namespace

std::string ToApertium(std::string_view sentence) {
  std::string out;
  out.reserve(sentence.size() + 8);
  for (const char c : sentence) {
    if (c == '\0') continue;
    if (kReserved.find(c) != std::string_view::npos) out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  out += kEndMark;
  out += '\0';
  return out;
}

bool IsWholeAnswer(std::string_view output) { return output.find("[]") != std::string_view::npos; }

std::string FromApertium(std::string_view output) {
  if (output.ends_with('\0')) output.remove_suffix(1);
  std::string out;
  out.reserve(output.size());
  bool in_blank = false;  // inside [ ], which only we write, and empty
  for (std::size_t i = 0; i < output.size(); ++i) {
    const char c = output[i];
    if (c == '\\' && i + 1 < output.size()) {
      ++i;
      if (!in_blank) out += output[i];
    } else if (c == '[') {
      // The end mark's full stop stands right before its bracket.
      if (out.ends_with('.')) out.pop_back();
      in_blank = true;
    } else if (c == ']') {
      in_blank = false;
    } else if (!in_blank && c != '\n' && c != '\0') {
      out += c;
    }
  }
  return out;
}

std::string TidyTranslation(std::string text, std::string_view source, std::string_view target_language) {
  std::string out = TidySpaces(DropMarks(text, source));
  while (out.ends_with(' ')) out.pop_back();
  if (StartsUpper(source)) out = UpperFirst(out);
  if (target_language == "es" || target_language == "ast") {
    OpenQuestion(out, '?', "¿");
    OpenQuestion(out, '!', "¡");
  }
  return out;
}

}  // namespace jb::speech
