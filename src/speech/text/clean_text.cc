// SPDX-License-Identifier: Apache-2.0
#include "speech/text/clean_text.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace jb::speech {
namespace {

struct CodePoint {
  char32_t value;
  std::size_t length;  // bytes
};

// `text` is valid UTF-8 and not empty.
CodePoint Decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(i < text.size() ? text[i] : 0); };
  const unsigned char b = byte(0);
  if (b < 0x80) return {b, 1};
  if (b < 0xE0) return {static_cast<char32_t>((b & 0x1F) << 6 | (byte(1) & 0x3F)), 2};
  if (b < 0xF0) {
    return {static_cast<char32_t>((b & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F)), 3};
  }
  return {static_cast<char32_t>((b & 0x07) << 18 | (byte(1) & 0x3F) << 12 | (byte(2) & 0x3F) << 6 | (byte(3) & 0x3F)),
          4};
}

void Append(char32_t c, std::string& out) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else {  // only ever called for two-byte characters
    out += static_cast<char>(0xC0 | (c >> 6));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

bool IsInvisible(char32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD ||  // C0, DEL, C1, soft hyphen
         (c >= 0x200B && c <= 0x200F) ||                      // zero-width, LRM, RLM
         (c >= 0x202A && c <= 0x202E) ||                      // bidi embeddings and overrides
         (c >= 0x2060 && c <= 0x206F) ||                      // word joiner, bidi isolates, deprecated
         c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) ||       // BOM, annotations
         (c >= 0xE0000 && c <= 0xE007F);                      // tags
}

bool IsSpace(char c) { return c == ' ' || c == '\n'; }

bool IsCjkStop(char32_t c) { return c == 0x3002 || c == 0xFF01 || c == 0xFF1F; }
bool IsStop(char32_t c) { return c == '.' || c == '!' || c == '?' || c == 0x2026 || IsCjkStop(c); }
// What may stand between a stop and the space after it.
bool IsCloser(char32_t c) {
  return c == '"' || c == '\'' || c == ')' || c == ']' || c == 0x201D || c == 0x2019 || c == 0xBB;
}

// "Mr." or the initial "J." before `end`, which points just behind the full stop.
bool IsAbbreviation(std::string_view sentence) {
  sentence.remove_suffix(1);
  const std::size_t at = sentence.find_last_of(" \n(");
  const std::string_view word = at == std::string_view::npos ? sentence : sentence.substr(at + 1);
  if (word.size() == 1 && word[0] >= 'A' && word[0] <= 'Z' && word[0] != 'I') return true;
  constexpr std::array<std::string_view, 20> kKnown = {"Mr",  "Mrs",  "Ms",  "Dr",  "Prof", "St",  "Sr",
                                                       "Sra", "Srta", "Dra", "Jr",  "vs",   "etc", "No",
                                                       "Mme", "Mlle", "e.g", "i.e", "p.ex", "Fr"};
  return std::find(kKnown.begin(), kKnown.end(), word) != kKnown.end();
}

// Where to cut a piece that is too long: behind its last comma, else its last blank, else anywhere between
// two characters.
std::size_t CutPoint(std::string_view text, std::size_t longest) {
  const std::string_view head = text.substr(0, longest);
  for (const std::string_view marks : {std::string_view(",;:"), std::string_view(" ")}) {
    const std::size_t at = head.find_last_of(marks);
    if (at != std::string_view::npos && at > longest / 4) return at + 1;
  }
  std::size_t at = longest;
  while (at > 1 && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80) --at;
  return at;
}

void Add(std::string_view piece, std::size_t longest, std::vector<Sentence>& out) {
  while (!piece.empty()) {
    std::size_t size = piece.size() <= longest ? piece.size() : CutPoint(piece, longest);
    std::string_view head = piece.substr(0, size);
    piece.remove_prefix(size);
    const std::size_t last = head.find_last_not_of(" \n");
    const std::size_t text_size = last == std::string_view::npos ? 0 : last + 1;
    if (text_size == 0 && !out.empty()) {
      out.back().space += head;
    } else {
      out.push_back({std::string(head.substr(0, text_size)), std::string(head.substr(text_size))});
    }
  }
}

// Upper-case forms lie at fixed distances in these blocks.
char32_t ToUpper(char32_t c) {
  if (c >= 'a' && c <= 'z') return c - 32;
  if (c >= 0xE0 && c <= 0xFE && c != 0xF7) return c - 32;  // Latin-1
  if (c >= 0x100 && c <= 0x137) return c & ~char32_t{1};   // Latin Extended-A, pairs
  if (c >= 0x14A && c <= 0x177) return c & ~char32_t{1};
  if (c >= 0x3B1 && c <= 0x3C9 && c != 0x3C2) return c - 32;  // Greek
  if (c >= 0x430 && c <= 0x44F) return c - 32;                // Cyrillic
  if (c >= 0x450 && c <= 0x45F) return c - 80;
  return c;
}

}  // namespace

std::string StripInvisible(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint c = Decode(text);
    if (c.value == '\r') {
      if (text.size() < 2 || text[1] != '\n') out += '\n';
    } else if (c.value == '\n' || c.value == 0x2028 || c.value == 0x2029) {
      out += '\n';
    } else if (c.value == '\t' || c.value == 0xA0) {
      out += ' ';
    } else if (!IsInvisible(c.value)) {
      out += text.substr(0, c.length);
    }
    text.remove_prefix(std::min(c.length, text.size()));
  }
  return out;
}

std::vector<Sentence> SplitSentences(std::string_view text, std::size_t longest) {
  std::vector<Sentence> out;
  std::size_t start = 0;
  bool stopped = false;  // the last visible characters close a sentence
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = Decode(text.substr(at));
    const bool space = c.value == ' ' || c.value == '\n';
    if (space && (stopped || c.value == '\n') && at > start) {
      std::size_t next = at;
      while (next < text.size() && IsSpace(text[next])) ++next;
      Add(text.substr(start, next - start), longest, out);
      start = at = next;
      stopped = false;
      continue;
    }
    at += c.length;
    if (IsStop(c.value)) {
      stopped = c.value != '.' || !IsAbbreviation(text.substr(start, at - start));
      if (IsCjkStop(c.value) && at < text.size() && !IsSpace(text[at]) && !IsStop(Decode(text.substr(at)).value)) {
        Add(text.substr(start, at - start), longest, out);
        start = at;
        stopped = false;
      }
    } else if (!IsCloser(c.value)) {
      stopped = false;
    }
  }
  Add(text.substr(start), longest, out);
  return out;
}

std::string UpperFirst(std::string_view text) {
  if (text.empty()) return {};
  const CodePoint c = Decode(text);
  if (c.length > 2) return std::string(text);
  std::string out;
  Append(ToUpper(c.value), out);
  out += text.substr(c.length);
  return out;
}

bool StartsUpper(std::string_view text) {
  if (text.empty()) return false;
  const CodePoint c = Decode(text);
  if (c.length > 2 || ToUpper(c.value) != c.value) return false;
  return (c.value >= 'A' && c.value <= 'Z') || (c.value >= 0xC0 && c.value <= 0xDE) ||
         (c.value >= 0x100 && c.value <= 0x17F) || (c.value >= 0x391 && c.value <= 0x3A9) ||
         (c.value >= 0x400 && c.value <= 0x42F);
}

}  // namespace jb::speech
