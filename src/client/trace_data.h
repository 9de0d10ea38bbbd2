// SPDX-License-Identifier: Apache-2.0
// chromium.trace as text, put into the program by the build (CMakeLists.txt here).
#pragma once

#include <string_view>

namespace jb::client {

extern const std::string_view kChromiumTrace;

}  // namespace jb::client
