// SPDX-License-Identifier: Apache-2.0
// The gateway's REST resources: docs/protocol.md section 2, except the web app itself. Control loop.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/metrics.h"
#include "io/http.h"
#include "services/common/http_counts.h"
#include "services/gateway/calls.h"
#include "services/gateway/rate_limiter.h"

namespace jb::services {

class RestApi {
 public:
  struct Info {
    std::string version;
    Time started;
    bool redis_configured = false;
  };
  // All given by reference outlive it.
  RestApi(Calls& calls, Metrics& metrics, HttpCounts& counts, Info info);

  // nullopt: not a path of ours. Every answer is counted, those to no route of ours as "other".
  std::optional<io::HttpResponse> Handle(const io::HttpRequest& request);

  // (method, path) of every route, "*" for the room's code.
  static std::vector<std::pair<std::string, std::string>> Routes();

 private:
  using Handler = io::HttpResponse (RestApi::*)(const io::HttpRequest&, const std::string& code);
  struct Route {
    const char* method;
    const char* path;  // "*" stands for one segment, given to the handler
    Handler handler;
  };
  static const Route kRoutes[];

  io::HttpResponse Health(const io::HttpRequest&, const std::string&);
  io::HttpResponse Live(const io::HttpRequest&, const std::string&);
  io::HttpResponse Ready(const io::HttpRequest&, const std::string&);
  io::HttpResponse CreateRoom(const io::HttpRequest&, const std::string&);
  io::HttpResponse GetRoom(const io::HttpRequest&, const std::string& code);
  io::HttpResponse DeleteRoom(const io::HttpRequest&, const std::string& code);
  io::HttpResponse Transcript(const io::HttpRequest&, const std::string& code);
  io::HttpResponse Languages(const io::HttpRequest&, const std::string&);
  io::HttpResponse MetricsText(const io::HttpRequest&, const std::string&);
  io::HttpResponse OpenApi(const io::HttpRequest&, const std::string&);

  json::array DescribeWorkers() const;
  io::HttpResponse Dispatch(const Route& route, const io::HttpRequest& request, const std::string& code);
  // What is answered where no route fits, if that is ours to answer.
  std::optional<io::HttpResponse> Unrouted(const io::HttpRequest& request, const std::string& allowed) const;
  // The room, or why there is none; who guesses is no longer told.
  Result<room::RoomEntry*> Find(const io::HttpRequest& request, const std::string& code);
  // Whether what was said in that room is this client's to read.
  Status<> CheckReader(const io::HttpRequest& request, const room::RoomEntry& entry);

  Calls& calls_;
  Metrics& metrics_;
  HttpCounts& counts_;
  const Info info_;
  RateLimiter creations_;
  RateLimiter wrong_codes_;
};

// The OpenAPI 3.1 document of the gateway, openapi.cc.
std::string_view GatewayOpenApi();

}  // namespace jb::services
