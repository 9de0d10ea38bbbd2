// SPDX-License-Identifier: Apache-2.0
// GET /openapi.json of the stt service.
#pragma once

#include <string_view>

namespace jb::services {
std::string_view SttOpenApi();
}
