// SPDX-License-Identifier: Apache-2.0
#include "proto/engineio/server.h"

#include <utility>

#include "proto/engineio/session.h"

namespace jb::engineio {
namespace {

constexpr std::string_view kProtocol = "4";
constexpr std::string_view kPolling = "polling";
constexpr std::string_view kWebSocket = "websocket";
constexpr Duration kSweepInterval = 10s;

// Codes and words of the protocol's reference server.
constexpr Refusal kUnknownTransport{400, 0, "Transport unknown"};
constexpr Refusal kUnknownSession{400, 1, "Session ID unknown"};
constexpr Refusal kBadMethod{400, 2, "Bad handshake method"};
constexpr Refusal kBadRequest{400, 3, "Bad request"};
constexpr Refusal kBadProtocol{400, 5, "Unsupported protocol version"};
// Ours.
constexpr Refusal kTooFast{429, 6, "Too many connections from this address, try again later"};
constexpr Refusal kFull{503, 7, "The server is full, try again later"};

std::optional<Refusal> CheckQuery(const Query& query, std::string_view transport) {
  if (query.transport != kPolling && query.transport != kWebSocket) return kUnknownTransport;
  if (query.eio != kProtocol) return kBadProtocol;
  if (query.transport != transport) return kBadRequest;
  return std::nullopt;
}

}  // namespace

Server::Server(ServerConfig config, Random& random)
    : config_(std::move(config)),
      random_(random),
      wire_(std::make_unique<Wire>()),
      clients_(config_.handshakes_per_second, config_.handshake_burst, config_.max_sessions_per_client) {}

Server::~Server() = default;

void Server::HandleRequest(RequestId request, Method method, const Query& query, const SocketAddress& remote,
                           Time now) {
  HandleTimeout(now);
  if (const auto refusal = CheckQuery(query, kPolling)) return wire_->Refuse(request, *refusal);
  if (method != Method::kGet) return wire_->Refuse(request, kBadMethod);
  if (query.has_sid) {
    Session* session = Find(query.sid);
    if (!session) return wire_->Refuse(request, kUnknownSession);
    session->HandlePoll(request, now);
    return Settle(*session);
  }
  if (const auto refusal = Admit(remote, now)) return wire_->Refuse(request, *refusal);
  Session& session = Open(remote, query.base64, now);
  session.OpenPolling(request);
  Settle(session);
}

bool Server::BeginPost(RequestId request, const Query& query, Time now) {
  HandleTimeout(now);
  std::optional<Refusal> refusal = CheckQuery(query, kPolling);
  if (!refusal && !query.has_sid) refusal = kBadMethod;
  Session* session = refusal ? nullptr : Find(query.sid);
  if (!refusal && !session) refusal = kUnknownSession;
  if (refusal) {
    wire_->Refuse(request, *refusal);
    return false;
  }
  const bool go_on = session->BeginPost(request, now);
  Settle(*session);
  return go_on;
}

void Server::FinishPost(RequestId request, std::string_view body, Time now) {
  HandleTimeout(now);
  Session* session = Find(request);
  if (!session) return;  // answered when its session ended
  session->FinishPost(body, now);
  Settle(*session);
}

void Server::HandleRequestClosed(RequestId request, Time now) {
  HandleTimeout(now);
  Session* session = Find(request);
  if (!session) return;
  session->HandleRequestClosed(request, now);
  Settle(*session);
}

std::optional<Refusal> Server::HandleUpgrade(WebSocketId socket, const Query& query, const SocketAddress& remote,
                                             Time now) {
  HandleTimeout(now);
  if (const auto refusal = CheckQuery(query, kWebSocket)) return refusal;
  if (query.has_sid) {
    Session* session = Find(query.sid);
    if (!session) return kUnknownSession;
    session->HandleUpgrade(socket, now);
    Settle(*session);
    return std::nullopt;
  }
  if (const auto refusal = Admit(remote, now)) return refusal;
  Session& session = Open(remote, query.base64, now);
  session.OpenWebSocket(socket);
  Settle(session);
  return std::nullopt;
}

void Server::HandleText(WebSocketId socket, std::string_view text, Time now) {
  HandleTimeout(now);
  Session* session = Find(socket);
  if (!session) return;
  session->HandleText(socket, text, now);
  Settle(*session);
}

void Server::HandleBinary(WebSocketId socket, std::string_view data, Time now) {
  HandleTimeout(now);
  Session* session = Find(socket);
  if (!session) return;
  session->HandleBinary(socket, data, now);
  Settle(*session);
}

void Server::HandleWebSocketClosed(WebSocketId socket, Time now) {
  HandleTimeout(now);
  Session* session = Find(socket);
  if (!session) return;
  session->HandleWebSocketClosed(socket);
  Settle(*session);
}

bool Server::MaySend(WebSocketId socket, std::size_t backlog, Time now) {
  Session* session = Find(socket);
  if (!session) return true;  // its last words
  const bool may = session->MaySend(backlog, now);
  Settle(*session);
  return may;
}

void Server::Send(SessionId id, bool binary, std::string data, Time now) {
  HandleTimeout(now);
  Session* session = Find(id);
  if (!session) return;
  session->Send(binary, std::move(data), now);
  Settle(*session);
}

void Server::Close(SessionId id, Time now) {
  HandleTimeout(now);
  Session* session = Find(id);
  if (!session) return;
  session->Close(now);
  Settle(*session);
}

void Server::CloseAll(Time now) {
  std::vector<SessionId> ids;
  ids.reserve(sessions_.size());
  for (const auto& [id, session] : sessions_) ids.push_back(id);
  for (const SessionId id : ids) Close(id, now);
}

void Server::HandleTimeout(Time now) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Session& session = *sessions_.at(deadlines_.begin()->second);
    session.HandleTimeout(now);
    Settle(session);
  }
}

