// SPDX-License-Identifier: Apache-2.0
#include "io/url.h"

#include <charconv>

#include "io/http.h"

namespace jb::io {
namespace {

constexpr std::size_t kMaxUrl = 8192;  // bytes; ours are far shorter

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::optional<std::uint16_t> DefaultPort(std::string_view scheme) {
  if (scheme == "http" || scheme == "ws") return std::uint16_t{80};
  if (scheme == "https" || scheme == "wss") return std::uint16_t{443};
  return std::nullopt;
}

std::optional<std::uint16_t> ParsePort(std::string_view text) {
  unsigned value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc{} || end != text.data() + text.size() || value == 0 || value > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(value);
}

// Printable ASCII without spaces: what may stand in a request line.
bool IsPlain(std::string_view text) {
  for (const char c : text) {
    if (c <= 0x20 || c >= 0x7f) return false;
  }
  return true;
}

bool IsHost(std::string_view host, bool bracketed) {
  if (host.empty() || host.size() > 253) return false;
  for (const char c : host) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (bracketed ? !(HexValue(c) >= 0 || c == ':' || c == '.') : !(letter || c == '-' || c == '.' || c == '_')) {
      return false;
    }
  }
  return true;
}

// "host:port", "[::1]:port", either without port.
bool ParseAuthority(std::string_view authority, Url& url) {
  std::string_view rest;
  const bool bracketed = authority.starts_with('[');
  if (bracketed) {
    const std::size_t end = authority.find(']');
    if (end == std::string_view::npos) return false;
    url.host = ToLower(authority.substr(1, end - 1));
    rest = authority.substr(end + 1);
  } else {
    const std::size_t end = std::min(authority.find(':'), authority.size());
    url.host = ToLower(authority.substr(0, end));
    rest = authority.substr(end);
  }
  if (!IsHost(url.host, bracketed)) return false;
  if (rest.empty()) return true;
  if (rest[0] != ':') return false;
  const auto port = ParsePort(rest.substr(1));
  if (port) url.port = *port;
  return port.has_value();
}

}  // namespace

std::string Url::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (DefaultPort(scheme) != port) text += ":" + std::to_string(port);
  return text;
}

std::optional<Url> ParseUrl(std::string_view text) {
  const std::size_t colon = text.find("://");
  if (text.size() > kMaxUrl || colon == std::string_view::npos || !IsPlain(text)) return std::nullopt;
  Url url;
  url.scheme = ToLower(text.substr(0, colon));
  const auto port = DefaultPort(url.scheme);
  if (!port) return std::nullopt;
  url.port = *port;
  std::string_view rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t slash = std::min(rest.find_first_of("/?"), rest.size());
  if (!ParseAuthority(rest.substr(0, slash), url)) return std::nullopt;
  url.target = std::string(rest.substr(slash));
  if (!url.target.starts_with('/')) url.target.insert(0, "/");
  return url;
}

std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size() || HexValue(text[i + 1]) < 0 || HexValue(text[i + 2]) < 0) return std::nullopt;
      out += static_cast<char>(HexValue(text[i + 1]) * 16 + HexValue(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' && plus_is_space ? ' ' : text[i];
    }
  }
  return out;
}

std::string PercentEncode(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                            c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

Query Query::Parse(std::string_view text) {
  Query query;
  const auto decoded = [](std::string_view part) {
    return PercentDecode(part, /*plus_is_space=*/true).value_or(std::string(part));
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('&'), text.size());
    const std::string_view pair = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (pair.empty()) continue;
    const std::size_t equals = std::min(pair.find('='), pair.size());
    query.pairs_.emplace_back(decoded(pair.substr(0, equals)), decoded(pair.substr(std::min(equals + 1, pair.size()))));
  }
  return query;
}

std::optional<std::string_view> Query::Get(std::string_view name) const {
  for (const auto& [key, value] : pairs_) {
    if (key == name) return std::string_view(value);
  }
  return std::nullopt;
}

std::string_view Query::operator[](std::string_view name) const { return Get(name).value_or(std::string_view()); }

}  // namespace jb::io
