// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <boost/json/parse.hpp>
#include <boost/json/parse_options.hpp>
#include <cmath>

namespace jb {

Result<json::value, JsonError> ParseJson(std::string_view text, std::size_t max_depth) {
  json::parse_options options;
  options.max_depth = max_depth;
  boost::system::error_code ec;
  json::value value = json::parse(text, ec, {}, options);
  if (ec == json::error::too_deep) return Fail(JsonError::kTooDeep);
  if (ec) return Fail(JsonError::kSyntax);
  return value;
}

const json::value* GetMember(const json::value& from, std::string_view key) {
  const json::object* object = from.if_object();
  return object ? object->if_contains(key) : nullptr;
}

std::optional<std::string_view> GetString(const json::value& from, std::string_view key) {
  const json::value* v = GetMember(from, key);
  if (!v || !v->is_string()) return std::nullopt;
  return std::string_view(v->get_string());
}

std::optional<std::int64_t> GetInt(const json::value& from, std::string_view key) {
  const json::value* v = GetMember(from, key);
  if (!v) return std::nullopt;
  if (v->is_int64()) return v->get_int64();
  if (v->is_uint64() && v->get_uint64() <= INT64_MAX) return static_cast<std::int64_t>(v->get_uint64());
  if (v->is_double() && std::trunc(v->get_double()) == v->get_double() && std::fabs(v->get_double()) < 9e15) {
    return static_cast<std::int64_t>(v->get_double());
  }
  return std::nullopt;
}

std::optional<double> GetNumber(const json::value& from, std::string_view key) {
  const json::value* v = GetMember(from, key);
  if (!v) return std::nullopt;
  if (v->is_double()) return v->get_double();
  if (v->is_int64()) return static_cast<double>(v->get_int64());
  if (v->is_uint64()) return static_cast<double>(v->get_uint64());
  return std::nullopt;
}

std::optional<bool> GetBool(const json::value& from, std::string_view key) {
  const json::value* v = GetMember(from, key);
  if (!v || !v->is_bool()) return std::nullopt;
  return v->get_bool();
}

const json::object* GetObject(const json::value& from, std::string_view key) {
  const json::value* v = GetMember(from, key);
  return v ? v->if_object() : nullptr;
}

const json::array* GetArray(const json::value& from, std::string_view key) {
  const json::value* v = GetMember(from, key);
  return v ? v->if_array() : nullptr;
}

}  // namespace jb
