// SPDX-License-Identifier: Apache-2.0
// The gateway's REST resources: method, target, header fields and a body as they come, and what is made of room
// codes and language tags in them. $R is the code of a room with a passcode. Every answer has a status and a
// shape; a room that is made is there, and is gone when its owner says so.
#include <cstdlib>

#include "room/wire.h"
#include "services/gateway/calls_fuzz.h"
#include "services/gateway/rest_api.h"

namespace {

using namespace jb;

void Require(bool holds) {
  if (!holds) std::abort();
}

// Up to the separator, which is taken too.
std::string_view TakeUntil(std::string_view& rest, char separator) {
  const std::size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view taken = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return taken;
}

// METHOD target, header fields, an empty line, the body.
io::HttpRequest Read(std::string_view rest, const std::string& room) {
  io::HttpRequest request;
  std::string_view line = TakeUntil(rest, '\n');
  request.method = std::string(TakeUntil(line, ' '));
  request.target = std::string(line);
  if (const std::size_t at = request.target.find("$R"); at != std::string::npos) request.target.replace(at, 2, room);
  std::string_view target = request.target;
  request.path = io::PercentDecode(TakeUntil(target, '?'), false).value_or("/");
  request.query = io::Query::Parse(target);
  while (!rest.empty()) {
    line = TakeUntil(rest, '\n');
    if (line.empty()) break;
    const std::string name(TakeUntil(line, ':'));
    request.headers.Add(name, std::string(line));
  }
  request.body = std::string(rest);
  return request;
}

// What is read from a text is read the same from what it became.
void CheckTexts(const io::HttpRequest& request) {
  for (const auto& [key, value] : request.query.pairs()) {
    if (const auto language = room::ParseLanguage(value)) Require(room::ParseLanguage(language->value()) == language);
    const std::string code = room::NormalizeRoomCode(value);
    Require(room::NormalizeRoomCode(code) == code);
  }
}

void CheckAnswer(const io::HttpResponse& response) {
  Require(response.status >= 200 && response.status < 600);
  if (response.status < 400 || response.status == 503) return;
  const auto body = ParseJson(response.body);
  Require(body.ok());
  const json::value* error = GetMember(*body, "error");
  Require(error && GetString(*error, "code") && GetString(*error, "message"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static services::FuzzCalls world;
  static services::HttpCounts counts(world.metrics());
  static services::RestApi api(world.calls(), world.metrics(), counts,
                               {.version = "1", .started = Time{}, .redis_configured = false});
  static const auto locked = *world.calls().CreateRoom({.name = "Locked", .passcode = "open", .max_participants = {}});

  io::HttpRequest request = Read(AsText({data, size}), locked->room->code().value());
  request.remote = world.FreshClient();
  CheckTexts(request);
  const auto response = api.Handle(request);
  if (!response) return 0;
  CheckAnswer(*response);
  if (response->status != 201) return 0;
  const auto made = ParseJson(response->body);
  io::HttpRequest removal;
  removal.method = "DELETE";
  removal.path = "/api/v1/rooms/" + std::string(*GetString(*made, "code"));
  removal.remote = request.remote;
  removal.headers.Add("Authorization", "Bearer " + std::string(*GetString(*made, "ownerToken")));
  Require(api.Handle(removal)->status == 204);
  Require(api.Handle(removal)->status == 404);
  world.Settle();
  return 0;
}
