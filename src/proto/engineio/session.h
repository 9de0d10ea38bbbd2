// SPDX-License-Identifier: Apache-2.0
// One Engine.IO session: its transport, queue, heartbeat and upgrade. Internal to engineio::Server,
// which owns it, finds it by sid, request or WebSocket, and forgets it once gone().
// Core: single-threaded, no I/O, no clock.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "proto/engineio/client_limits.h"
#include "proto/engineio/packet.h"
#include "proto/engineio/types.h"

namespace jb::engineio {

class Session;

// The outputs of all sessions, and who owns which open request and WebSocket. Answering a request or
// closing a WebSocket forgets it.
struct Wire {
  std::deque<Output> outputs;
  std::unordered_map<WebSocketId, Session*> sockets;
  std::unordered_map<RequestId, Session*> requests;  // parked polls and posts in progress

  void Reply(RequestId request, std::string body);
  void Refuse(RequestId request, const Refusal& refusal);
  void Send(WebSocketId socket, bool binary, std::string data);
  void Close(WebSocketId socket, std::uint16_t code);
};

class Session {
 public:
  Session(Wire& wire, const ServerConfig& config, SessionId id, std::string sid, bool base64, Time now);

  void OpenPolling(RequestId request);
  void OpenWebSocket(WebSocketId socket);

  void HandlePoll(RequestId request, Time now);
  bool BeginPost(RequestId request, Time now);
  void FinishPost(std::string_view body, Time now);
  void HandleRequestClosed(RequestId request, Time now);
  // A second WebSocket: becomes the probe of an upgrade, or is closed.
  void HandleUpgrade(WebSocketId socket, Time now);
  void HandleText(WebSocketId socket, std::string_view text, Time now);
  void HandleBinary(WebSocketId socket, std::string_view data, Time now);
  void HandleWebSocketClosed(WebSocketId socket);
  void HandleTimeout(Time now);

  void Send(bool binary, std::string data, Time now);
  bool MaySend(std::size_t backlog, Time now);
  void Close(Time now);  // orderly: what is queued still goes out
  void Abort(CloseReason reason);

  SessionId id() const { return id_; }
  const std::string& sid() const { return sid_; }
  bool open() const { return state_ == State::kOpen; }
  bool gone() const { return state_ == State::kGone; }
  Time deadline() const;

  // Kept here for the server.
  std::optional<ClientKey> client;  // whose limits it counts against
  Time scheduled = kNever;          // its place in the server's deadlines
  bool counted = true;              // among the server's open sessions

 private:
  enum class State : std::uint8_t { kOpen, kLingering, kGone };

  std::string OpenPacket(bool upgradable) const;
  bool HandlePacket(Packet packet, Time now);  // false: it ended the session as an offence
  void HandleProbe(std::string_view text, Time now);
  void CompleteUpgrade();
  void DropProbe(std::uint16_t code);
  void DropPost();
  void HandleClientClose();
  void HandlePong(Time now);
  void SendPing(Time now);
  void Push(Packet packet, Time now);
  bool IsSlow(std::size_t backlog, Time now);
  void Write(Packet packet);  // to the WebSocket
  void FlushQueue();          // to the WebSocket
  std::string TakeQueue();    // as one payload
  void ReleasePoll(std::string body);
  // Ends the application's view of the session; the transports are the caller's matter.
  void ReportClosed(CloseReason reason);

  // Set at construction.
  Wire& wire_;
  const ServerConfig& config_;
  const SessionId id_;
  const std::string sid_;
  const bool base64_;

  // Transports. With `socket_` the session is on WebSocket, else on long-polling.
  std::optional<WebSocketId> socket_;
  std::optional<WebSocketId> probe_;
  bool probe_answered_ = false;  // "2probe" came, "3probe" went
  std::optional<RequestId> poll_;
  std::optional<RequestId> post_;

  // State.
  State state_ = State::kOpen;
  std::vector<Packet> queue_;
  std::size_t queued_bytes_ = 0;
  Time ping_at_;
  Time pong_deadline_ = kNever;
  Time upgrade_deadline_ = kNever;
  Time poll_release_ = kNever;
  Time linger_until_ = kNever;
  std::optional<Time> backlog_since_;  // more than max_queued_bytes wait since then
};

}  // namespace jb::engineio
