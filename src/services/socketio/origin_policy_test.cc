// SPDX-License-Identifier: Apache-2.0
#include "services/socketio/origin_policy.h"

#include <gtest/gtest.h>

namespace jb::services {
namespace {

io::Headers From(const std::string& origin, const std::string& host = "calls.example:3000") {
  return {{"Host", host}, {"Origin", origin}};
}

TEST(OriginPolicy, AllowsThePagesOwnOrigin) {
  const OriginPolicy policy({});
  EXPECT_TRUE(policy.Allows(From("http://calls.example:3000")));
  EXPECT_TRUE(policy.Allows(From("https://Calls.Example:3000")));  // TLS may end in front of us
  EXPECT_TRUE(policy.Allows(From("http://[::1]:3000", "[::1]:3000")));
}

TEST(OriginPolicy, AllowsWhatIsNoBrowser) { EXPECT_TRUE(OriginPolicy({}).Allows({{"Host", "calls.example"}})); }

TEST(OriginPolicy, RefusesOtherPages) {
  const OriginPolicy policy({"https://partner.example"});
  for (const char* origin : {"http://evil.example", "http://calls.example", "http://calls.example:3000.evil.example",
                             "http://evil.example/calls.example:3000", "https://partner.example.evil.example",
                             "http://partner.example", "null", "", "calls.example:3000"}) {
    EXPECT_FALSE(policy.Allows(From(origin))) << origin;
  }
  EXPECT_FALSE(policy.Allows(From("http://", "")));
}

TEST(OriginPolicy, AllowsAndGrantsThoseOnTheList) {
  const OriginPolicy policy({"https://partner.example"});
  const io::Headers request = From("https://partner.example");
  EXPECT_TRUE(policy.Allows(request));
  io::Headers response;
  policy.Grant(request, response);
  EXPECT_EQ(response["Access-Control-Allow-Origin"], "https://partner.example");
  EXPECT_EQ(response["Vary"], "Origin");
  EXPECT_FALSE(response.Has("Access-Control-Allow-Credentials"));
}

TEST(OriginPolicy, GrantsNothingToOthers) {
  io::Headers response;
  OriginPolicy({}).Grant(From("http://evil.example"), response);
  OriginPolicy({}).Grant({{"Host", "calls.example"}}, response);
  EXPECT_TRUE(response.fields().empty());
}

TEST(OriginPolicy, AStarIsForEverybody) {
  const OriginPolicy policy({"*"});
  io::Headers response;
  policy.Grant(From("http://anything.example"), response);
  EXPECT_EQ(response["Access-Control-Allow-Origin"], "*");
}

}  // namespace
}  // namespace jb::services
