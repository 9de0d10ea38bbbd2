// SPDX-License-Identifier: Apache-2.0
// The server side of Engine.IO protocol 4: every session of one endpoint, its transports (HTTP
// long-polling and WebSocket), the upgrade between them, the heartbeat and the limits. Does not know
// Socket.IO, HTTP headers, CORS or sockets: a shell (services/socketio) feeds it requests and frames
// and carries out what Poll() returns.
// Core: single-threaded, no I/O, no clock. After every mutation: Poll() until nullopt, then NextDeadline().
// Owns its sessions; borrows the Random for its own life.
// Spec: socketio/engine.io-protocol version 4; obligations E1-E9 are tested in server_test.cc.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "base/random.h"
#include "base/socket_address.h"
#include "base/time.h"
#include "proto/engineio/client_limits.h"
#include "proto/engineio/types.h"

namespace jb::engineio {

class Session;
struct Wire;

class Server {
 public:
  Server(ServerConfig config, Random& random);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Any request but a POST. Answered by exactly one HttpReply, maybe much later (a poll).
  void HandleRequest(RequestId request, Method method, const Query& query, const SocketAddress& remote, Time now);
  // The head of a POST. True: collect the body (at most max_payload bytes), then FinishPost. False: it
  // has been answered. A second POST while one is unfinished closes the session.
  bool BeginPost(RequestId request, const Query& query, Time now);
  void FinishPost(RequestId request, std::string_view body, Time now);
  // The peer went away before the answer, or its body was refused by the shell. Nothing is replied.
  void HandleRequestClosed(RequestId request, Time now);

  // A WebSocket handshake. nullopt: accept it, frames of `socket` may follow; else refuse with it.
  std::optional<Refusal> HandleUpgrade(WebSocketId socket, const Query& query, const SocketAddress& remote, Time now);
  void HandleText(WebSocketId socket, std::string_view text, Time now);
  void HandleBinary(WebSocketId socket, std::string_view data, Time now);
  void HandleWebSocketClosed(WebSocketId socket, Time now);
  // To be asked before each WebSocketSend is carried out, with the bytes that wait in the shell for this
  // socket. False: the client is too slow; drop the frame, its session has just ended.
  bool MaySend(WebSocketId socket, std::size_t backlog, Time now);

  // Unknown or closed sessions are ignored: the close may still be under way.
  void Send(SessionId session, bool binary, std::string data, Time now);
  void Close(SessionId session, Time now);
  void CloseAll(Time now);

  void HandleTimeout(Time now);
  std::optional<Time> NextDeadline() const;
  std::optional<Output> Poll();

  // Sessions that are open, without those that only linger.
  std::size_t sessions() const { return open_sessions_; }
  std::size_t refused_handshakes() const { return refused_handshakes_; }
  const ServerConfig& config() const { return config_; }

 private:
  Session* Find(std::string_view sid);
  Session* Find(SessionId id);
  Session* Find(WebSocketId socket);
  Session* Find(RequestId request);
  Session& Open(const SocketAddress& remote, bool base64, Time now);
  std::optional<Refusal> Admit(const SocketAddress& remote, Time now);
  bool Limited(const SocketAddress& remote) const;
  // To be called after anything happened to the session: moves its deadline, forgets it when it is over.
  void Settle(Session& session);

  const ServerConfig config_;
  Random& random_;
  std::unique_ptr<Wire> wire_;
  std::map<SessionId, std::unique_ptr<Session>> sessions_;
  std::unordered_map<std::string_view, Session*> by_sid_;  // the keys live in the sessions
  std::set<std::pair<Time, SessionId>> deadlines_;
  ClientLimits clients_;
  Time next_sweep_{};
  std::uint64_t next_session_ = 1;
  std::size_t open_sessions_ = 0;
  std::size_t refused_handshakes_ = 0;
};

}  // namespace jb::engineio
