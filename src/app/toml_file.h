// SPDX-License-Identifier: Apache-2.0
// A TOML file as flat key/value pairs. toml++ stays in toml_file.cc.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"

namespace jb::app {

// A value of any other type is kept as the name of its type in TomlOther.
struct TomlOther {
  std::string type;
};
using TomlValue = std::variant<std::string, std::int64_t, std::vector<std::string>, TomlOther>;

struct TomlEntry {
  std::string key;  // "gateway.port"
  TomlValue value;
  std::size_t line = 0;
};

// Any thread. "bad_config": the message has the file and the line.
Result<std::vector<TomlEntry>> ReadTomlFile(const std::string& path);

}  // namespace jb::app
