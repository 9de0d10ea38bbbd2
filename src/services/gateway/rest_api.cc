// SPDX-License-Identifier: Apache-2.0
#include "services/gateway/rest_api.h"

#include <algorithm>
#include <cmath>

#include "base/utf8.h"
#include "crypto/hash.h"
#include "io/clock.h"
#include "room/transcript.h"
#include "room/wire.h"

namespace jb::services {
namespace {

constexpr std::size_t kMaxRoomName = 80;   // code points
constexpr std::size_t kMaxPasscode = 128;  // bytes
constexpr std::int64_t kMaxParticipants = 200;
// A person makes a room now and then, an office behind one address a few dozen at nine o'clock. Rooms nobody
// uses live for a day: at this pace one address alone cannot fill a server of RegistryLimits::max_rooms.
constexpr RateRule kCreations{.per_second = 360.0 / 3600, .burst = 60};
constexpr RateRule kWrongCodes{.per_second = 10.0 / 60, .burst = 20};

io::HttpResponse Json(int status, const json::value& body) {
  return {status, "application/json", {{"Cache-Control", "no-store"}}, json::serialize(body)};
}

io::HttpResponse TooManyRequests(Duration wait, std::string_view message) {
  io::HttpResponse response = io::ErrorResponse(429, "too_many_requests", message);
  response.headers.Add("Retry-After", std::to_string(static_cast<int>(std::ceil(ToSeconds(wait)))));
  return response;
}

io::HttpResponse Unavailable(const Error& error) {
  io::HttpResponse response = io::ErrorResponse(503, error.code, error.message);
  if (error.code == "draining") response.headers.Add("Retry-After", std::to_string(kDrainingRetrySeconds));
  return response;
}

// Of one component; "degraded" is the whole's.
const char* HealthWord(bool up) { return up ? "healthy" : "unhealthy"; }

// "2026-01-31T12:00:00.000Z"
std::string IsoTime(WallTime at) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(at);
  const auto ms = room::ToEpochMs(at) % 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[40];
  const std::size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text + n, sizeof text - n, ".%03dZ", static_cast<int>(ms));
  return text;
}

// RFC 9110 section 7.2, without the escapes that no host of ours has. A field may hold any byte, JSON may not.
bool IsAuthority(std::string_view host) {
  constexpr std::string_view kOthers = ".-_:[]";
  return !host.empty() && std::all_of(host.begin(), host.end(), [&](char c) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return plain || kOthers.find(c) != std::string_view::npos;
  });
}

// As the client reached us. A proxy that ends TLS says so; it tells the asker only, who could as well say it.
std::string UrlOf(const io::HttpRequest& request, const RoomCode& code) {
  const std::string host(request.headers["Host"]);
  const bool secure = request.secure || io::EqualsIgnoringCase(request.headers["X-Forwarded-Proto"], "https");
  return std::string(secure ? "https://" : "http://") + (IsAuthority(host) ? host : "localhost") + "/r/" +
         code.value();
}

json::object Describe(const io::HttpRequest& request, const room::RoomEntry& entry) {
  const room::Room& room = *entry.room;
  return {{"code", room.code().value()},
          {"name", room.name()},
          {"url", UrlOf(request, room.code())},
          {"createdAt", IsoTime(room.created_at())},
          {"hasPasscode", entry.passcode.has_value()},
          {"maxParticipants", room.max_participants()}};
}

Result<room::CreateRequest> ParseCreate(const std::string& body) {
  room::CreateRequest request;
  if (body.empty()) return request;
  const auto parsed = ParseJson(body);
  if (!parsed.ok() || !parsed->is_object()) return Fail("invalid_request", "The body is not a JSON object.");
  if (const json::value* name = GetMember(*parsed, "name"); name && !name->is_null()) {
    if (!name->is_string() || !IsValidUtf8(name->get_string())) {
      return Fail("invalid_request", "`name` is text.");
    }
    request.name = FirstCodePoints(CleanLine(name->get_string()), kMaxRoomName);
  }
  if (const json::value* code = GetMember(*parsed, "passcode"); code && !code->is_null()) {
    if (!code->is_string() || code->get_string().size() > kMaxPasscode) {
      return Fail("invalid_request", "`passcode` is text of at most 128 bytes.");
    }
    if (!code->get_string().empty()) request.passcode = std::string(code->get_string());
  }
  if (const json::value* most = GetMember(*parsed, "maxParticipants"); most && !most->is_null()) {
    const auto n = GetInt(*parsed, "maxParticipants");
    if (!n || *n < 2 || *n > kMaxParticipants) {
      return Fail("invalid_request", "`maxParticipants` is a number from 2 to 200.");
    }
    request.max_participants = static_cast<std::size_t>(*n);
  }
  return request;
}

