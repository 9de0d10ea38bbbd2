// SPDX-License-Identifier: Apache-2.0
#include "speech/text/html_text.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace jb::speech {
namespace {

constexpr std::string_view kSpaces = " \t\n\f\r";
// Elements whose content nobody reads as prose.
constexpr std::array<std::string_view, 3> kKept = {"script", "style", "code"};
constexpr std::size_t kLongestReference = 32;  // bytes; the longest name has 31

constexpr std::pair<std::string_view, char32_t> kReferences[] = {
    {"amp", '&'},       {"lt", '<'},        {"gt", '>'},        {"quot", '"'},      {"apos", '\''},
    {"ndash", 0x2013},  {"mdash", 0x2014},  {"lsquo", 0x2018},  {"rsquo", 0x2019},  {"sbquo", 0x201A},
    {"ldquo", 0x201C},  {"rdquo", 0x201D},  {"bdquo", 0x201E},  {"bull", 0x2022},   {"hellip", 0x2026},
    {"lsaquo", 0x2039}, {"rsaquo", 0x203A}, {"euro", 0x20AC},   {"trade", 0x2122},  {"OElig", 0x152},
    {"oelig", 0x153},   {"Scaron", 0x160},  {"scaron", 0x161},  {"Yuml", 0x178}};

// U+00A0 to U+00FF, in order.
constexpr std::string_view kLatin1[] = {
    "nbsp",   "iexcl",  "cent",   "pound",  "curren", "yen",    "brvbar", "sect",   "uml",    "copy",   "ordf",
    "laquo",  "not",    "shy",    "reg",    "macr",   "deg",    "plusmn", "sup2",   "sup3",   "acute",  "micro",
    "para",   "middot", "cedil",  "sup1",   "ordm",   "raquo",  "frac14", "frac12", "frac34", "iquest", "Agrave",
    "Aacute", "Acirc",  "Atilde", "Auml",   "Aring",  "AElig",  "Ccedil", "Egrave", "Eacute", "Ecirc",  "Euml",
    "Igrave", "Iacute", "Icirc",  "Iuml",   "ETH",    "Ntilde", "Ograve", "Oacute", "Ocirc",  "Otilde", "Ouml",
    "times",  "Oslash", "Ugrave", "Uacute", "Ucirc",  "Uuml",   "Yacute", "THORN",  "szlig",  "agrave", "aacute",
    "acirc",  "atilde", "auml",   "aring",  "aelig",  "ccedil", "egrave", "eacute", "ecirc",  "euml",   "igrave",
    "iacute", "icirc",  "iuml",   "eth",    "ntilde", "ograve", "oacute", "ocirc",  "otilde", "ouml",   "divide",
    "oslash", "ugrave", "uacute", "ucirc",  "uuml",   "yacute", "thorn",  "yuml"};
static_assert(std::size(kLatin1) == 96);

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
bool IsLetter(char c) { return Lower(c) >= 'a' && Lower(c) <= 'z'; }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

void Append(char32_t c, std::string& out) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | (c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xE0 | (c >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xF0 | (c >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

// "#233", "#xE9". nullopt: no character.
std::optional<char32_t> NumericReference(std::string_view body) {
  body.remove_prefix(1);
  const bool hex = !body.empty() && Lower(body[0]) == 'x';
  if (hex) body.remove_prefix(1);
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), value, hex ? 16 : 10);
  const bool is_number = !body.empty() && error == std::errc() && end == body.data() + body.size();
  if (!is_number || value == 0 || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) return std::nullopt;
  return value;
}

std::optional<char32_t> NamedReference(std::string_view name) {
  for (const auto& [known, value] : kReferences) {
    if (known == name) return value;
  }
  const auto latin = std::find(std::begin(kLatin1), std::end(kLatin1), name);
  if (latin == std::end(kLatin1)) return std::nullopt;
  return static_cast<char32_t>(0xA0 + (latin - std::begin(kLatin1)));
}

// What stands between '&' and ';' at the beginning of `text`; empty when that is no reference.
std::string_view ReferenceBody(std::string_view text) {
  const std::size_t end = text.substr(0, kLongestReference + 2).find(';');
  if (end == std::string_view::npos || end < 2) return {};
  const std::string_view body = text.substr(1, end - 1);
  if (body[0] == '#') return NumericReference(body) ? body : std::string_view();
  const bool is_name = std::all_of(body.begin(), body.end(), [](char c) { return IsLetter(c) || IsDigit(c); });
  return is_name ? body : std::string_view();
}

// Where the tag at `at` ends, behind its '>'; quotes hide one. The end of all when it does not.
std::size_t TagEnd(std::string_view html, std::size_t at) {
  char quote = 0;
  for (; at < html.size(); ++at) {
    const char c = html[at];
    if (quote) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '>') {
      return at + 1;
    }
  }
  return at;
}

// The name of the start tag at `at` when its element is kept whole, else empty.
std::string_view KeptElement(std::string_view html, std::size_t at) {
  for (const std::string_view name : kKept) {
    const std::string_view there = html.substr(at + 1, name.size());
    const bool same = std::equal(there.begin(), there.end(), name.begin(), name.end(),
                                 [](char a, char b) { return Lower(a) == b; });
    const std::size_t behind = at + 1 + name.size();
    if (same && behind < html.size() && !IsLetter(html[behind]) && !IsDigit(html[behind]) && html[behind] != '-') {
      return name;
    }
  }
  return {};
}

// Where "</name" begins, or the end of all.
std::size_t FindEndTag(std::string_view html, std::size_t from, std::string_view name) {
  for (std::size_t at = html.find("</", from); at != std::string_view::npos; at = html.find("</", at + 2)) {
    const std::string_view there = html.substr(at + 2, name.size());
    if (std::equal(there.begin(), there.end(), name.begin(), name.end(), [](char a, char b) { return Lower(a) == b; })) {
      return at;
    }
  }
  return html.size();
}

bool BeginsMarkup(std::string_view html, std::size_t at) {
  const char next = at + 1 < html.size() ? html[at + 1] : ' ';
  return html[at] == '<' && (IsLetter(next) || next == '/' || next == '!' || next == '?');
}

std::size_t MarkupEnd(std::string_view html, std::size_t at) {
  if (html.substr(at).starts_with("<!--")) {
    const std::size_t end = html.find("-->", at + 4);
    return end == std::string_view::npos ? html.size() : end + 3;
  }
  const std::size_t end = TagEnd(html, at);
  const std::string_view kept = KeptElement(html, at);
  return kept.empty() || html.substr(0, end).ends_with("/>") ? end : TagEnd(html, FindEndTag(html, end, kept));
}

class Splitter {
 public:
  std::vector<HtmlPiece> Split(std::string_view html) {
    for (std::size_t at = 0; at < html.size();) {
      std::size_t next = at;
      while (next < html.size() && !BeginsMarkup(html, next)) ++next;
      AddText(html.substr(at, next - at));
      at = next == html.size() ? next : MarkupEnd(html, next);
      Keep(html.substr(next, at - next));
    }
    return std::move(out_);
  }

