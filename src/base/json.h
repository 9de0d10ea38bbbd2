// SPDX-License-Identifier: Apache-2.0
// JSON is Boost.JSON's value everywhere: it is the vocabulary of the signaling protocol. These helpers
// read it without throwing, since most of it comes from strangers.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace jb {

namespace json = boost::json;

enum class JsonError : std::uint8_t { kSyntax, kTooDeep };

// Rejects more than `max_depth` nested containers and anything after the value.
Result<json::value, JsonError> ParseJson(std::string_view text, std::size_t max_depth = 32);

// The member of that name and type, or nullopt / nullptr; `from` may be any value, an object or not.
std::optional<std::string_view> GetString(const json::value& from, std::string_view key);
std::optional<std::int64_t> GetInt(const json::value& from, std::string_view key);
std::optional<double> GetNumber(const json::value& from, std::string_view key);
std::optional<bool> GetBool(const json::value& from, std::string_view key);
const json::object* GetObject(const json::value& from, std::string_view key);
const json::array* GetArray(const json::value& from, std::string_view key);
const json::value* GetMember(const json::value& from, std::string_view key);

}  // namespace jb
