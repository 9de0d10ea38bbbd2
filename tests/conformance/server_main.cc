// SPDX-License-Identifier: Apache-2.0
// The server that the protocol test suites talk to: an Engine.IO echo under /engine.io/ and a Socket.IO
// application under /socket.io/, made of the very code of the gateway. Tests only.
//
//   socketio_conformance_server [--port N] [--ping-interval MS] [--ping-timeout MS] [--max-payload N]
//
// Prints "listening PORT" when it is ready. The defaults are what the suites ask for.
#include <charconv>
#include <csignal>
#include <cstdio>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "crypto/random.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "services/socketio/engine_binding.h"
#include "services/socketio/server.h"

namespace jb::services {
namespace {

using namespace std::chrono_literals;

struct Options {
  int port = 3000;
  int ping_interval_ms = 300;
  int ping_timeout_ms = 200;
  int connect_timeout_ms = 1000;
  int max_payload = 1000000;
};

bool ParseOptions(int argc, char** argv, Options& options) {
  const std::pair<std::string_view, int*> known[] = {{"--port", &options.port},
                                                     {"--ping-interval", &options.ping_interval_ms},
                                                     {"--ping-timeout", &options.ping_timeout_ms},
                                                     {"--connect-timeout", &options.connect_timeout_ms},
                                                     {"--max-payload", &options.max_payload}};
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view value(argv[i + 1]);
    bool found = false;
    for (const auto& [name, target] : known) {
      if (name != argv[i]) continue;
      found = std::from_chars(value.data(), value.data() + value.size(), *target).ec == std::errc();
    }
    if (!found) return false;
  }
  return argc % 2 == 1;
}

engineio::ServerConfig EngineConfig(const Options& options) {
  engineio::ServerConfig config;
  config.ping_interval = std::chrono::milliseconds(options.ping_interval_ms);
  config.ping_timeout = std::chrono::milliseconds(options.ping_timeout_ms);
  config.max_payload = static_cast<std::size_t>(options.max_payload);
  config.max_sessions_per_client = config.max_sessions;
  return config;
}

// Every message goes back as it came.
class Echo : public EngineEvents {
 public:
  void OnSessionOpen(engineio::SessionId, const io::HttpRequest&) override {}
  void OnSessionMessage(engineio::SessionId session, bool binary, std::string data) override {
    binding->Send(session, binary, std::move(data));
  }
  void OnSessionClose(engineio::SessionId, engineio::CloseReason) override {}

  EngineBinding* binding = nullptr;
};

// What the Socket.IO suite asks of "/" and "/custom", and a few events for our own client tests.
class Application : public SocketIoHandler {
 public:
  std::optional<json::object> Authorize(const SocketId&, const ConnectInfo& info) override {
    if (info.nsp != "/secure" || GetString(info.auth, "token") == "secret") return std::nullopt;
    return json::object{{"message", "not authorized"}, {"data", {{"code", "bad_token"}}}};
  }

  void OnConnect(const SocketId& socket, const ConnectInfo& info) override {
    server->Emit(socket, "auth", info.auth);
    if (info.nsp == "/custom") custom_.insert(socket);
  }

  void OnEvent(const SocketId& socket, SocketIoEvent event) override {
    if (custom_.contains(socket)) return;  // the suite wants no handlers there
    if (event.name == "message") {
      server->EmitArgs(socket, "message-back", std::move(event.args), std::move(event.attachments));
    } else if (event.name == "message-with-ack") {
      event.ack.Send(std::move(event.args), std::move(event.attachments));
    } else if (event.name == "join") {
      event.ack(server->Join(socket, TextOf(event.data())));
    } else if (event.name == "leave") {
      server->Leave(socket, TextOf(event.data()));
      event.ack(true);
    } else if (event.name == "broadcast") {
      Broadcast(socket, event);
    } else if (event.name == "ask-me") {
      Ask(socket, event);
    } else if (event.name == "flood") {
      Flood(socket, event);
    } else if (event.name == "kick-me") {
      server->Disconnect(socket, event.data().is_bool() && event.data().get_bool());
    }
  }

  void OnDisconnect(const SocketId& socket, socketio::DisconnectReason reason) override {
    custom_.erase(socket);
    std::printf("disconnected: %s\n", std::string(ToString(reason)).c_str());
    std::fflush(stdout);
  }

