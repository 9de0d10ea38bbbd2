// SPDX-License-Identifier: Apache-2.0
// The table of configuration keys. For config*.cc only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "app/config.h"

namespace jb::app {

// Where a value lies in Config. The four types that keys have.
using ConfigField = std::variant<std::string* (*)(Config&), std::uint16_t* (*)(Config&), int* (*)(Config&),
                                 std::vector<std::string>* (*)(Config&)>;

enum class Secret : std::uint8_t { kNo, kWhole, kUrlPassword };

struct ConfigKey {
  std::string_view name;  // "gateway.port"
  ConfigField field;
  std::string_view help;
  // What is wrong with a value (each one of a list), or "". Numbers come as text.
  std::string (*check)(std::string_view value) = nullptr;
  Secret secret = Secret::kNo;
};

std::span<const ConfigKey> ConfigKeys();
const ConfigKey* FindConfigKey(std::string_view name);

}  // namespace jb::app
