// SPDX-License-Identifier: Apache-2.0
// Both directions; a message reads the same whole and in pieces, and what stays untaken is bounded.
#include <cstdlib>

#include "io/http_parser.h"

namespace {

using jb::io::HttpParser;

struct Outcome {
  HttpParser::State state = HttpParser::State::kHead;
  std::string text;  // head and body
  bool operator==(const Outcome&) const = default;
};

Outcome Parse(HttpParser::Kind kind, jb::ByteView bytes, std::size_t piece) {
  HttpParser parser(kind, {1024, 8});
  Outcome out;
  std::string body, input;
  parser.set_on_body([&](jb::ByteView data) { body += jb::AsText(data); });
  bool limited = false;
  while (!bytes.empty() && parser.state() != HttpParser::State::kDone && parser.state() != HttpParser::State::kFailed) {
    const std::size_t n = std::min(piece, bytes.size());
    input += jb::AsText(bytes.first(n));
    bytes = bytes.subspan(n);
    for (;;) {
      const auto before = parser.state();
      const std::size_t taken = parser.Push(jb::AsBytes(input));
      if (taken > input.size()) std::abort();
      input.erase(0, taken);
      if (parser.state() == HttpParser::State::kBody && !limited) {
        limited = true;
        parser.set_body_limit(512);
      }
      if (parser.state() == before && (taken == 0 || input.empty())) break;
      if (parser.state() == HttpParser::State::kDone || parser.state() == HttpParser::State::kFailed) break;
    }
    if (parser.state() != HttpParser::State::kDone && parser.state() != HttpParser::State::kFailed &&
        input.size() > 1024) {
      std::abort();
    }
  }
  if (bytes.empty() && input.empty()) parser.PushEof();
  out.state = parser.state();
  if (body.size() > 512) std::abort();
  if (out.state == HttpParser::State::kDone) {
    out.text = parser.head().method + " " + parser.head().target + "\n" + body;
    for (const auto& [name, value] : parser.head().headers.fields()) {
      if ((name + value).find_first_of("\r\n") != std::string::npos) std::abort();
      out.text += name + "=" + value + "\n";
    }
    if (parser.head().headers.fields().size() > 8) std::abort();
  } else if (out.state == HttpParser::State::kFailed && parser.error_status() < 400) {
    std::abort();
  }
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const auto kind = data[0] & 1 ? HttpParser::Kind::kRequest : HttpParser::Kind::kResponse;
  const jb::ByteView bytes(data + 1, size - 1);
  const Outcome whole = Parse(kind, bytes, size);
  const Outcome cut = Parse(kind, bytes, std::size_t{data[0]} / 2 + 1);
  if (whole.state == HttpParser::State::kDone && !(whole == cut)) std::abort();
  return 0;
}