  SocketIoServer* server = nullptr;

 private:
  static std::string TextOf(const json::value& value) {
    return value.is_string() ? std::string(value.get_string().c_str()) : std::string();
  }

  // [room, data, include the sender]
  void Broadcast(const SocketId& socket, const SocketIoEvent& event) {
    if (event.args.size() < 2) return;
    const bool all = event.args.size() > 2;
    server->EmitTo(TextOf(event.args[0]), "broadcast", event.args[1], all ? nullptr : &socket);
    event.ack(true);
  }

  void Ask(const SocketId& socket, const SocketIoEvent& event) {
    server->EmitWithAck(socket, "question", event.data(), [this, socket](std::optional<json::array> answer) {
      server->Emit(socket, "answered", answer ? json::value(std::move(*answer)) : json::value());
    });
  }

  // {count, size}: that many events of that size, at once.
  void Flood(const SocketId& socket, const SocketIoEvent& event) {
    const auto count = GetInt(event.data(), "count").value_or(0);
    const auto size = static_cast<std::size_t>(GetInt(event.data(), "size").value_or(0));
    for (std::int64_t i = 0; i < count; ++i) server->Emit(socket, "drop", json::string(size, 'x'));
  }

  std::set<SocketId> custom_;
};

class Router : public io::HttpHandler {
 public:
  Router(EngineBinding& engine, SocketIoServer& server) : engine_(engine), server_(server) {}

  io::BodyPolicy PolicyFor(const io::HttpRequest& head) override {
    return server_.Serves(head.path) ? server_.PolicyFor(head) : engine_.PolicyFor(head);
  }

  void HandleRequest(io::HttpRequest request, std::shared_ptr<io::HttpResponder> responder) override {
    if (server_.Serves(request.path)) {
      server_.HandleRequest(std::move(request), std::move(responder));
    } else if (request.path == "/engine.io/") {
      engine_.HandleRequest(request, std::move(responder));
    } else {
      responder->Send(io::ErrorResponse(404, "not_found", "Nothing here"));
    }
  }

  void HandleUpgrade(io::HttpRequest request, std::shared_ptr<io::WebSocketAcceptor> acceptor) override {
    if (server_.Serves(request.path)) {
      server_.HandleUpgrade(std::move(request), std::move(acceptor));
    } else if (request.path == "/engine.io/") {
      engine_.HandleUpgrade(request, std::move(acceptor));
    } else {
      acceptor->Reject(io::ErrorResponse(404, "not_found", "Nothing here"));
    }
  }

 private:
  EngineBinding& engine_;
  SocketIoServer& server_;
};

SocketIoConfig MakeSocketIoConfig(const Options& options) {
  SocketIoConfig config;
  config.engine = EngineConfig(options);
  config.server.namespaces = {"/", "/custom", "/secure"};
  config.server.connect_timeout = std::chrono::milliseconds(options.connect_timeout_ms);
  config.allowed_origins = {"*"};
  return config;
}

int Run(const Options& options) {
  io::Loop loop("conformance");
  crypto::SystemRandom random;
  Echo echo;
  EngineBinding engine(loop, random, EngineConfig(options), OriginPolicy({"*"}), echo);
  echo.binding = &engine;
  Application application;
  SocketIoServer server(loop, random, MakeSocketIoConfig(options), application);
  application.server = &server;
  Router router(engine, server);

  io::HttpServerConfig http;
  http.host = "localhost";
  http.port = static_cast<std::uint16_t>(options.port);
  auto listening = io::HttpServer::Listen(loop, http, router);
  if (!listening.ok()) {
    std::fprintf(stderr, "%s\n", listening.error().message.c_str());
    return 1;
  }
  loop.OnSignal({SIGINT, SIGTERM}, [&](int) { loop.Stop(); });
  std::printf("listening %d\n", static_cast<int>((*listening)->port()));
  std::fflush(stdout);
  loop.Run();
  return 0;
}

}  // namespace
}  // namespace jb::services

int main(int argc, char** argv) {
  jb::services::Options options;
  if (!jb::services::ParseOptions(argc, argv, options)) {
    std::fprintf(stderr, "usage: %s [--port N] [--ping-interval MS] [--ping-timeout MS]\n", argv[0]);
    return 2;
  }
  return jb::services::Run(options);
}
