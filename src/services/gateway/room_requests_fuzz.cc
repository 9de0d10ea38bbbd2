// SPDX-License-Identifier: Apache-2.0
// The room protocol's requests as clients may write them, by two people. A line each: A or B, the name, the JSON.
// In it $R is a room's code, $T, $P and $C the latest transport, producer and consumer that anybody made.
// Every request is answered once, in its shape, and nothing is left when the two have gone.
#include <cstdlib>
#include <map>

#include "services/gateway/calls_fuzz.h"

namespace {

using namespace jb;

constexpr std::size_t kMaxLines = 64;

void Require(bool holds) {
  if (!holds) std::abort();
}

class Script {
 public:
  Script(services::FuzzCalls& world, const std::string& room) : world_(world), names_{{"$R", room}} {
    const json::value auth = json::object{};
    const io::Headers headers;
    const SocketAddress remote = world.FreshClient();
    for (const auto& socket : sockets_) handler().OnConnect(socket, {"/", auth, remote, headers});
  }
  ~Script() {
    for (const auto& socket : sockets_) handler().OnDisconnect(socket, socketio::DisconnectReason::kTransport);
    world_.Settle();
    Require(answered_ == asked_);
  }
  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  void Line(std::string_view line) {
    const std::size_t space = std::min(line.find(' '), line.size());
    if (space < 1) return;
    const std::string name(line.substr(1, space - 1));
    const auto data = ParseJson(Named(std::string(line.substr(std::min(space + 1, line.size())))));
    if (!data.ok()) return;
    services::SocketIoEvent event{name, json::array{*data}, {}, {}};
    ++asked_;
    event.ack = services::SocketIoAck([this, name](const json::array& args, const auto&) { Answered(name, args); });
    handler().OnEvent(sockets_[line[0] == 'A' ? 0 : 1], std::move(event));
    world_.worker().Settle();
  }

 private:
  services::SocketIoHandler& handler() { return world_.calls(); }

  std::string Named(std::string text) const {
    for (const auto& [name, id] : names_) {
      for (std::size_t at = 0; (at = text.find(name, at)) != std::string::npos; at += id.size()) {
        text.replace(at, name.size(), id);
      }
    }
    return text;
  }

  void Answered(const std::string& name, const json::array& args) {
    ++answered_;
    Require(args.size() == 1);
    const auto ok = GetBool(args[0], "ok");
    Require(ok.has_value());
    if (!*ok) {
      const json::value* error = GetMember(args[0], "error");
      Require(error && !GetString(*error, "code").value_or("").empty() && GetString(*error, "message"));
      return;
    }
    const json::value* data = GetMember(args[0], "data");
    Require(data && data->is_object());
    const std::map<std::string, std::string> kinds = {
        {"createTransport", "$T"}, {"produce", "$P"}, {"consume", "$C"}};
    if (const auto kind = kinds.find(name); kind != kinds.end()) names_[kind->second] = *GetString(*data, "id");
  }

  services::FuzzCalls& world_;
  std::map<std::string, std::string> names_;
  const services::SocketId sockets_[2] = {services::SocketId("a"), services::SocketId("b")};
  int asked_ = 0, answered_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static services::FuzzCalls world;
  const auto room = world.calls().CreateRoom({.name = "Team", .passcode = {}, .max_participants = {}});
  Require(room.ok());
  const RoomCode code = (*room)->room->code();
  {
    Script script(world, code.value());
    std::string_view rest = AsText({data, size});
    for (std::size_t i = 0; i < kMaxLines && !rest.empty(); ++i) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      script.Line(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  Require((*room)->room->size() == 0);
  world.calls().DeleteRoom(code);
  world.Settle();
  const auto left = world.worker().stats();
  Require(left.transports == 0 && left.producers == 0 && left.consumers == 0);
  return 0;
}
