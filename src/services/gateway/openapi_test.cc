// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cctype>
#include <set>

#include "base/json.h"
#include "services/gateway/rest_api.h"

namespace jb::services {
namespace {

using Paths = std::set<std::pair<std::string, std::string>>;

TEST(GatewayOpenApi, DescribesExactlyTheRoutesThatExist) {
  const auto document = ParseJson(GatewayOpenApi());
  ASSERT_TRUE(document.ok());
  Paths described;
  for (const auto& [path, operations] : document->at("paths").as_object()) {
    std::string pattern(path);
    if (const std::size_t at = pattern.find("{code}"); at != std::string::npos) pattern.replace(at, 6, "*");
    for (const auto& [method, operation] : operations.as_object()) {
      if (method == "parameters") continue;
      std::string upper(method);
      for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      described.emplace(upper, pattern);
      const auto* responses = GetObject(operation, "responses");
      ASSERT_TRUE(responses) << path;
      EXPECT_EQ(responses->contains("413"), operation.as_object().contains("requestBody")) << path;
    }
  }
  Paths routed;
  for (const auto& route : RestApi::Routes()) routed.insert(route);
  EXPECT_EQ(described, routed);
}

}  // namespace
}  // namespace jb::services
