// SPDX-License-Identifier: Apache-2.0
#include "services/common/http_face.h"

#include <algorithm>
#include <ctime>

#include "crypto/random.h"
#include "services/common/http_counts.h"

namespace jb::services {
namespace {

// Lets pages of any origin read the answer.
class OpenResponder : public CountingResponder {
 public:
  using CountingResponder::CountingResponder;

  void Send(io::HttpResponse response) override {
    AllowOrigins(response.headers);
    CountingResponder::Send(std::move(response));
  }
  void StartChunked(int status, std::string content_type, io::Headers headers) override {
    AllowOrigins(headers);
    CountingResponder::StartChunked(status, std::move(content_type), std::move(headers));
  }

 private:
  // As LibreTranslate's: any page may use the service; there are no cookies to protect.
  static void AllowOrigins(io::Headers& headers) {
    headers.Set("Access-Control-Allow-Origin", "*");
    headers.Set("Access-Control-Allow-Methods", "GET, POST, DELETE");
    headers.Set("Access-Control-Allow-Headers", "Authorization, Content-Type");
  }
};

// RFC 9110 section 15.5.22.
io::HttpResponse UpgradeRequired() {
  io::HttpResponse response = io::ErrorResponse(426, "upgrade_required", "A GET of this path is a WebSocket.");
  response.headers.Add("Upgrade", "websocket");
  return response;
}

std::string Now8601() {
  const std::time_t now = std::chrono::system_clock::to_time_t(io::WallNow());
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
  return text;
}

bool PathMatches(const std::string& pattern, const std::string& path, std::string* segment) {
  if (!pattern.ends_with("/*")) return pattern == path;
  const std::string_view head = std::string_view(pattern).substr(0, pattern.size() - 1);
  if (!path.starts_with(head) || path.size() == head.size()) return false;
  *segment = path.substr(head.size());
  return segment->find('/') == std::string::npos;
}

}  // namespace

HttpFace::HttpFace(Metrics& metrics, std::string backend, std::string_view openapi,
                   std::function<void(json::object&)> health)
    : metrics_(metrics),
      backend_(std::move(backend)),
      openapi_(openapi),
      health_(std::move(health)),
      instance_(crypto::SystemRandom().Id()),
      started_(io::Now()) {
  AddOwnRoutes();
}

void HttpFace::AddOwnRoutes() {
  const auto answer = [this](std::string path, std::function<io::HttpResponse()> make) {
    Add({.method = "GET",
         .path = std::move(path),
         .body = {},
         .handle = [make](io::HttpRequest, ResponderPtr to, const std::string&) { to->Send(make()); }});
  };
  answer("/health", [this] { return Health(); });
  answer("/readyz", [] { return JsonResponse(200, json::object{{"status", "ok"}}); });
  answer("/metrics", [this] {
    return io::HttpResponse{200, "text/plain; version=0.0.4; charset=utf-8", {}, metrics_.Serialize()};
  });
  answer("/openapi.json", [this] { return io::HttpResponse{200, "application/json", {}, std::string(openapi_)}; });
}

io::HttpResponse HttpFace::Health() const {
  json::object body{{"status", "healthy"}, {"timestamp", Now8601()}, {"uptime", ToSeconds(io::Now() - started_)},
                    {"version", JB_VERSION}, {"backend", backend_},    {"instance", instance_}};
  health_(body);
  return JsonResponse(200, body);
}

std::vector<std::pair<std::string, std::string>> HttpFace::Routes() const {
  std::vector<std::pair<std::string, std::string>> out;
  for (const Route& route : routes_) out.emplace_back(route.method, route.path);
  for (const auto& [path, upgrade] : upgrades_) out.emplace_back("GET", path);
  return out;
}

const HttpFace::Route* HttpFace::Match(const io::HttpRequest& request, std::string* segment,
                                       std::string* allowed) const {
  for (const Route& route : routes_) {
    if (!PathMatches(route.path, request.path, segment)) continue;
    if (request.method == route.method || (request.method == "HEAD" && route.method == "GET")) return &route;
    *allowed += (allowed->empty() ? "" : ", ") + route.method;
  }
  return nullptr;
}

io::BodyPolicy HttpFace::PolicyFor(const io::HttpRequest& head) {
  std::string segment, allowed;
  const Route* route = Match(head, &segment, &allowed);
  return route ? route->body : io::BodyPolicy{};
}

void HttpFace::HandleRequest(io::HttpRequest request, ResponderPtr responder) {
  std::string segment, allowed;
  const Route* route = Match(request, &segment, &allowed);
  auto counted = std::make_shared<OpenResponder>(responder, HttpCounts(metrics_),
                                                 route ? route->method + " " + route->path : "other");
  if (route) return route->handle(std::move(request), counted, segment);
  if (request.method == "OPTIONS") return counted->Send({204, "", {}, ""});
  const bool is_socket = std::any_of(upgrades_.begin(), upgrades_.end(),
                                     [&](const auto& upgrade) { return upgrade.first == request.path; });
  if (is_socket && request.method == "GET") return counted->Send(UpgradeRequired());
  if (!allowed.empty()) {
    io::HttpResponse response = io::ErrorResponse(405, "method_not_allowed", "Use " + allowed + " here.");
    response.headers.Add("Allow", allowed);
    return counted->Send(std::move(response));
  }
  counted->Send(io::ErrorResponse(404, "not_found", "There is no such resource. See /openapi.json."));
}

void HttpFace::HandleUpgrade(io::HttpRequest request, std::shared_ptr<io::WebSocketAcceptor> acceptor) {
  for (const auto& [path, upgrade] : upgrades_) {
    if (path == request.path) return upgrade(std::move(request), std::move(acceptor));
  }
  acceptor->Reject(io::ErrorResponse(404, "not_found", "No WebSocket is served on that path."));
}

io::HttpResponse JsonResponse(int status, const json::value& body) {
  return {status, "application/json", {}, json::serialize(body)};
}

io::HttpResponse BusyResponse() {
  io::HttpResponse response = io::ErrorResponse(
      429, "too_many_requests", "The service already does as much as it can at once. Try again shortly.");
  response.headers.Add("Retry-After", "1");
  return response;
}

io::HttpResponse OpenAiError(int status, std::string_view message, std::string_view code, std::string_view param) {
  json::object error{{"message", message}, {"type", "invalid_request_error"}};
  error["param"] = param.empty() ? json::value(nullptr) : json::value(param);
  error["code"] = code.empty() ? json::value(nullptr) : json::value(code);
  io::HttpResponse response = JsonResponse(status, json::object{{"error", std::move(error)}});
  if (status == 429) response.headers.Add("Retry-After", "1");
  return response;
}

io::HttpResponse LibreError(int status, std::string_view message) {
  io::HttpResponse response = JsonResponse(status, json::object{{"error", message}});
  if (status == 429) response.headers.Add("Retry-After", "1");
  return response;
}

void ReadWholeBody(const ResponderPtr& responder, std::size_t max_bytes,
                   std::function<void(Result<std::string>)> done) {
  struct Reading {
    std::string body;
    std::function<void(Result<std::string>)> done;
  };
  auto reading = std::make_shared<Reading>();
  reading->done = std::move(done);
  responder->ReadBody(
      [reading, max_bytes](ByteView data) {
        if (!reading->done) return;
        if (reading->body.size() + data.size() <= max_bytes) {
          reading->body.append(AsText(data));
        } else {
          std::exchange(reading->done, nullptr)(Fail("too_large", "The body is too large."));
        }
      },
      // Holds the responder until the body is there.
      [reading, responder](const Status<>& status) {
        if (!reading->done) return;
        const auto told = std::exchange(reading->done, nullptr);
        if (status.ok()) told(std::move(reading->body));
        else told(Fail(status.error()));
      });
}

std::shared_ptr<void> Slots::Take() {
  if (*used_ >= most_) return nullptr;
  ++*used_;
  return std::shared_ptr<void>(used_.get(), [used = used_](void*) { --*used; });
}

}  // namespace jb::services
