// SPDX-License-Identifier: Apache-2.0
#include "services/socketio/origin_policy.h"

#include <algorithm>
#include <utility>

namespace jb::services {
namespace {

// "https://a.example:444" → "a.example:444"; "" when it is no such thing ("null").
std::string_view AuthorityOf(std::string_view origin) {
  const std::size_t at = origin.find("://");
  return at == std::string_view::npos ? std::string_view() : origin.substr(at + 3);
}

}  // namespace

OriginPolicy::OriginPolicy(std::vector<std::string> allowed) : allowed_(std::move(allowed)) {
  any_ = std::find(allowed_.begin(), allowed_.end(), "*") != allowed_.end();
}

bool OriginPolicy::Allows(const io::Headers& request) const {
  const auto origin = request.Get("Origin");
  if (!origin || any_) return true;
  const std::string_view authority = AuthorityOf(*origin);
  if (!authority.empty() && io::EqualsIgnoringCase(authority, request["Host"])) return true;
  return std::any_of(allowed_.begin(), allowed_.end(),
                     [&](const std::string& allowed) { return io::EqualsIgnoringCase(allowed, *origin); });
}

void OriginPolicy::Grant(const io::Headers& request, io::Headers& response) const {
  const auto origin = request.Get("Origin");
  if (!origin || !Allows(request)) return;
  response.Set("Access-Control-Allow-Origin", any_ ? "*" : std::string(*origin));
  if (!any_) response.Set("Vary", "Origin");
}

}  // namespace jb::services