 private:
  void Keep(std::string_view markup) {
    if (markup.empty()) return;
    if (out_.empty() || out_.back().is_words) out_.push_back({});
    out_.back().text += markup;
  }

  void AddText(std::string_view text) {
    while (!text.empty()) {
      const std::string_view body = text[0] == '&' ? ReferenceBody(text) : std::string_view();
      if (body.empty()) {
        words_ += text[0];
        text.remove_prefix(1);
        continue;
      }
      const std::string_view whole = text.substr(0, body.size() + 2);
      if (const auto c = body[0] == '#' ? NumericReference(body) : NamedReference(body)) {
        Append(*c, words_);
      } else {
        EndWords();
        Keep(whole);
      }
      text.remove_prefix(whole.size());
    }
    EndWords();
  }

  void EndWords() {
    const std::size_t begin = std::min(words_.find_first_not_of(kSpaces), words_.size());
    const std::size_t end = words_.find_last_not_of(kSpaces) + 1;  // 0 when there is none
    Keep(std::string_view(words_).substr(0, begin));
    if (begin < end) {
      HtmlPiece piece{{}, true};
      for (const char c : std::string_view(words_).substr(begin, end - begin)) {
        const bool space = kSpaces.find(c) != std::string_view::npos;
        if (!space) piece.text += c;
        else if (!piece.text.ends_with(' ')) piece.text += ' ';
      }
      out_.push_back(std::move(piece));
      Keep(std::string_view(words_).substr(end));
    }
    words_.clear();
  }

  std::string words_;
  std::vector<HtmlPiece> out_;
};

}  // namespace

std::vector<HtmlPiece> SplitHtml(std::string_view html) { return Splitter().Split(html); }

std::string EscapeHtml(std::string_view words) {
  std::string out;
  out.reserve(words.size());
  for (const char c : words) {
    if (c == '&') out += "&amp;";
    else if (c == '<') out += "&lt;";
    else if (c == '>') out += "&gt;";
    else out += c;
  }
  return out;
}

}  // namespace jb::speech
