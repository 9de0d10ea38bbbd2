// SPDX-License-Identifier: Apache-2.0
// For tests of the speech services: requests over real sockets, on the loop under test, and what an OpenAPI
// document describes.
#pragma once

#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "io/http_client.h"
#include "io/loop.h"
#include "io/websocket_client.h"

namespace jb::services {

// Far above what loopback needs, so that only a hang reaches it, on a loaded machine too.
inline constexpr Duration kPatience = std::chrono::seconds(120);

class ServiceTestClient {
 public:
  ServiceTestClient(io::Loop& loop, std::uint16_t port) : loop_(loop), port_(port), http_(loop, {.idle_per_host = 0}) {}

  std::string Url(const std::string& path) const { return "http://127.0.0.1:" + std::to_string(port_) + path; }

  // An answer that is still to come.
  using Pending = std::shared_ptr<std::optional<Result<io::HttpResponse>>>;
  Pending Begin(const std::string& method, const std::string& path, std::string body = "",
                const std::string& type = "application/json") {
    io::HttpClientRequest request;
    request.method = method;
    request.url = Url(path);
    if (!body.empty()) request.headers.Add("Content-Type", type);
    request.body = std::move(body);
    request.timeout = kPatience;
    request.max_response = 64 << 20;
    auto answer = std::make_shared<std::optional<Result<io::HttpResponse>>>();
    http_.Send(std::move(request), [answer](Result<io::HttpResponse> r) { answer->emplace(std::move(r)); });
    return answer;
  }
  io::HttpResponse Await(const Pending& answer) {
    EXPECT_TRUE(loop_.RunUntil([&] { return answer->has_value(); }, kPatience));
    if (!answer->has_value()) return {0, "", {}, "no answer"};
    return (*answer)->ok() ? ***answer : io::HttpResponse{0, "", {}, (*answer)->error().code};
  }
  io::HttpResponse Get(const std::string& path) { return Await(Begin("GET", path)); }
  io::HttpResponse Delete(const std::string& path) { return Await(Begin("DELETE", path)); }
  io::HttpResponse Post(const std::string& path, std::string body, const std::string& type = "application/json") {
    return Await(Begin("POST", path, std::move(body), type));
  }

 private:
  io::Loop& loop_;
  const std::uint16_t port_;
  io::HttpClient http_;
};

// "400 too_long" of one of our error answers, "200" of any other.
inline std::string Outcome(const io::HttpResponse& response) {
  std::string out = std::to_string(response.status);
  const auto body = ParseJson(response.body);
  if (!body.ok()) return out;
  const json::value* error = GetMember(*body, "error");
  if (error && error->is_string()) return out + " " + std::string(error->get_string());
  if (error) out += " " + std::string(GetString(*error, "code").value_or("no code"));
  return out;
}

// What each of the three has beside its own work.
inline void ExpectOwnResources(ServiceTestClient& client, const std::string& backend) {
  const auto health = client.Get("/health");
  EXPECT_EQ(health.status, 200);
  const auto body = ParseJson(health.body);
  ASSERT_TRUE(body.ok());
  EXPECT_EQ(GetString(*body, "status"), "healthy");
  EXPECT_EQ(GetString(*body, "backend"), backend);
  EXPECT_EQ(client.Get("/readyz").status, 200);
  const auto metrics = client.Get("/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_NE(metrics.body.find("jbcalling_stage_seconds"), std::string::npos);
  EXPECT_NE(metrics.body.find("jbcalling_http_requests_total{code=\"200\",route=\"GET /health\"} 1"),
            std::string::npos);
  EXPECT_EQ(Outcome(client.Get("/nowhere")), "404 not_found");
}

// One field named `file` and others, as a browser sends them.
inline std::string FormOf(const std::string& file,
                          const std::vector<std::pair<std::string, std::string>>& fields = {}) {
  std::string out;
  for (const auto& [name, value] : fields) {
    out += "--edge\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\n" + value + "\r\n";
  }
  out += "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\n" + file + "\r\n--edge--\r\n";
  return out;
}
inline constexpr const char* kFormType = "multipart/form-data; boundary=edge";

using MethodsAndPaths = std::set<std::pair<std::string, std::string>>;

// What the document describes, a path's parameter written as HttpFace writes it: "*".
inline MethodsAndPaths DescribedBy(const std::string& openapi) {
  MethodsAndPaths out;
  const auto document = ParseJson(openapi);
  EXPECT_TRUE(document.ok());
  if (!document.ok()) return out;
  EXPECT_EQ(GetString(*document, "openapi"), "3.1.0");
  for (const auto& [path, operations] : document->at("paths").as_object()) {
    std::string pattern(path);
    if (const std::size_t at = pattern.find('{'); at != std::string::npos) pattern.replace(at, std::string::npos, "*");
    for (const auto& [method, operation] : operations.as_object()) {
      if (method == "parameters") continue;
      std::string upper(method);
      for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      out.emplace(upper, pattern);
      EXPECT_TRUE(operation.as_object().contains("responses")) << path;
    }
  }
  return out;
}

inline MethodsAndPaths RoutedBy(const std::vector<std::pair<std::string, std::string>>& routes) {
  return {routes.begin(), routes.end()};
}

}  // namespace jb::services
