// SPDX-License-Identifier: Apache-2.0
#include "services/common/multipart.h"

#include "io/http.h"

namespace jb::services {
namespace {

constexpr std::size_t kMaxParts = 32;
constexpr std::size_t kMaxPartHeader = 2048;  // bytes
constexpr std::size_t kMaxBoundary = 70;      // RFC 2046 section 5.1.1

// The value of a parameter such as boundary=x or name="a \"b\"" in a header value.
std::optional<std::string> Parameter(std::string_view value, std::string_view name) {
  for (std::size_t at = value.find(';'); at != std::string_view::npos; at = value.find(';', at)) {
    ++at;
    while (at < value.size() && (value[at] == ' ' || value[at] == '\t')) ++at;
    const std::size_t equals = value.find('=', at);
    if (equals == std::string_view::npos) return std::nullopt;
    const bool wanted = io::EqualsIgnoringCase(value.substr(at, equals - at), name);
    at = equals + 1;
    std::string text;
    if (at < value.size() && value[at] == '"') {
      for (++at; at < value.size() && value[at] != '"'; ++at) {
        if (value[at] == '\\' && at + 1 < value.size()) ++at;
        text.push_back(value[at]);
      }
      if (at >= value.size()) return std::nullopt;
      ++at;
    } else {
      const std::size_t end = std::min(value.find(';', at), value.size());
      text = value.substr(at, end - at);
      at = end;
    }
    if (wanted) return text;
  }
  return std::nullopt;
}

void ReadHeaderLine(std::string_view line, FormPart& part) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return;
  std::string_view value = line.substr(colon + 1);
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  const std::string_view name = line.substr(0, colon);
  if (io::EqualsIgnoringCase(name, "Content-Disposition")) {
    part.name = Parameter(value, "name").value_or("");
    part.filename = Parameter(value, "filename").value_or("");
  } else if (io::EqualsIgnoringCase(name, "Content-Type")) {
    part.content_type = io::ToLower(value.substr(0, std::min(value.find(';'), value.size())));
  }
}

// `text` is a part's header and data.
std::optional<FormPart> ReadPart(std::string_view text) {
  FormPart part;
  std::size_t at = 0;
  while (true) {
    const std::size_t end = text.find("\r\n", at);
    if (end == std::string_view::npos || end > kMaxPartHeader) return std::nullopt;
    if (end == at) break;
    ReadHeaderLine(text.substr(at, end - at), part);
    at = end + 2;
  }
  part.data = text.substr(at + 2);
  if (part.name.empty()) return std::nullopt;
  return part;
}

}  // namespace

Result<std::vector<FormPart>, MultipartError> ParseMultipart(std::string_view content_type, std::string_view body) {
  const auto boundary = Parameter(content_type, "boundary");
  if (!boundary || boundary->empty() || boundary->size() > kMaxBoundary) {
    return Fail(MultipartError::kNoBoundary);
  }
  const std::string first = "--" + *boundary, next = "\r\n" + first;
  std::size_t at = body.find(first);
  // Nothing but a preamble that ends in a line break may come before the first delimiter.
  if (at == std::string_view::npos || (at != 0 && body.substr(0, at).find("\r\n") == std::string_view::npos)) {
    return Fail(MultipartError::kMalformed);
  }
  at += first.size();
  std::vector<FormPart> parts;
  while (true) {
    if (body.substr(at, 2) == "--") return parts;
    if (body.substr(at, 2) != "\r\n") return Fail(MultipartError::kMalformed);
    at += 2;
    const std::size_t end = body.find(next, at);
    if (end == std::string_view::npos) return Fail(MultipartError::kMalformed);
    if (parts.size() == kMaxParts) return Fail(MultipartError::kTooManyParts);
    auto part = ReadPart(body.substr(at, end - at));
    if (!part) return Fail(MultipartError::kMalformed);
    parts.push_back(std::move(*part));
    at = end + next.size();
  }
}

const FormPart* FindPart(const std::vector<FormPart>& parts, std::string_view name) {
  for (const FormPart& part : parts) {
    if (part.name == name) return &part;
  }
  return nullptr;
}

}  // namespace jb::services
