// SPDX-License-Identifier: Apache-2.0
// A random order of requests, bodies, frames, closes and timers into the Engine.IO core, with the
// promises of its header checked after each: every request is answered at most once, nothing is sent on a
// closed WebSocket, a session opens and closes once and has messages only in between, time never stands
// still, and in the end nothing is left.
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "proto/engineio/server.h"
#include "testing/advance.h"
#include "testing/seeded_random.h"

namespace {

using namespace jb;
using namespace jb::engineio;

class Harness {
 public:
  Harness() : server_(MakeConfig(), random_) {}

  void Step(ByteReader& in) {
    const std::uint8_t op = in.U8();
    const std::size_t pick = in.U8();
    switch (op % 13) {
      case 0: return Get(pick);
      case 1: return BeginPost(pick);
      case 2: return FinishPost(pick, Body(in));
      case 3: return CloseRequest(pick);
      case 4: return Upgrade(pick);
      case 5: return Text(pick, Body(in));
      case 6: return Text(pick, kFrames[in.U8() % std::size(kFrames)]);
      case 7: return Binary(pick, Body(in));
      case 8: return CloseSocket(pick);
      case 9: return Pass(std::chrono::milliseconds(pick * pick));
      case 10: return Send(pick, Body(in));
      case 11: return Close(pick);
      case 12: return FinishPost(pick, kFrames[in.U8() % std::size(kFrames)]);
    }
  }

  void Finish() {
    server_.CloseAll(now_);
    Drain();
    Pass(1h);
    JB_CHECK(server_.sessions() == 0);
    JB_CHECK(open_.empty());
    JB_CHECK(requests_.empty());
    JB_CHECK(!server_.NextDeadline());
  }

 private:
  static constexpr const char* kFrames[] = {"2probe",
                                            "5",
                                            "1",
                                            "3",
                                            "4hello",
                                            "2",
                                            "6",
                                            "bAQI=",
                                            "x",
                                            "4a\x1e"
                                            "4b",
                                            "4a\x1e"
                                            "1\x1e"
                                            "4b"};

  static ServerConfig MakeConfig() {
    ServerConfig config;
    config.ping_interval = 300ms;
    config.ping_timeout = 200ms;
    config.upgrade_timeout = 1s;
    config.max_sessions = 8;
    config.max_queued_bytes = 64;
    config.max_burst_bytes = 128;
    config.limit_loopback = true;
    return config;
  }

  static std::string Body(ByteReader& in) {
    return std::string(AsText(in.Take(std::min<std::size_t>(in.U8() % 32, in.remaining()))));
  }

  template <class Set>
  static auto PickFrom(const Set& set, std::size_t pick) {
    return *std::next(set.begin(), static_cast<std::ptrdiff_t>(pick % set.size()));
  }

  Query MakeQuery(std::string_view transport, std::size_t pick) {
    Query query{.eio = "4", .transport = transport, .sid = ""};
    if (pick % 3 != 0 && !sids_.empty()) {
      query.sid = sids_[pick % sids_.size()];
      query.has_sid = true;
    }
    return query;
  }

  void Get(std::size_t pick) {
    const RequestId id(next_++);
    requests_.insert(id);
    server_.HandleRequest(id, Method::kGet, MakeQuery("polling", pick), remote_, now_);
    Drain();
  }
  void BeginPost(std::size_t pick) {
    const RequestId id(next_++);
    requests_.insert(id);
    const bool body = server_.BeginPost(id, MakeQuery("polling", pick), now_);
    if (body) posts_.insert(id);
    Drain();
    JB_CHECK(body || !requests_.contains(id));
  }
  void FinishPost(std::size_t pick, const std::string& body) {
    if (posts_.empty()) return;
    const RequestId id = PickFrom(posts_, pick);
    posts_.erase(id);
    server_.FinishPost(id, body, now_);
    Drain();
    JB_CHECK(!requests_.contains(id));
  }
  void CloseRequest(std::size_t pick) {
    if (requests_.empty()) return;
    const RequestId id = PickFrom(requests_, pick);
    requests_.erase(id);
    posts_.erase(id);
    server_.HandleRequestClosed(id, now_);
    Drain();
  }
  void Upgrade(std::size_t pick) {
    const WebSocketId id(next_++);
    sockets_.insert(id);
    if (server_.HandleUpgrade(id, MakeQuery("websocket", pick), remote_, now_)) sockets_.erase(id);
    Drain();
  }
  void Text(std::size_t pick, const std::string& text) {
    if (sockets_.empty()) return;
    server_.HandleText(PickFrom(sockets_, pick), text, now_);
    Drain();
  }
  void Binary(std::size_t pick, const std::string& data) {
    if (sockets_.empty()) return;
    server_.HandleBinary(PickFrom(sockets_, pick), data, now_);
    Drain();
  }
  void CloseSocket(std::size_t pick) {
    if (sockets_.empty()) return;
    const WebSocketId id = PickFrom(sockets_, pick);
    sockets_.erase(id);
    if (pick % 2) server_.MaySend(id, pick, now_);
    server_.HandleWebSocketClosed(id, now_);
    Drain(id);
  }
  void Send(std::size_t pick, const std::string& data) {
    if (open_.empty()) return;
    server_.Send(PickFrom(open_, pick), pick % 2 == 0, data, now_);
    Drain();
  }
  void Close(std::size_t pick) {
    if (open_.empty()) return;
    server_.Close(PickFrom(open_, pick), now_);
    Drain();
  }
  void Pass(Duration time) {
    jb::testing::Advance(server_, now_, time, [this] {
      JB_CHECK(!server_.NextDeadline() || *server_.NextDeadline() > now_);
      Drain();
    });
  }

  // `gone`: a WebSocket the core was just told is closed; what it said before may still come out.
  void Drain(std::optional<WebSocketId> gone = std::nullopt) {
    while (auto output = server_.Poll()) {
      if (auto* reply = std::get_if<HttpReply>(&*output)) {
        JB_CHECK(requests_.erase(reply->request) == 1);
        if (reply->body.starts_with("0{\"sid\":\"")) sids_.push_back(reply->body.substr(9, 32));
      } else if (auto* send = std::get_if<WebSocketSend>(&*output)) {
        JB_CHECK(sockets_.contains(send->socket) || send->socket == gone);
      } else if (auto* close = std::get_if<WebSocketClose>(&*output)) {
        JB_CHECK(sockets_.erase(close->socket) == 1 || close->socket == gone);
      } else if (auto* opened = std::get_if<SessionOpened>(&*output)) {
        JB_CHECK(open_.insert(opened->session).second);
      } else if (auto* message = std::get_if<SessionMessage>(&*output)) {
        JB_CHECK(open_.contains(message->session));
      } else if (auto* closed = std::get_if<SessionClosed>(&*output)) {
        JB_CHECK(open_.erase(closed->session) == 1);
      }
    }
    JB_CHECK(server_.sessions() == open_.size());
  }

  jb::testing::SeededRandom random_{1};
  Server server_;
  SocketAddress remote_ = *SocketAddress::Parse("127.0.0.1", 1);
  Time now_{1000s};
  std::uint64_t next_ = 1;
  std::vector<std::string> sids_;
  std::set<RequestId> requests_;  // not answered yet
  std::set<RequestId> posts_;     // whose body is on its way
  std::set<WebSocketId> sockets_;
  std::set<SessionId> open_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Harness harness;
  ByteReader in({data, size});
  while (in.remaining() > 1) harness.Step(in);
  harness.Finish();
  return 0;
}