// "" when there is none. The scheme's case does not matter (RFC 9110 section 11.1).
std::string_view BearerToken(std::string_view authorization) {
  constexpr std::string_view kScheme = "Bearer ";
  if (!io::EqualsIgnoringCase(authorization.substr(0, kScheme.size()), kScheme)) return {};
  return authorization.substr(kScheme.size());
}

// The one segment that "*" stands for, when `path` has the form of `pattern`.
std::optional<std::string> Match(std::string_view pattern, std::string_view path) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) {
    return pattern == path ? std::optional<std::string>("") : std::nullopt;
  }
  const std::string_view head = pattern.substr(0, star), tail = pattern.substr(star + 1);
  if (path.size() <= head.size() + tail.size() || !path.starts_with(head) || !path.ends_with(tail)) {
    return std::nullopt;
  }
  const std::string_view segment = path.substr(head.size(), path.size() - head.size() - tail.size());
  if (segment.find('/') != std::string_view::npos) return std::nullopt;
  return std::string(segment);
}

}  // namespace

const RestApi::Route RestApi::kRoutes[] = {
    {"GET", "/health", &RestApi::Health},
    {"GET", "/livez", &RestApi::Live},
    {"GET", "/readyz", &RestApi::Ready},
    {"POST", "/api/v1/rooms", &RestApi::CreateRoom},
    {"GET", "/api/v1/rooms/*", &RestApi::GetRoom},
    {"DELETE", "/api/v1/rooms/*", &RestApi::DeleteRoom},
    {"GET", "/api/v1/rooms/*/transcript", &RestApi::Transcript},
    {"GET", "/api/v1/languages", &RestApi::Languages},
    {"GET", "/metrics", &RestApi::MetricsText},
    {"GET", "/openapi.json", &RestApi::OpenApi},
};

std::vector<std::pair<std::string, std::string>> RestApi::Routes() {
  std::vector<std::pair<std::string, std::string>> out;
  for (const Route& route : kRoutes) out.emplace_back(route.method, route.path);
  return out;
}

RestApi::RestApi(Calls& calls, Metrics& metrics, HttpCounts& counts, Info info)
    : calls_(calls),
      metrics_(metrics),
      counts_(counts),
      info_(std::move(info)),
      creations_(kCreations),
      wrong_codes_(kWrongCodes) {
  // Alerts watch for 0, so a gateway that needs no Redis must not say it.
  metrics_.GetGauge("jbcalling_redis_up", "0 while a configured Redis does not answer, else 1")
      .Set(info_.redis_configured ? 0 : 1);
}

std::optional<io::HttpResponse> RestApi::Handle(const io::HttpRequest& request) {
  const std::string method = request.method == "HEAD" ? "GET" : request.method;
  std::string allowed;
  for (const Route& route : kRoutes) {
    const auto segment = Match(route.path, request.path);
    if (!segment) continue;
    if (method == route.method) return Dispatch(route, request, *segment);
    allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
  }
  auto response = Unrouted(request, allowed);
  if (response) counts_.Count("other", response->status);
  return response;
}

std::optional<io::HttpResponse> RestApi::Unrouted(const io::HttpRequest& request, const std::string& allowed) const {
  if (!allowed.empty()) {
    io::HttpResponse response = io::ErrorResponse(405, "method_not_allowed", "Use " + allowed + " here.");
    response.headers.Add("Allow", allowed);
    return response;
  }
  if (request.path.starts_with("/api/")) {
    return io::ErrorResponse(404, "not_found", "There is no such resource. See /openapi.json.");
  }
  return std::nullopt;
}

io::HttpResponse RestApi::Dispatch(const Route& route, const io::HttpRequest& request, const std::string& code) {
  io::HttpResponse response = (this->*route.handler)(request, code);
  counts_.Count(std::string(route.method) + " " + route.path, response.status);
  return response;
}

