// SPDX-License-Identifier: Apache-2.0
// Engine.IO on io::HttpServer: feeds engineio::Server with requests, bodies and frames, carries out its
// answers, drives its clock. Knows nothing of Socket.IO: whoever is above gets sessions and messages.
// Control loop only.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/random.h"
#include "io/http_server.h"
#include "io/loop.h"
#include "proto/engineio/server.h"
#include "services/socketio/origin_policy.h"

namespace jb::services {

// May call anything of the binding, except destroy it.
class EngineEvents {
 public:
  virtual ~EngineEvents() = default;
  virtual void OnSessionOpen(engineio::SessionId session, const io::HttpRequest& handshake) = 0;
  virtual void OnSessionMessage(engineio::SessionId session, bool binary, std::string data) = 0;
  virtual void OnSessionClose(engineio::SessionId session, engineio::CloseReason reason) = 0;
};

class EngineBinding {
 public:
  EngineBinding(io::Loop& loop, Random& random, const engineio::ServerConfig& config, OriginPolicy origins,
                EngineEvents& events);
  ~EngineBinding();
  EngineBinding(const EngineBinding&) = delete;
  EngineBinding& operator=(const EngineBinding&) = delete;

  io::BodyPolicy PolicyFor(const io::HttpRequest& head) const;
  void HandleRequest(const io::HttpRequest& request, std::shared_ptr<io::HttpResponder> responder);
  void HandleUpgrade(const io::HttpRequest& request, std::shared_ptr<io::WebSocketAcceptor> acceptor);

  void Send(engineio::SessionId session, bool binary, std::string data);
  void Close(engineio::SessionId session);
  void CloseAll();
  std::size_t sessions() const { return core_.sessions(); }

 private:
  struct PendingRequest {
    std::shared_ptr<io::HttpResponder> responder;
    io::Headers cors;  // for the answer
  };

  void Preflight(const io::HttpRequest& request, io::HttpResponder& responder) const;
  void StartPost(engineio::RequestId id, const io::HttpRequest& request,
                 const std::shared_ptr<io::HttpResponder>& responder);
  void Attach(engineio::WebSocketId id, const std::shared_ptr<io::WebSocket>& socket);
  // Carries out the core's outputs and arms its timer. After each call into the core.
  void Drain();
  void Do(engineio::HttpReply& reply);
  void Do(engineio::WebSocketSend& send);
  void Do(engineio::WebSocketClose& close);
  void Do(engineio::SessionOpened& opened);
  void Do(engineio::SessionMessage& message);
  void Do(engineio::SessionClosed& closed);

  io::Loop& loop_;
  engineio::Server core_;
  io::Driver<engineio::Server> driver_;
  OriginPolicy origins_;
  EngineEvents& events_;
  std::unordered_map<engineio::RequestId, PendingRequest> requests_;
  std::unordered_map<engineio::WebSocketId, std::shared_ptr<io::WebSocket>> sockets_;
  const io::HttpRequest* handshake_ = nullptr;  // the request being handled
  bool draining_ = false;
  std::uint64_t next_id_ = 1;
  // Callbacks that the HTTP server still holds look at this first.
  std::shared_ptr<EngineBinding*> self_;
};

}  // namespace jb::services
