// SPDX-License-Identifier: Apache-2.0
// Socket.IO on this program's HTTP server: binds the sans-IO cores of proto/engineio and proto/socketio
// to io::HttpServer, one loop and one Handler. Adds what belongs to HTTP: the Origin check, CORS, and
// reading bodies. Does not listen itself: the owner's io::HttpHandler passes on what Serves() accepts.
// Control loop only. Must not outlive the loop; destroy it after the HttpServer whose requests it holds.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "base/socket_address.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "proto/engineio/types.h"
#include "proto/socketio/server.h"

namespace jb::services {

using socketio::SocketId;

struct SocketIoConfig {
  std::string path = "/socket.io/";
  engineio::ServerConfig engine;
  socketio::ServerConfig server;
  // Origins that may connect besides the page's own (scheme://host as the Host header says):
  // "https://calls.example.org", or "*" for all. A request without Origin is not a browser's: allowed.
  std::vector<std::string> allowed_origins;
  // Header fields kept for ConnectInfo; the rest is forgotten after the handshake.
  std::vector<std::string> kept_headers = {"Origin", "User-Agent", "Accept-Language"};
};

// One namespace connection, as the application first sees it. Borrowed for the call.
struct ConnectInfo {
  const std::string& nsp;
  const json::value& auth;  // {} when the client sent none
  const SocketAddress& remote;
  const io::Headers& headers;  // of the handshake, those in kept_headers
};

// Answers one event, at most once; later calls and calls after the socket is gone do nothing. May be
// copied and kept; the server may be destroyed before it. Loop thread.
class SocketIoAck {
 public:
  using Function = std::function<void(json::array, std::vector<std::string>)>;
  SocketIoAck() = default;
  explicit SocketIoAck(Function send) : send_(std::make_shared<Function>(std::move(send))) {}
  explicit operator bool() const { return send_ != nullptr; }
  // The client's callback gets this one argument.
  void operator()(json::value answer) const;
  void Send(json::array args, std::vector<std::string> attachments = {}) const;

 private:
  std::shared_ptr<Function> send_;
};

struct SocketIoEvent {
  std::string name;
  json::array args;                      // binary values are placeholders: socketio::Placeholder
  std::vector<std::string> attachments;  // their bytes
  SocketIoAck ack;                       // false when the client wants no answer
  // The first argument, or null: what protocol.md's events carry.
  const json::value& data() const;
};

// Callbacks may call anything of the server, except destroy it.
class SocketIoHandler {
 public:
  virtual ~SocketIoHandler() = default;
  // Before the connection exists. A returned object goes to the client as CONNECT_ERROR's payload:
  // {"message":…,"data":…}. Default: everybody may.
  virtual std::optional<json::object> Authorize(const SocketId& socket, const ConnectInfo& info);
  virtual void OnConnect(const SocketId& socket, const ConnectInfo& info) = 0;
  virtual void OnEvent(const SocketId& socket, SocketIoEvent event) = 0;
  // Once per OnConnect, except when the server is destroyed.
  virtual void OnDisconnect(const SocketId& socket, socketio::DisconnectReason reason) = 0;
};

class SocketIoServer {
 public:
  SocketIoServer(io::Loop& loop, Random& random, SocketIoConfig config, SocketIoHandler& handler);
  ~SocketIoServer();

  // Whether this path is ours: "/socket.io/", with or without the last slash.
  bool Serves(std::string_view path) const;
  // For the owner's HttpHandler, with the same arguments.
  io::BodyPolicy PolicyFor(const io::HttpRequest& head) const;
  void HandleRequest(io::HttpRequest request, std::shared_ptr<io::HttpResponder> responder);
  void HandleUpgrade(io::HttpRequest request, std::shared_ptr<io::WebSocketAcceptor> acceptor);

  // Unknown sockets are ignored: their OnDisconnect may be on its way.
  void Emit(const SocketId& socket, std::string_view event, json::value data);
  void EmitArgs(const SocketId& socket, std::string_view event, json::array args,
                std::vector<std::string> attachments = {});
  // `done` runs once: with the arguments of the client's answer, or nullopt (timeout, disconnected).
  void EmitWithAck(const SocketId& socket, std::string_view event, json::value data,
                   std::function<void(std::optional<json::array>)> done);
  void EmitTo(std::string_view room, std::string_view event, const json::value& data, const SocketId* except = nullptr);
  bool Join(const SocketId& socket, std::string_view room);
  void Leave(const SocketId& socket, std::string_view room);
  // Sends DISCONNECT, after which clients do not come back by themselves. OnDisconnect follows, inside
  // this call or, when called from a callback, after that.
  void Disconnect(const SocketId& socket, bool close_session = true);
  // Closes all sessions without DISCONNECT, so that clients reconnect: to the next process, or another.
  void CloseAll();

  std::size_t sessions() const;  // Engine.IO sessions
  std::size_t sockets() const;   // Socket.IO connections

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace jb::services
