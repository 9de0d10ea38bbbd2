// SPDX-License-Identifier: Apache-2.0
// Messages, decisions, closes and timers in random order into the Socket.IO core. Checked: a socket
// connects before it has events and disconnects once, every question is answered once, nothing goes to a
// session that is over, and in the end nothing is left.
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "proto/socketio/server.h"
#include "testing/advance.h"
#include "testing/seeded_random.h"

namespace {

using namespace jb;
using namespace jb::socketio;

class Harness {
 public:
  Harness() : server_(MakeConfig(), random_) {}

  void Step(ByteReader& in) {
    const std::uint8_t op = in.U8();
    const SessionId session(in.U8() % 3);
    switch (op % 12) {
      case 0: return Open(session);
      case 1: return Text(session, std::string(AsText(in.Take(std::min<std::size_t>(in.U8() % 64, in.remaining())))));
      case 2:
      case 3: return Text(session, kTexts[in.U8() % std::size(kTexts)]);
      case 4: return Binary(session, "x");
      case 5: return Closed(session);
      case 6: return Pass(std::chrono::milliseconds(in.U8() * 20));
      case 7: return Decide(in.U8());
      case 8: return Ask(in.U8());
      case 9: return Rooms(in.U8());
      case 10: return Disconnect(in.U8());
      case 11:
        for (int i = 0; i < 40; ++i) Text(session, "2[\"m\"]");
        return;
    }
  }

  void Finish() {
    for (std::uint64_t i = 0; i < 3; ++i) Closed(SessionId(i));
    JB_CHECK(server_.sessions() == 0 && server_.sockets() == 0);
    JB_CHECK(connected_.empty() && asked_.empty());
    JB_CHECK(server_.Members("r").empty());
    JB_CHECK(!server_.NextDeadline());
  }

 private:
  static constexpr const char* kTexts[] = {"0",
                                           "0/a,{\"t\":1}",
                                           "0/zzz",
                                           "1",
                                           "1/a",
                                           "2[\"m\",1]",
                                           "27[\"m\"]",
                                           "2/a,[\"m\"]",
                                           "30[]",
                                           "31[1]",
                                           "51-[\"m\",{\"_placeholder\":true,\"num\":0}]",
                                           "52-9[\"m\"]",
                                           "2[\"connect\"]",
                                           "4{}"};

  static ServerConfig MakeConfig() {
    ServerConfig config;
    config.namespaces = {"/", "/a"};
    config.connect_timeout = 1s;
    config.ack_timeout = 1s;
    config.max_deferred_messages = 64;
    config.max_pending_acks = 3;
    config.max_rooms_per_socket = 1;
    return config;
  }

  void Open(SessionId session) {
    if (!sessions_.insert(session).second) return;
    server_.HandleOpen(session, now_);
    Drain();
  }
  void Text(SessionId session, std::string text) {
    server_.HandleText(session, std::move(text), now_);
    Drain();
  }
  void Binary(SessionId session, std::string data) {
    server_.HandleBinary(session, std::move(data), now_);
    Drain();
  }
  void Closed(SessionId session) {
    sessions_.erase(session);
    ended_.erase(session);
    server_.HandleClosed(session, DisconnectReason::kTransport, now_);
    Drain(session);
  }
  void Decide(std::uint8_t pick) {
    if (requests_.empty()) return;
    const SocketId socket = *requests_.begin();
    requests_.erase(requests_.begin());
    if (pick % 3 == 0) {
      server_.Refuse(socket, {}, now_);
    } else {
      server_.Accept(socket, now_);
      if (server_.connected(socket)) JB_CHECK(connected_.insert(socket).second);
    }
    Drain();
  }
  const SocketId* Pick(std::uint8_t pick) const {
    if (connected_.empty()) return nullptr;
    return &*std::next(connected_.begin(), static_cast<std::ptrdiff_t>(pick % connected_.size()));
  }
  void Ask(std::uint8_t pick) {
    const SocketId* socket = Pick(pick);
    if (!socket) return;
    const auto ack = server_.EmitWithAck(*socket, "q", {}, now_);
    JB_CHECK(ack && asked_.insert({*socket, *ack}).second);
    Drain();
  }
  void Rooms(std::uint8_t pick) {
    const SocketId* socket = Pick(pick);
    if (!socket) return;
    if (pick % 2) server_.Join(*socket, "r");
    if (pick % 5 == 0) server_.Leave(*socket, "r");
    server_.EmitTo("r", "e", json::array{1}, pick % 3 ? socket : nullptr);
    Drain();
  }
  void Disconnect(std::uint8_t pick) {
    const SocketId* socket = Pick(pick);
    if (!socket) return;
    server_.Disconnect(SocketId(*socket), pick % 2 == 0, now_);
    Drain();
  }
  void Pass(Duration time) {
    jb::testing::Advance(server_, now_, time, [this] {
      JB_CHECK(!server_.NextDeadline() || *server_.NextDeadline() > now_);
      Drain();
    });
  }

  void Drain(std::optional<SessionId> gone = std::nullopt) {
    while (auto output = server_.Poll()) {
      if (auto* text = std::get_if<SendText>(&*output)) {
        JB_CHECK(sessions_.contains(text->session) && !ended_.contains(text->session));
      } else if (auto* close = std::get_if<CloseSession>(&*output)) {
        JB_CHECK(ended_.insert(close->session).second || close->session == gone);
      } else if (auto* request = std::get_if<ConnectRequested>(&*output)) {
        requests_.insert(request->socket);
      } else if (auto* event = std::get_if<EventReceived>(&*output)) {
        JB_CHECK(connected_.contains(event->socket));
        if (event->ack) server_.Acknowledge(event->socket, *event->ack, event->args, event->attachments);
      } else if (auto* ack = std::get_if<AckReceived>(&*output)) {
        JB_CHECK(asked_.erase({ack->socket, ack->ack}) == 1);
      } else if (auto* left = std::get_if<Disconnected>(&*output)) {
        JB_CHECK(connected_.erase(left->socket) == 1);
      }
    }
  }

  jb::testing::SeededRandom random_{1};
  Server server_;
  Time now_{1000s};
  std::set<SessionId> sessions_;
  std::set<SessionId> ended_;  // CloseSession came, HandleClosed did not yet go
  std::set<SocketId> requests_;
  std::set<SocketId> connected_;
  std::set<std::pair<SocketId, std::uint64_t>> asked_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Harness harness;
  ByteReader in({data, size});
  while (in.remaining() > 1) harness.Step(in);
  harness.Finish();
  return 0;
}
