// SPDX-License-Identifier: Apache-2.0
// Text from strangers: checking, counting and cutting UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace jb {

// RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
bool IsValidUtf8(std::string_view text);
// Code points; `text` must be valid.
std::size_t CountCodePoints(std::string_view text);
// At most `max` code points of it; `text` must be valid.
std::string_view FirstCodePoints(std::string_view text, std::size_t max);
// Without leading and trailing ASCII white space, and without control characters (C0, DEL) inside.
std::string CleanLine(std::string_view text);

}  // namespace jb
