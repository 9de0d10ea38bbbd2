// SPDX-License-Identifier: Apache-2.0
// multipart/form-data, RFC 7578. A strict parser of a whole body; the parts borrow it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jb::services {

struct FormPart {
  std::string name;
  std::string filename;      // "" when the part is no file. Never to be used as a path.
  std::string content_type;  // "" when there is none
  std::string_view data;     // borrowed
};

enum class MultipartError : std::uint8_t { kNoBoundary, kMalformed, kTooManyParts };

// `content_type` is the header's whole value, with its boundary.
Result<std::vector<FormPart>, MultipartError> ParseMultipart(std::string_view content_type, std::string_view body);
// The first of that name, or null.
const FormPart* FindPart(const std::vector<FormPart>& parts, std::string_view name);

}  // namespace jb::services
