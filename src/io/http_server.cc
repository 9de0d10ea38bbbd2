// SPDX-License-Identifier: Apache-2.0
#include "io/http_server.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <unordered_set>

#include "io/acceptor.h"
#include "io/admissions.h"
#include "io/file_limit.h"
#include "io/http_connection.h"
#include "io/tls_context.h"

namespace jb::io {
namespace {

std::size_t MostConnections(const HttpLimits& limits) {
  return std::min<std::size_t>(limits.connections, FileLimit() / 4 * 3);
}

class ServerImpl final : public HttpServer {
 public:
  ServerImpl(Loop& loop, const HttpServerConfig& config, HttpHandler& handler, TlsContext tls)
      : tls_(std::move(tls)),
        on_refused_(config.on_refused),
        side_(std::make_shared<HttpServerSide>(HttpServerSide{loop, handler, config.limits, {}, {}})),
        admissions_(MostConnections(config.limits), config.limits.connections_per_peer) {
    side_->on_gone = [this](const std::shared_ptr<HttpConnection>& c) { connections_.erase(c); };
    side_->on_websocket = [this](const std::shared_ptr<WebSocketConnection>& socket) { Adopt(socket); };
  }

  ~ServerImpl() override {
    acceptor_.reset();
    side_->on_gone = nullptr;
    side_->on_websocket = nullptr;
    // Moved out first: what a connection's callbacks hold may lead back here.
    const auto connections = std::move(connections_);
    const auto sockets = std::move(sockets_);
    for (const auto& c : connections) c->Drop();
    for (const auto& s : sockets) s->Drop();
  }

  Status<> Listen(const SocketAddress& bind) {
    JB_TRY(acceptor_, Acceptor::Listen(side_->loop, bind, /*v6_only=*/!bind.is_unspecified(),
                                       [this](int fd, const SocketAddress& remote) { Admit(fd, remote); }));
    port_ = acceptor_->local_address().port;
    return kOk;
  }

  std::uint16_t port() const override { return port_; }
  std::size_t connections() const override { return connections_.size() + sockets_.size(); }
  void StopAccepting() override { acceptor_.reset(); }

 private:
  void Admit(int fd, const SocketAddress& remote) {
    auto place = admissions_.Take(remote);
    if (!place) return Refuse(fd);
    asio::ip::tcp::socket socket(ContextOf(side_->loop));
    ErrorCode ec;
    if (socket.assign(remote.is_v6 ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), fd, ec)) {
      close(fd);
      return;
    }
    const auto stream = Stream::Make(std::move(socket), tls_);
    stream->Hold(std::move(place));
    const auto connection = std::make_shared<HttpConnection>(side_, stream, remote);
    connections_.insert(connection);
    connection->Start();
  }

  // Full. Whoever speaks TLS learns it from the closed connection.
  void Refuse(int fd) const {
    static constexpr std::string_view kBusy =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    if (!tls_) {
      [[maybe_unused]] const ssize_t n = send(fd, kBusy.data(), kBusy.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      shutdown(fd, SHUT_WR);
    }
    close(fd);
    if (on_refused_) on_refused_();
  }

  void Adopt(const std::shared_ptr<WebSocketConnection>& socket) {
    sockets_.insert(socket);
    socket->set_on_gone([this, weak = std::weak_ptr<WebSocketConnection>(socket)] {
      // Drop() in the destructor takes this function away, so `this` is there.
      if (const auto s = weak.lock()) sockets_.erase(s);
    });
  }

  const TlsContext tls_;
  const std::function<void()> on_refused_;
  const std::shared_ptr<HttpServerSide> side_;
  Admissions admissions_;
  std::unique_ptr<Acceptor> acceptor_;
  std::unordered_set<std::shared_ptr<HttpConnection>> connections_;
  std::unordered_set<std::shared_ptr<WebSocketConnection>> sockets_;
  std::uint16_t port_ = 0;
};

}  // namespace

void HttpHandler::HandleUpgrade(HttpRequest request, std::shared_ptr<WebSocketAcceptor> acceptor) {
  static_cast<void>(request);
  acceptor->Reject(ErrorResponse(404, "not_found", "there is no WebSocket here"));
}

Result<std::unique_ptr<HttpServer>> HttpServer::Listen(Loop& loop, const HttpServerConfig& config,
                                                       HttpHandler& handler) {
  const std::string host = config.host == "localhost" ? "127.0.0.1" : config.host;
  const auto address = SocketAddress::Parse(host, config.port);
  if (!address) return Fail("bad_address", "'" + config.host + "' is not an address to listen on");
  TlsContext tls;
  const bool secure = !config.tls_cert_file.empty() || !config.tls_key_file.empty() || !config.tls_cert_pem.empty() ||
                      !config.tls_key_pem.empty();
  if (secure) {
    JB_TRY(tls, MakeServerTls(config));
  }
  auto server = std::make_unique<ServerImpl>(loop, config, handler, std::move(tls));
  JB_TRY_VOID(server->Listen(*address));
  return std::unique_ptr<HttpServer>(std::move(server));
}

}  // namespace jb::io
