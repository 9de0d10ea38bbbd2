// SPDX-License-Identifier: Apache-2.0
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include "app/toml_file.h"

#include <toml++/toml.h>

#include <fstream>
#include <sstream>

namespace jb::app {
namespace {

std::string TypeName(const toml::node& node) {
  std::ostringstream out;
  out << node.type();
  return out.str();
}

TomlValue ToValue(const toml::node& node) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return number->get();
  const toml::array* array = node.as_array();
  if (!array) return TomlOther{TypeName(node)};
  std::vector<std::string> items;
  for (const toml::node& item : *array) {
    const auto* text = item.as_string();
    if (!text) return TomlOther{"array of " + TypeName(item)};
    items.push_back(text->get());
  }
  return items;
}

void Flatten(const toml::table& table, const std::string& prefix, std::vector<TomlEntry>& out) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    const toml::table* inner = node.as_table();
    if (inner && !inner->empty()) {
      Flatten(*inner, name + ".", out);
    } else {
      out.push_back({name, ToValue(node), node.source().begin.line});
    }
  }
}

}  // namespace

Result<std::vector<TomlEntry>> ReadTomlFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  in.peek();  // a folder opens, but does not read; an empty file is at its end, which is no failure
  if (!in.is_open() || in.bad()) return Fail("bad_config", path + ": cannot be read");
  in.clear();
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const toml::parse_result parsed = toml::parse(text, path);
  if (!parsed) {
    return Fail("bad_config", path + ":" + std::to_string(parsed.error().source().begin.line) + ": " +
                                  std::string(parsed.error().description()));
  }
  std::vector<TomlEntry> out;
  Flatten(parsed.table(), "", out);
  return out;
}

}  // namespace jb::app