std::optional<Time> Server::NextDeadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first;
}

std::optional<Output> Server::Poll() {
  if (wire_->outputs.empty()) return std::nullopt;
  Output output = std::move(wire_->outputs.front());
  wire_->outputs.pop_front();
  return output;
}

Session* Server::Find(std::string_view sid) {
  const auto it = by_sid_.find(sid);
  return it == by_sid_.end() ? nullptr : it->second;
}

Session* Server::Find(SessionId id) {
  const auto it = sessions_.find(id);
  return it == sessions_.end() ? nullptr : it->second.get();
}

Session* Server::Find(WebSocketId socket) {
  const auto it = wire_->sockets.find(socket);
  return it == wire_->sockets.end() ? nullptr : it->second;
}

Session* Server::Find(RequestId request) {
  const auto it = wire_->requests.find(request);
  return it == wire_->requests.end() ? nullptr : it->second;
}

bool Server::Limited(const SocketAddress& remote) const { return config_.limit_loopback || !remote.is_loopback(); }

std::optional<Refusal> Server::Admit(const SocketAddress& remote, Time now) {
  if (sessions_.size() >= config_.max_sessions) {
    ++refused_handshakes_;
    return kFull;
  }
  if (!Limited(remote)) return std::nullopt;
  if (now >= next_sweep_) {
    clients_.Sweep(now);
    next_sweep_ = now + kSweepInterval;
  }
  if (clients_.Enter(KeyOf(remote), now) == ClientLimits::Verdict::kOk) return std::nullopt;
  ++refused_handshakes_;
  return kTooFast;
}

Session& Server::Open(const SocketAddress& remote, bool base64, Time now) {
  const SessionId id(next_session_++);
  auto session = std::make_unique<Session>(*wire_, config_, id, random_.Id(), base64, now);
  if (Limited(remote)) session->client = KeyOf(remote);
  Session& opened = *session;
  by_sid_.emplace(opened.sid(), &opened);
  sessions_.emplace(id, std::move(session));
  ++open_sessions_;
  wire_->outputs.push_back(SessionOpened{id});
  return opened;
}

void Server::Settle(Session& session) {
  if (session.counted && !session.open()) {
    session.counted = false;
    --open_sessions_;
    if (session.client) clients_.Leave(*session.client);
  }
  const Time deadline = session.deadline();
  if (deadline != session.scheduled) {
    if (session.scheduled != kNever) deadlines_.erase({session.scheduled, session.id()});
    if (deadline != kNever) deadlines_.emplace(deadline, session.id());
    session.scheduled = deadline;
  }
  if (!session.gone()) return;
  const SessionId id = session.id();  // outlives the session
  by_sid_.erase(session.sid());
  sessions_.erase(id);
}

}  // namespace jb::engineio
