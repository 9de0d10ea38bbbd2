// SPDX-License-Identifier: Apache-2.0
// Language codes of every system that meets us, as one: the BCP-47 primary subtag in lower case, two
// letters where ISO 639-1 has two. Pure functions over a fixed table.
#pragma once

#include <string>
#include <string_view>

namespace jb::speech {

// "en-US", "EN", "eng", "eng_Latn" -> "en"; "zlm" -> "ms"; a code not in the table is lower-cased and cut
// at its first '-' or '_'; "" when it is none ("e", "12", 9 letters and more).
std::string PrimaryLanguage(std::string_view code);

// "Spanish"; the code itself when not in the table.
std::string_view EnglishLanguageName(std::string_view primary);

}  // namespace jb::speech