io::HttpResponse RestApi::Health(const io::HttpRequest&, const std::string&) {
  json::object components;
  bool all_up = !info_.redis_configured;
  for (std::size_t i = 0; i < interpreter::kServices; ++i) {
    const auto service = static_cast<interpreter::Service>(i);
    const SpeechServiceStatus& status = calls_.speech().status(service);
    all_up = all_up && status.up;
    components[interpreter::ToString(service)] = json::object{
        {"status", HealthWord(status.up)}, {"backend", status.backend}, {"latency_ms", status.latency_ms}};
  }
  components["redis"] = json::object{{"status", info_.redis_configured ? HealthWord(false) : "not configured"}};
  const std::size_t running = calls_.media().running();
  const bool serving = running > 0;
  return Json(serving ? 200 : 503, json::object{{"status", !serving ? "unhealthy"
                                                           : all_up ? "healthy"
                                                                    : "degraded"},
                                                {"timestamp", IsoTime(io::WallNow())},
                                                {"uptime", ToSeconds(io::Now() - info_.started)},
                                                {"version", info_.version},
                                                {"workers", running},
                                                {"mediaWorkers", DescribeWorkers()},
                                                {"draining", calls_.draining()},
                                                {"mode", "standalone"},
                                                {"components", std::move(components)}});
}

json::array RestApi::DescribeWorkers() const {
  const MediaPool& media = calls_.media();
  json::array out;
  for (std::size_t i = 0; i < media.size(); ++i) {
    out.push_back(json::object{{"status", HealthWord(media.up(i))},
                               {"load", media.measured_share(i)},
                               {"packetsPerSecond", media.packets_per_second(i)},
                               {"participants", calls_.people_on_workers()[i]}});
  }
  return out;
}

io::HttpResponse RestApi::Live(const io::HttpRequest&, const std::string&) {
  return Json(200, json::object{{"status", "ok"}});
}

io::HttpResponse RestApi::Ready(const io::HttpRequest&, const std::string&) {
  json::array reasons;
  if (calls_.draining()) reasons.emplace_back("draining");
  if (calls_.media().running() == 0) reasons.emplace_back("no media worker is running");
  if (info_.redis_configured) {
    reasons.emplace_back("redis.url is set, but this version runs on one machine only: unset it");
  }
  for (std::size_t i = 0; i < interpreter::kServices; ++i) {
    const std::string& mistake = calls_.speech().status(static_cast<interpreter::Service>(i)).mistake;
    if (!mistake.empty()) reasons.emplace_back(mistake);
  }
  const bool ready = reasons.empty();
  return Json(ready ? 200 : 503, json::object{{"status", ready ? "ok" : "not ready"}, {"reasons", std::move(reasons)}});
}

io::HttpResponse RestApi::CreateRoom(const io::HttpRequest& request, const std::string&) {
  // What is wrong costs nothing; only a room that is made is counted.
  auto create = ParseCreate(request.body);
  if (!create.ok()) return io::ErrorResponse(400, create.error().code, create.error().message);
  if (calls_.draining()) return Unavailable(Draining().error);
  if (const auto wait = creations_.Take(request.remote, io::Now())) {
    return TooManyRequests(*wait, "You have made many rooms in a short time. Wait a little.");
  }
  const auto created = calls_.CreateRoom(*create);
  if (!created.ok()) return Unavailable(created.error());
  json::object body = Describe(request, **created);
  body["ownerToken"] = (*created)->owner_token;
  io::HttpResponse response = Json(201, body);
  response.headers.Add("Location", "/api/v1/rooms/" + (*created)->room->code().value());
  return response;
}

Result<room::RoomEntry*> RestApi::Find(const io::HttpRequest& request, const std::string& code) {
  // Whoever has the right code is answered, whatever others behind the same address tried.
  if (room::RoomEntry* entry = calls_.FindRoom(code)) return entry;
  if (wrong_codes_.Take(request.remote, io::Now())) {
    return Fail("too_many_requests", "Too many wrong room codes. Wait a minute.");
  }
  return Fail("room_not_found", "There is no room with that code. It may have ended; ask for a new link.");
}

