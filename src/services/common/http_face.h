// SPDX-License-Identifier: Apache-2.0
// What the faces of the three speech services share: a table of routes, /health, /readyz, /metrics,
// /openapi.json, CORS, and a count of every answer. Does not know speech. Loop thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/metrics.h"
#include "io/clock.h"
#include "io/http_server.h"

namespace jb::services {

using ResponderPtr = std::shared_ptr<io::HttpResponder>;

class HttpFace : public io::HttpHandler {
 public:
  struct Route {
    std::string method;
    std::string path;  // "*" as the last segment stands for any one segment
    io::BodyPolicy body;
    std::function<void(io::HttpRequest, ResponderPtr, const std::string& segment)> handle;
  };
  using Upgrade = std::function<void(io::HttpRequest, std::shared_ptr<io::WebSocketAcceptor>)>;

  // `health` adds what is particular of a service to /health. `openapi` and `metrics` outlive the face.
  HttpFace(Metrics& metrics, std::string backend, std::string_view openapi, std::function<void(json::object&)> health);

  void Add(Route route) { routes_.push_back(std::move(route)); }
  // A WebSocket on that path.
  void AddUpgrade(std::string path, Upgrade upgrade) { upgrades_.emplace_back(std::move(path), std::move(upgrade)); }
  // (method, path) of all, those of this class included.
  std::vector<std::pair<std::string, std::string>> Routes() const;

  io::BodyPolicy PolicyFor(const io::HttpRequest& head) override;
  void HandleRequest(io::HttpRequest request, ResponderPtr responder) override;
  void HandleUpgrade(io::HttpRequest request, std::shared_ptr<io::WebSocketAcceptor> acceptor) override;

 private:
  void AddOwnRoutes();
  io::HttpResponse Health() const;
  const Route* Match(const io::HttpRequest& request, std::string* segment, std::string* allowed) const;

  Metrics& metrics_;
  const std::string backend_;
  const std::string_view openapi_;
  const std::function<void(json::object&)> health_;
  const std::string instance_;
  const Time started_;
  std::vector<Route> routes_;
  std::vector<std::pair<std::string, Upgrade>> upgrades_;
};

io::HttpResponse JsonResponse(int status, const json::value& body);
// 429 with Retry-After.
io::HttpResponse BusyResponse();
// {"error":{"message","type","param","code"}}: every key is there, as OpenAI's clients require.
io::HttpResponse OpenAiError(int status, std::string_view message, std::string_view code, std::string_view param = {});
// {"error":"…"}: LibreTranslate's.
io::HttpResponse LibreError(int status, std::string_view message);

// Reads a streamed body whole into memory. `done` comes once: the body; "too_large", to be answered by the
// caller in the shape of its route; or what ReadBody() says when the answer was given or the peer is gone.
void ReadWholeBody(const ResponderPtr& responder, std::size_t max_bytes, std::function<void(Result<std::string>)> done);

// At most `most` pieces of work at once. A slot is held by a shared pointer and freed with it.
class Slots {
 public:
  explicit Slots(int most) : most_(most), used_(std::make_shared<int>(0)) {}
  // Null when all are taken.
  std::shared_ptr<void> Take();
  int used() const { return *used_; }

 private:
  const int most_;
  const std::shared_ptr<int> used_;
};

}  // namespace jb::services
