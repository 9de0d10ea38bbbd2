// SPDX-License-Identifier: Apache-2.0
// GET /openapi.json of the translation service.
#pragma once

#include <string_view>

namespace jb::services {
std::string_view TranslationOpenApi();
}
