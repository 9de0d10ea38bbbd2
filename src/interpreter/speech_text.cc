// SPDX-License-Identifier: Apache-2.0
#include "interpreter/speech_text.h"

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/utf8.h"

namespace jb::interpreter {
namespace {

constexpr std::size_t kMostCodePoints = 2000;
constexpr std::size_t kMostRepeats = 2;
constexpr std::size_t kLongestPhrase = 4;

// The code point at `at` of valid UTF-8, and its length.
struct CodePoint {
  std::uint32_t value;
  std::size_t length;
};
CodePoint Next(std::string_view s, std::size_t at) {
  const auto b = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(s[at + i])); };
  if (b(0) < 0x80) return {b(0), 1};
  if (b(0) < 0xE0) return {((b(0) & 0x1F) << 6) | (b(1) & 0x3F), 2};
  if (b(0) < 0xF0) return {((b(0) & 0x0F) << 12) | ((b(1) & 0x3F) << 6) | (b(2) & 0x3F), 3};
  return {((b(0) & 0x07) << 18) | ((b(1) & 0x3F) << 12) | ((b(2) & 0x3F) << 6) | (b(3) & 0x3F), 4};
}

// Characters that change how text looks or is read without being seen.
bool IsInvisible(std::uint32_t c) {
  return c == 0x00AD || c == 0x061C || (c >= 0x200B && c <= 0x200F) || (c >= 0x2028 && c <= 0x202E) ||
         (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || (c >= 0x80 && c < 0xA0) || (c >= 0xE0000 && c <= 0xE007F);
}

std::string Visible(std::string_view text) {
  if (!IsValidUtf8(text)) return {};
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = Next(text, at);
    // White space that CleanLine would drop still parts words.
    if (c.value == '\n' || c.value == '\r' || c.value == '\t') out += ' ';
    else if (!IsInvisible(c.value)) out.append(text.substr(at, c.length));
    at += c.length;
  }
  out = CleanLine(out);
  return std::string(FirstCodePoints(out, kMostCodePoints));
}

std::vector<std::string_view> Words(std::string_view text) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) words.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return words;
}

// Whether the phrase of n words that ends the list stands there kMostRepeats times before itself already.
bool RepeatsTooOften(const std::vector<std::string_view>& words, std::size_t n) {
  if (words.size() < n * (kMostRepeats + 1)) return false;
  const auto last = words.end() - static_cast<std::ptrdiff_t>(n);
  for (std::size_t k = 1; k <= kMostRepeats; ++k) {
    if (!std::equal(last, words.end(), last - static_cast<std::ptrdiff_t>(n * k))) return false;
  }
  return true;
}

std::string WithoutRepetitions(std::string_view text) {
  std::vector<std::string_view> kept;
  for (const std::string_view word : Words(text)) {
    kept.push_back(word);
    for (std::size_t n = 1; n <= kLongestPhrase; ++n) {
      if (!RepeatsTooOften(kept, n)) continue;
      kept.resize(kept.size() - n);
      break;
    }
  }
  std::string out;
  for (const std::string_view word : kept) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

bool IsIdeograph(std::uint32_t c) { return c >= 0x2E80 && c < 0xFB00; }

// The last place in `head` after one of `marks` that is followed by a space or the end of `head`.
std::size_t CutAfter(std::string_view head, std::string_view marks) {
  for (std::size_t i = head.size(); i-- > 1;) {
    if (head[i] == ' ' && marks.find(head[i - 1]) != std::string_view::npos) return i;
  }
  return 0;
}

}  // namespace

std::string CleanRecognized(std::string_view text) { return WithoutRepetitions(Visible(text)); }

std::string CleanTranslated(std::string_view text, std::string_view source) {
  std::string out = Visible(text);
  if (out.size() > 4 * source.size() + 100) out.clear();
  return out;
}

std::string TakeUtterance(std::string& text, std::size_t max) {
  const std::string_view head = FirstCodePoints(text, max);
  std::size_t cut = head.size();
  if (cut < text.size()) {
    cut = CutAfter(head, ".!?");
    if (cut == 0) cut = CutAfter(head, ",;:");
    if (cut == 0) cut = head.rfind(' ');
    if (cut == std::string_view::npos || cut == 0) cut = head.size();
  }
  std::string piece = text.substr(0, cut);
  text.erase(0, cut);
  text.erase(0, std::min(text.find_first_not_of(' '), text.size()));
  return piece;
}

Duration SpokenLength(std::string_view text) {
  std::int64_t ms = 0;
  for (std::size_t at = 0; at < text.size();) {
    const CodePoint c = Next(text, at);
    ms += IsIdeograph(c.value) ? 200 : 66;
    at += c.length;
  }
  return std::chrono::milliseconds(ms);
}

}  // namespace jb::interpreter
