// SPDX-License-Identifier: Apache-2.0
// Incremental HTTP/1.x parsing for both sides. Sans-IO: bytes in, a head and body pieces out. Beast's parser
// does the grammar; what it lets pass that invites request smuggling is refused here. For the .cc files of
// jb::io only. RFC 9112.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "io/http.h"

namespace jb::io {

struct HttpHead {
  std::string method, target;  // of a request
  int status = 0;              // of a response
  int minor_version = 1;       // HTTP/1.x
  Headers headers;
  std::optional<std::uint64_t> content_length;
  bool has_body = false;
  bool keep_alive = false;
};

struct HttpParserLimits {
  std::size_t header_bytes = 16 * 1024;
  std::size_t header_fields = 64;
};

class HttpParser {
 public:
  enum class Kind : std::uint8_t { kRequest, kResponse };
  enum class State : std::uint8_t { kHead, kBody, kDone, kFailed };

  HttpParser(Kind kind, const HttpParserLimits& limits);
  ~HttpParser();

  // For the answer to a HEAD request, whatever its fields say. Before the first Push.
  void ExpectNoBody();
  // Of the whole body; more fails with 413. May be set once the head is there.
  void set_body_limit(std::uint64_t bytes);
  void set_on_body(std::function<void(ByteView)> fn);

  // Takes bytes from the front and answers how many; the rest has to be offered again, with more behind it.
  // Returns when the head is complete, when the message is, and when it needs more. At most the header
  // limit stays untaken, so a caller that keeps this much never grows beyond it.
  std::size_t Push(ByteView bytes);
  // The peer sends nothing more: completes a response that ends so, fails anything else unfinished.
  void PushEof();

  State state() const;
  // Anything at all has been taken or seen of this message.
  bool started() const;
  HttpHead& head();
  // Of a failed request: 400, 413, 431, 501 or 505, and why.
  int error_status() const;
  const std::string& error_text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace jb::io
