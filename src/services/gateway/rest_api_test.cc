// SPDX-License-Identifier: Apache-2.0
// What REST says of the media workers and of a restart. The rest is in tests/conformance/rest.test.mjs.
#include "services/gateway/rest_api.h"

#include <gtest/gtest.h>

#include "io/clock.h"
#include "services/gateway/calls_fuzz.h"

namespace jb::services {
namespace {

class RestApiTest : public ::testing::Test {
 protected:
  io::HttpResponse Ask(const std::string& method, const std::string& path) {
    io::HttpRequest request;
    request.method = method;
    request.target = request.path = path;
    request.remote = world_.FreshClient();
    return *rest_.Handle(request);
  }
  json::object Body(const io::HttpResponse& response) { return ParseJson(response.body)->as_object(); }

  FuzzCalls world_;
  HttpCounts counts_{world_.metrics()};
  RestApi rest_{world_.calls(), world_.metrics(), counts_, {.version = "0", .started = io::Now()}};
};

TEST_F(RestApiTest, HealthShowsEachMediaWorker) {
  const json::object health = Body(Ask("GET", "/health"));
  EXPECT_EQ(health.at("workers"), 1);
  const json::array& workers = health.at("mediaWorkers").as_array();
  ASSERT_EQ(workers.size(), 1u);
  EXPECT_EQ(workers[0].at("status"), "healthy");
  EXPECT_EQ(workers[0].at("participants"), 0);
  EXPECT_EQ(health.at("draining"), false);
}

TEST_F(RestApiTest, WhileDrainingItIsNotReadyAndMakesNoRooms) {
  EXPECT_EQ(Ask("POST", "/api/v1/rooms").status, 201);
  world_.calls().BeginDraining([] {});
  const io::HttpResponse ready = Ask("GET", "/readyz");
  EXPECT_EQ(ready.status, 503);
  EXPECT_EQ(Body(ready).at("reasons").at(0), "draining");
  const io::HttpResponse refused = Ask("POST", "/api/v1/rooms");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(Body(refused).at("error").at("code"), "draining");
  EXPECT_NE(refused.headers["Retry-After"], "");
  EXPECT_EQ(Ask("GET", "/livez").status, 200);
  const io::HttpResponse health = Ask("GET", "/health");
  EXPECT_EQ(health.status, 200);  // calls are served
  EXPECT_EQ(Body(health).at("draining"), true);
}

}  // namespace
}  // namespace jb::services
