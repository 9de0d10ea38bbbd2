// SPDX-License-Identifier: Apache-2.0
// The server side of Socket.IO protocol 5 above any transport that carries text and binary messages
// per session: namespaces, CONNECT with auth, acknowledgements both ways, rooms, broadcast, and the
// pace and size limits. Does not know Engine.IO's transports; the shell carries messages between.
// Core: single-threaded, no I/O, no clock. After every mutation: Poll() until nullopt, then NextDeadline().
// Borrows the Random. Spec: socketio/socket.io-protocol version 5.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "base/strong.h"
#include "base/time.h"
#include "proto/socketio/packet.h"

namespace jb::socketio {

using namespace std::chrono_literals;

// The transport session, named by the shell.
using SessionId = Strong<struct SocketIoSessionTag, std::uint64_t>;
// One namespace connection of one session. 128 random bits; known to clients, not a secret.
using SocketId = Strong<struct SocketIoSocketTag, std::string>;

struct ServerConfig {
  std::vector<std::string> namespaces = {"/"};
  Duration connect_timeout = 10s;  // a session without any namespace by then is closed
  Duration ack_timeout = 10s;      // how long EmitWithAck waits
  PacketLimits packet{};
  // Messages above the pace wait in the session's queue; a full queue closes the session.
  double messages_per_second = 50;
  double message_burst = 100;
  std::size_t max_deferred_messages = 512;
  std::size_t max_deferred_bytes = 1024 * 1024;
  std::size_t max_rooms_per_socket = 16;
  std::size_t max_pending_acks = 64;  // per socket; past it the oldest counts as timed out
};

enum class DisconnectReason : std::uint8_t {
  kClient,     // packet DISCONNECT
  kServer,     // Disconnect()
  kTransport,  // the session closed
  kPingTimeout,
  kParseError,
  kTooFast,  // the deferred queue ran over
  kSlowClient,
  kShutdown,
};
std::string_view ToString(DisconnectReason reason);

// Outputs for the transport.
struct SendText {
  SessionId session;
  std::string data;
};
struct SendBinary {
  SessionId session;
  std::string data;
};
struct CloseSession {
  SessionId session;
};
// Outputs for the application.
struct ConnectRequested {  // answer with Accept() or Refuse()
  SocketId socket;
  SessionId session;
  std::string nsp;
  json::value auth;  // {} when the client sent none
};
struct EventReceived {
  SocketId socket;
  std::string event;
  json::array args;  // without the event name
  std::vector<std::string> attachments;
  std::optional<std::uint64_t> ack;  // for Acknowledge()
};
struct AckReceived {
  SocketId socket;
  std::uint64_t ack = 0;            // as EmitWithAck() returned it
  std::optional<json::array> args;  // nullopt: timed out, or the socket is gone
};
struct Disconnected {
  SocketId socket;
  DisconnectReason reason = DisconnectReason::kTransport;
};
using Output =
    std::variant<SendText, SendBinary, CloseSession, ConnectRequested, EventReceived, AckReceived, Disconnected>;

class Server {
 public:
  Server(ServerConfig config, Random& random);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // From the transport. HandleClosed is the last word on a session.
  void HandleOpen(SessionId session, Time now);
  void HandleText(SessionId session, std::string text, Time now);
  void HandleBinary(SessionId session, std::string data, Time now);
  void HandleClosed(SessionId session, DisconnectReason reason, Time now);

  // From the application. Unknown sockets are ignored: their end may still be in the queue.
  void Accept(const SocketId& socket, Time now);
  void Refuse(const SocketId& socket, const json::object& error, Time now);
  void Emit(const SocketId& socket, std::string_view event, json::array args,
            std::vector<std::string> attachments = {});
  // The answer comes as AckReceived with the returned id. nullopt: no such socket.
  std::optional<std::uint64_t> EmitWithAck(const SocketId& socket, std::string_view event, json::array args, Time now);
  void Acknowledge(const SocketId& socket, std::uint64_t ack, json::array args,
                   std::vector<std::string> attachments = {});
  // To every socket of the room, without `except`.
  void EmitTo(std::string_view room, std::string_view event, const json::array& args, const SocketId* except = nullptr);
  // False: no such socket, or it is in too many rooms.
  bool Join(const SocketId& socket, std::string_view room);
  void Leave(const SocketId& socket, std::string_view room);
  std::vector<SocketId> Members(std::string_view room) const;
  // Sends DISCONNECT; `close_session` also ends the transport session with its other namespaces.
  void Disconnect(const SocketId& socket, bool close_session, Time now);

  void HandleTimeout(Time now);
  std::optional<Time> NextDeadline() const;
  std::optional<Output> Poll();

  bool connected(const SocketId& socket) const;
  std::optional<SessionId> SessionOf(const SocketId& socket) const;
  std::size_t sessions() const { return sessions_.size(); }
  std::size_t sockets() const { return sockets_.size(); }

 private:
  struct Session;
  struct Socket;

  void Receive(Session& session, bool binary, std::string data, Time now);
  void Drain(Session& session, Time now);
  void HandlePacket(Session& session, Packet packet);
  void HandleConnect(Session& session, const Packet& packet);
  void HandleEvent(Socket& socket, Packet packet);
  void HandleAck(Socket& socket, Packet packet);
  // Closes the session from our side; the shell confirms with HandleClosed.
  void End(Session& session, DisconnectReason reason);
  // Takes the socket out of everything and reports its end.
  void Drop(Socket& socket, DisconnectReason reason);
  void ExpireAcks(Socket& socket, Time now);
  void Write(Session& session, const Packet& packet);
  void Settle(Session& session);
  Session* Find(SessionId id);
  Socket* Find(const SocketId& id) const;

  const ServerConfig config_;
  Random& random_;
  std::map<SessionId, std::unique_ptr<Session>> sessions_;
  std::unordered_map<SocketId, std::unique_ptr<Socket>> sockets_;
  std::map<std::string, std::map<std::uint64_t, Socket*>, std::less<>> rooms_;  // by join order
  std::set<std::pair<Time, SessionId>> deadlines_;
  std::deque<Output> outputs_;
  std::uint64_t next_serial_ = 1;
};

}  // namespace jb::socketio