// A passcode may have letters that a header cannot carry: it comes percent-encoded.
Status<> RestApi::CheckReader(const io::HttpRequest& request, const room::RoomEntry& entry) {
  if (!entry.passcode) return kOk;
  const std::string_view token = BearerToken(request.headers["Authorization"]);
  if (!token.empty() && crypto::ConstantTimeEqual(AsBytes(token), AsBytes(entry.owner_token))) return kOk;
  if (!token.empty() && calls_.IsMember(entry.room->code(), token)) return kOk;
  const std::string_view given = request.headers["X-Room-Passcode"];
  const auto admitted = calls_.CheckPasscode(
      request.remote, entry, io::PercentDecode(given, /*plus_is_space=*/false).value_or(std::string(given)));
  if (admitted.ok() || admitted.error().code == "too_many_requests") return admitted;
  const bool guessed = !token.empty() || !given.empty();
  if (guessed && wrong_codes_.Take(request.remote, io::Now())) {
    return Fail("too_many_requests", "Too many wrong passcodes. Wait a minute.");
  }
  return Fail("passcode_required",
              "This room has a passcode. Send it percent-encoded as X-Room-Passcode, or, as Authorization: Bearer "
              "<token>, the room's ownerToken or the token of your own join.");
}

namespace {
io::HttpResponse Refused(const Error& error) {
  if (error.code == "too_many_requests") return TooManyRequests(std::chrono::seconds(60), error.message);
  if (error.code != "passcode_required") return io::ErrorResponse(404, error.code, error.message);
  io::HttpResponse response = io::ErrorResponse(401, error.code, error.message);
  response.headers.Add("WWW-Authenticate", "Bearer");
  return response;
}
}  // namespace

io::HttpResponse RestApi::GetRoom(const io::HttpRequest& request, const std::string& code) {
  const auto entry = Find(request, code);
  if (!entry.ok()) return Refused(entry.error());
  json::object body = Describe(request, **entry);
  body["participants"] = (*entry)->room->size();
  return Json(200, body);
}

io::HttpResponse RestApi::DeleteRoom(const io::HttpRequest& request, const std::string& code) {
  const auto entry = Find(request, code);
  if (!entry.ok()) return Refused(entry.error());
  const std::string_view given = BearerToken(request.headers["Authorization"]);
  if (given.empty()) {
    io::HttpResponse response =
        io::ErrorResponse(401, "owner_token_required", "Send the room's ownerToken: Authorization: Bearer <token>.");
    response.headers.Add("WWW-Authenticate", "Bearer");
    return response;
  }
  if (!crypto::ConstantTimeEqual(AsBytes(given), AsBytes((*entry)->owner_token))) {
    return io::ErrorResponse(403, "not_the_owner", "That is not this room's ownerToken.");
  }
  calls_.DeleteRoom((*entry)->room->code());
  return {204, "", {}, ""};
}

io::HttpResponse RestApi::Transcript(const io::HttpRequest& request, const std::string& code) {
  const auto entry = Find(request, code);
  if (!entry.ok()) return Refused(entry.error());
  if (const auto reader = CheckReader(request, **entry); !reader.ok()) return Refused(reader.error());
  const auto format = room::ParseTranscriptFormat(request.query.Get("format").value_or("json"));
  if (!format) return io::ErrorResponse(400, "invalid_request", "`format` is json, vtt, srt or txt.");
  std::optional<Language> lang;
  if (const auto asked = request.query.Get("lang"); asked && !asked->empty()) {
    lang = room::ParseLanguage(*asked);
    if (!lang) return io::ErrorResponse(400, "unsupported_language", "`lang` is not a language tag.");
    lang = calls_.speech().Canonical(*lang);
  }
  return {200,
          std::string(room::ContentType(*format)),
          {{"Cache-Control", "no-store"}},
          room::WriteTranscript((*entry)->room->final_captions(), *format, lang)};
}

io::HttpResponse RestApi::Languages(const io::HttpRequest&, const std::string&) {
  return Json(200, calls_.speech().Languages());
}

io::HttpResponse RestApi::MetricsText(const io::HttpRequest&, const std::string&) {
  return {200, "text/plain; version=0.0.4; charset=utf-8", {}, metrics_.Serialize()};
}

io::HttpResponse RestApi::OpenApi(const io::HttpRequest&, const std::string&) {
  return {200, "application/json", {}, std::string(GatewayOpenApi())};
}

}  // namespace jb::services
