// SPDX-License-Identifier: Apache-2.0
// HTTP requests and responses as values. No I/O.
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/socket_address.h"
#include "io/url.h"

namespace jb::io {

// Field names are compared without regard to case; order and repetition are kept.
class Headers {
 public:
  Headers() = default;
  Headers(std::initializer_list<std::pair<std::string, std::string>> fields) : fields_(fields) {}

  std::optional<std::string_view> Get(std::string_view name) const;  // the first
  std::string_view operator[](std::string_view name) const;          // the first, or ""
  bool Has(std::string_view name) const { return Get(name).has_value(); }
  void Add(std::string name, std::string value);
  void Set(std::string_view name, std::string value);  // replaces all of that name
  void Remove(std::string_view name);
  const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

struct HttpRequest {
  std::string method;  // "GET"
  std::string target;  // as it came: "/a%20b?x=1"
  std::string path;    // decoded: "/a b"; holds no NUL. Dot segments are not resolved.
  Query query;         // decoded
  Headers headers;
  std::string body;  // bytes; empty when the body is streamed
  SocketAddress remote;
  bool secure = false;  // came over TLS

  // "audio/wav" of "Audio/WAV; rate=1".
  std::string content_type() const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type;  // left out when empty
  Headers headers;           // Content-Length, Transfer-Encoding, Connection and Date are the server's
  std::string body;          // bytes
  // Instead of `body`: bytes that many answers have in common, which a peer that reads slowly then does not copy.
  std::shared_ptr<const std::string> shared_body = nullptr;

  const std::string& bytes() const { return shared_body ? *shared_body : body; }
};

bool EqualsIgnoringCase(std::string_view a, std::string_view b);
std::string ToLower(std::string_view text);
// "Not Found"
std::string_view ReasonPhrase(int status);

// {"error":{"code":…,"message":…}} with that status: the shape of every error of ours.
HttpResponse ErrorResponse(int status, std::string_view code, std::string_view message);

}  // namespace jb::io
