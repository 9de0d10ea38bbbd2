// SPDX-License-Identifier: Apache-2.0
// Sessions, connections and incoming packets. What the application sends is in server_emit.cc.
#include "proto/socketio/server.h"

#include <algorithm>
#include <utility>

#include "base/result.h"
#include "proto/socketio/server_state.h"

namespace jb::socketio {

std::string_view ToString(DisconnectReason reason) {
  switch (reason) {
    case DisconnectReason::kClient: return "client disconnect";
    case DisconnectReason::kServer: return "server disconnect";
    case DisconnectReason::kTransport: return "transport close";
    case DisconnectReason::kPingTimeout: return "ping timeout";
    case DisconnectReason::kParseError: return "parse error";
    case DisconnectReason::kTooFast: return "too many messages";
    case DisconnectReason::kSlowClient: return "slow client";
    case DisconnectReason::kShutdown: return "server shutting down";
  }
  return "unknown";
}

Server::Server(ServerConfig config, Random& random) : config_(std::move(config)), random_(random) {}
Server::~Server() = default;

Server::Session* Server::Find(SessionId id) {
  const auto it = sessions_.find(id);
  return it == sessions_.end() ? nullptr : it->second.get();
}

Server::Socket* Server::Find(const SocketId& id) const {
  const auto it = sockets_.find(id);
  return it == sockets_.end() ? nullptr : it->second.get();
}

bool Server::connected(const SocketId& id) const {
  const Socket* socket = Find(id);
  return socket && socket->accepted;
}

std::optional<SessionId> Server::SessionOf(const SocketId& id) const {
  const Socket* socket = Find(id);
  if (!socket) return std::nullopt;
  return socket->session->id;
}

void Server::HandleOpen(SessionId id, Time now) {
  auto session = std::make_unique<Session>(id, config_, now);
  Session& opened = *session;
  JB_CHECK(sessions_.emplace(id, std::move(session)).second);
  Settle(opened);
}

void Server::HandleText(SessionId id, std::string text, Time now) {
  if (Session* session = Find(id)) Receive(*session, false, std::move(text), now);
}

void Server::HandleBinary(SessionId id, std::string data, Time now) {
  if (Session* session = Find(id)) Receive(*session, true, std::move(data), now);
}

void Server::HandleClosed(SessionId id, DisconnectReason reason, Time) {
  Session* session = Find(id);
  if (!session) return;
  while (!session->sockets.empty()) Drop(*session->sockets.back(), reason);
  if (session->scheduled != kNever) deadlines_.erase({session->scheduled, id});
  sessions_.erase(id);
}

void Server::Receive(Session& session, bool binary, std::string data, Time now) {
  if (session.ending) return;
  session.deferred_bytes += data.size();
  session.deferred.push_back({binary, std::move(data)});
  Drain(session, now);
  if (!session.ending && (session.deferred.size() > config_.max_deferred_messages ||
                          session.deferred_bytes > config_.max_deferred_bytes)) {
    End(session, DisconnectReason::kTooFast);
  }
  Settle(session);
}

void Server::Drain(Session& session, Time now) {
  session.resume_at = kNever;
  while (!session.ending && !session.connecting && !session.deferred.empty() && session.MayConsume(now)) {
    const Session::Message message = std::move(session.deferred.front());
    session.deferred.pop_front();
    session.deferred_bytes -= message.data.size();
    auto packet =
        message.binary ? session.decoder.HandleBinary(message.data) : session.decoder.HandleText(message.data);
    if (!packet.ok()) return End(session, DisconnectReason::kParseError);
    if (*packet) HandlePacket(session, std::move(**packet));
  }
}

void Server::HandlePacket(Session& session, Packet packet) {
  if (packet.type == PacketType::kConnect) return HandleConnect(session, packet);
  const auto socket = std::find_if(session.sockets.begin(), session.sockets.end(),
                                   [&](const Socket* s) { return s->nsp == packet.nsp; });
  // Like the protocol's reference server: a packet for a namespace one is not in ends the session.
  if (socket == session.sockets.end() || packet.type == PacketType::kConnectError) {
    return End(session, DisconnectReason::kParseError);
  }
  if (packet.is_event()) return HandleEvent(**socket, std::move(packet));
  if (packet.is_ack()) return HandleAck(**socket, std::move(packet));
  Drop(**socket, DisconnectReason::kClient);
}

void Server::HandleConnect(Session& session, const Packet& packet) {
  const bool again = std::any_of(session.sockets.begin(), session.sockets.end(),
                                 [&](const Socket* s) { return s->nsp == packet.nsp; });
  if (again) return End(session, DisconnectReason::kParseError);
  const auto& known = config_.namespaces;
  if (std::find(known.begin(), known.end(), packet.nsp) == known.end()) {
    return Write(
        session,
        {.type = PacketType::kConnectError, .nsp = packet.nsp, .data = json::object{{"message", "Invalid namespace"}}});
  }
  auto socket = std::make_unique<Socket>();
  socket->id = SocketId(random_.Id());
  socket->session = &session;
  socket->nsp = packet.nsp;
  socket->serial = next_serial_++;
  session.connecting = socket.get();
  session.sockets.push_back(socket.get());
  json::value auth = packet.data.is_object() ? packet.data : json::value(json::object());
  outputs_.push_back(ConnectRequested{socket->id, session.id, packet.nsp, std::move(auth)});
  const SocketId id = socket->id;
  sockets_.emplace(id, std::move(socket));
}

void Server::HandleEvent(Socket& socket, Packet packet) {
  json::array args = std::move(packet.data.get_array());
  std::string event(std::string_view(args.front().get_string()));
  args.erase(args.begin());
  outputs_.push_back(
      EventReceived{socket.id, std::move(event), std::move(args), std::move(packet.attachments), packet.id});
}

void Server::HandleAck(Socket& socket, Packet packet) {
  // One that came too late, or was never asked for, means nothing.
  if (socket.pending_acks.erase(*packet.id) == 0) return;
  outputs_.push_back(AckReceived{socket.id, *packet.id, std::move(packet.data.get_array())});
  Settle(*socket.session);
}

void Server::Accept(const SocketId& id, Time now) {
  Socket* socket = Find(id);
  if (!socket || socket->accepted) return;
  Session& session = *socket->session;
  socket->accepted = true;
  session.connecting = nullptr;
  session.connect_deadline = kNever;
  Write(session, {.type = PacketType::kConnect, .nsp = socket->nsp, .data = json::object{{"sid", id.value()}}});
  // Later messages wait for the next turn, so that what the application sends on connection goes first.
  if (!session.deferred.empty()) session.resume_at = now;
  Settle(session);
}

void Server::Refuse(const SocketId& id, const json::object& error, Time now) {
  Socket* socket = Find(id);
  if (!socket || socket->accepted) return;
  Session& session = *socket->session;
  Write(session, {.type = PacketType::kConnectError, .nsp = socket->nsp, .data = error});
  Drop(*socket, DisconnectReason::kServer);
  if (!session.deferred.empty()) session.resume_at = now;
  Settle(session);
}

void Server::Disconnect(const SocketId& id, bool close_session, Time) {
  Socket* socket = Find(id);
  if (!socket) return;
  Session& session = *socket->session;
  Write(session, {.type = PacketType::kDisconnect, .nsp = socket->nsp});
  Drop(*socket, DisconnectReason::kServer);
  if (close_session) End(session, DisconnectReason::kServer);
  Settle(session);
}

void Server::End(Session& session, DisconnectReason reason) {
  if (session.ending) return;
  session.ending = true;
  session.deferred = {};
  session.deferred_bytes = 0;
  while (!session.sockets.empty()) Drop(*session.sockets.back(), reason);
  outputs_.push_back(CloseSession{session.id});
}

void Server::Drop(Socket& socket, DisconnectReason reason) {
  Session& session = *socket.session;
  std::erase(session.sockets, &socket);
  if (session.connecting == &socket) session.connecting = nullptr;
  while (!socket.rooms.empty()) {
    const std::string room = *socket.rooms.begin();
    Leave(socket.id, room);
  }
  for (const auto& [ack, deadline] : socket.pending_acks) {
    outputs_.push_back(AckReceived{socket.id, ack, std::nullopt});
  }
  if (socket.accepted) outputs_.push_back(Disconnected{socket.id, reason});
  const SocketId id = socket.id;  // outlives the socket
  sockets_.erase(id);
}

void Server::ExpireAcks(Socket& socket, Time now) {
  auto& acks = socket.pending_acks;
  while (!acks.empty() && acks.begin()->second <= now) {
    outputs_.push_back(AckReceived{socket.id, acks.begin()->first, std::nullopt});
    acks.erase(acks.begin());
  }
}

void Server::Settle(Session& session) {
  Time deadline = kNever;
  if (!session.ending) {
    deadline = std::min(session.connect_deadline, session.resume_at);
    for (const Socket* socket : session.sockets) {
      if (!socket->pending_acks.empty()) {
        deadline = std::min(deadline, socket->pending_acks.begin()->second);
      }
    }
  }
  if (deadline == session.scheduled) return;
  if (session.scheduled != kNever) deadlines_.erase({session.scheduled, session.id});
  if (deadline != kNever) deadlines_.emplace(deadline, session.id);
  session.scheduled = deadline;
}

void Server::HandleTimeout(Time now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Session& session = *sessions_.at(deadlines_.begin()->second);
    for (Socket* socket : session.sockets) ExpireAcks(*socket, now);
    if (now >= session.connect_deadline) End(session, DisconnectReason::kServer);
    if (now >= session.resume_at) Drain(session, now);
    Settle(session);
  }
}

std::optional<Time> Server::NextDeadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

std::optional<Output> Server::Poll() {
  while (!outputs_.empty()) {
    Output output = std::move(outputs_.front());
    outputs_.pop_front();
    // What came from a socket before the application disconnected it is of no more interest.
    const auto* event = std::get_if<EventReceived>(&output);
    if (event && !connected(event->socket)) continue;
    const auto* request = std::get_if<ConnectRequested>(&output);
    if (request && !Find(request->socket)) continue;
    return output;
  }
  return std::nullopt;
}

}  // namespace jb::socketio
