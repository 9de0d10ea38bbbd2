// SPDX-License-Identifier: Apache-2.0
// The parts of URLs that we use: absolute http/https/ws/wss URLs, and request targets with their query.
// No relative references, no user info. RFC 3986.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace jb::io {

struct Url {
  std::string scheme;  // lower case
  std::string host;    // lower case, IPv6 without brackets
  std::uint16_t port = 0;
  std::string target;  // path and query as they go into the request line, at least "/"

  bool is_secure() const { return scheme == "https" || scheme == "wss"; }
  // host[:port] as the Host header has it.
  std::string authority() const;
};

std::optional<Url> ParseUrl(std::string_view text);

// "%41" -> "A"; '+' -> ' ' when `plus_is_space`. nullopt: a broken escape.
std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space);
// All but the unreserved characters of RFC 3986 section 2.3 escaped.
std::string PercentEncode(std::string_view text);

// Decoded key/value pairs in their order; a name may repeat.
class Query {
 public:
  // Broken escapes are kept as they stand: a query is the handler's to judge.
  static Query Parse(std::string_view text);
  std::optional<std::string_view> Get(std::string_view name) const;  // the first
  // The first, or "".
  std::string_view operator[](std::string_view name) const;
  const std::vector<std::pair<std::string, std::string>>& pairs() const { return pairs_; }

 private:
  std::vector<std::pair<std::string, std::string>> pairs_;
};

}  // namespace jb::io
