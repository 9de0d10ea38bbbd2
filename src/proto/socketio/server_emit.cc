// SPDX-License-Identifier: Apache-2.0
// What the application sends: events, acknowledgements, rooms.
#include <utility>

#include "proto/socketio/server.h"
#include "proto/socketio/server_state.h"

namespace jb::socketio {
namespace {

Packet MakeEvent(std::string nsp, std::string_view event, json::array args, std::vector<std::string> attachments) {
  args.insert(args.begin(), json::string(event));
  return {.type = PacketType::kEvent,
          .nsp = std::move(nsp),
          .data = std::move(args),
          .attachments = std::move(attachments)};
}

}  // namespace

void Server::Write(Session& session, const Packet& packet) {
  if (session.ending) return;
  outputs_.push_back(SendText{session.id, Encode(packet)});
  for (const std::string& attachment : packet.attachments) {
    outputs_.push_back(SendBinary{session.id, attachment});
  }
}

void Server::Emit(const SocketId& id, std::string_view event, json::array args, std::vector<std::string> attachments) {
  Socket* socket = Find(id);
  if (!socket || !socket->accepted) return;
  Write(*socket->session, MakeEvent(socket->nsp, event, std::move(args), std::move(attachments)));
}

std::optional<std::uint64_t> Server::EmitWithAck(const SocketId& id, std::string_view event, json::array args,
                                                 Time now) {
  Socket* socket = Find(id);
  if (!socket || !socket->accepted) return std::nullopt;
  auto& acks = socket->pending_acks;
  if (acks.size() >= config_.max_pending_acks) {
    outputs_.push_back(AckReceived{id, acks.begin()->first, std::nullopt});
    acks.erase(acks.begin());
  }
  const std::uint64_t ack = socket->next_ack++;
  acks.emplace(ack, now + config_.ack_timeout);
  Packet packet = MakeEvent(socket->nsp, event, std::move(args), {});
  packet.id = ack;
  Write(*socket->session, packet);
  Settle(*socket->session);
  return ack;
}

void Server::Acknowledge(const SocketId& id, std::uint64_t ack, json::array args,
                         std::vector<std::string> attachments) {
  Socket* socket = Find(id);
  if (!socket || !socket->accepted) return;
  Write(*socket->session, {.type = PacketType::kAck,
                           .nsp = socket->nsp,
                           .id = ack,
                           .data = std::move(args),
                           .attachments = std::move(attachments)});
}

void Server::EmitTo(std::string_view room, std::string_view event, const json::array& args, const SocketId* except) {
  const auto it = rooms_.find(room);
  if (it == rooms_.end()) return;
  // Encoded once per namespace, which is once.
  std::string nsp;
  std::string text;
  for (const auto& [serial, socket] : it->second) {
    if (except && socket->id == *except) continue;
    if (text.empty() || nsp != socket->nsp) {
      nsp = socket->nsp;
      text = Encode(MakeEvent(nsp, event, args, {}));
    }
    if (!socket->session->ending) outputs_.push_back(SendText{socket->session->id, text});
  }
}

bool Server::Join(const SocketId& id, std::string_view room) {
  Socket* socket = Find(id);
  if (!socket || !socket->accepted) return false;
  if (socket->rooms.find(room) != socket->rooms.end()) return true;
  if (socket->rooms.size() >= config_.max_rooms_per_socket) return false;
  socket->rooms.emplace(room);
  rooms_[std::string(room)].emplace(socket->serial, socket);
  return true;
}

void Server::Leave(const SocketId& id, std::string_view room) {
  Socket* socket = Find(id);
  if (!socket) return;
  const auto joined = socket->rooms.find(room);
  if (joined == socket->rooms.end()) return;
  socket->rooms.erase(joined);
  const auto it = rooms_.find(room);
  it->second.erase(socket->serial);
  if (it->second.empty()) rooms_.erase(it);
}

std::vector<SocketId> Server::Members(std::string_view room) const {
  std::vector<SocketId> members;
  if (const auto it = rooms_.find(room); it != rooms_.end()) {
    for (const auto& [serial, socket] : it->second) members.push_back(socket->id);
  }
  return members;
}

}  // namespace jb::socketio
