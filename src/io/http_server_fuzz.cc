// SPDX-License-Identifier: Apache-2.0
// A whole server on loopback: HTTP requests, or WebSocket frames behind a handshake, in up to three pieces,
// then the peer finishes. Whatever it sent, the server ends the connection and has none left.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>

#include "base/log.h"
#include "io/http_server.h"

namespace {

using namespace jb;

constexpr char kHandshake[] =
    "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

class Handler : public io::HttpHandler {
 public:
  io::BodyPolicy PolicyFor(const io::HttpRequest& head) override { return {1000, head.path.size() % 2 == 0}; }
  void HandleRequest(io::HttpRequest request, std::shared_ptr<io::HttpResponder> responder) override {
    if (request.path.size() % 2 != 0) return responder->Send({200, "text/plain", {}, request.body});
    responder->ReadBody([](ByteView) {},
                        [responder](Status<> how) {
                          if (how.ok()) responder->Send({});
                        });
  }
  void HandleUpgrade(io::HttpRequest, std::shared_ptr<io::WebSocketAcceptor> acceptor) override {
    io::WebSocketOptions options;
    options.max_message = 2000;
    const auto socket = acceptor->Accept(options);
    const std::weak_ptr<io::WebSocket> weak = socket;
    socket->set_on_text([weak](std::string_view text) {
      if (const auto s = weak.lock()) s->SendText(std::string(text));
    });
    socket->set_on_binary([weak](ByteView data) {
      if (const auto s = weak.lock()) data.size() % 3 == 0 ? s->Close(4000, "enough") : s->Abort();
    });
  }
};

struct World {
  World() {
    SetLog(LogLevel::kError, LogFormat::kText, "fuzz");
    io::HttpServerConfig config;
    config.host = "127.0.0.1";
    server = std::move(*io::HttpServer::Listen(loop, config, handler));
  }
  io::Loop loop;
  Handler handler;
  std::unique_ptr<io::HttpServer> server;
};

int Connect(std::uint16_t port) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(port);
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0) std::abort();
  // Gone without TIME_WAIT, or a minute of fuzzing would use up the ports.
  const linger now{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  return fd;
}

void Send(int fd, std::string_view bytes) {
  [[maybe_unused]] const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World* world = new World;
  if (size < 3 || size > 5000) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 3), size - 3);
  const int fd = Connect(world->server->port());
  if (data[0] & 1) Send(fd, kHandshake);
  const std::size_t a = std::min<std::size_t>(data[1], bytes.size());
  const std::size_t b = std::min<std::size_t>(a + data[2], bytes.size());
  const auto turn = [] { world->loop.RunUntil([] { return false; }, std::chrono::microseconds(50)); };
  for (const std::string_view piece : {bytes.substr(0, a), bytes.substr(a, b - a), bytes.substr(b)}) {
    Send(fd, piece);
    turn();
  }
  if (data[0] & 2) shutdown(fd, SHUT_WR);
  turn();
  close(fd);
  const bool ended = world->loop.RunUntil([] { return world->server->connections() == 0; }, std::chrono::seconds(4));
  if (!ended) std::abort();
  return 0;
}
