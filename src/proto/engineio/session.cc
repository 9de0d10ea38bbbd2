// SPDX-License-Identifier: Apache-2.0
#include "proto/engineio/session.h"

#include <algorithm>
#include <utility>

#include "base/result.h"

namespace jb::engineio {
namespace {

constexpr std::string_view kProbe = "probe";
constexpr std::string_view kClosePacket = "1";
constexpr std::string_view kNoopPacket = "6";
constexpr std::string_view kPostAnswer = "ok";
// A ping that leaves later than this after its time gives the client its full timeout from then on: our
// own stall must not cut everybody. Below it the deadline stays exact.
constexpr Duration kLatePing = 50ms;

}  // namespace

void Wire::Reply(RequestId request, std::string body) {
  requests.erase(request);
  outputs.push_back(HttpReply{request, 200, false, std::move(body)});
}

void Wire::Refuse(RequestId request, const Refusal& refusal) {
  requests.erase(request);
  outputs.push_back(HttpReply{request, refusal.status, true, refusal.Body()});
}

void Wire::Send(WebSocketId socket, bool binary, std::string data) {
  outputs.push_back(WebSocketSend{socket, binary, std::move(data)});
}

void Wire::Close(WebSocketId socket, std::uint16_t code) {
  sockets.erase(socket);
  outputs.push_back(WebSocketClose{socket, code});
}

Session::Session(Wire& wire, const ServerConfig& config, SessionId id, std::string sid, bool base64, Time now)
    : wire_(wire),
      config_(config),
      id_(id),
      sid_(std::move(sid)),
      base64_(base64),
      ping_at_(now + config.ping_interval) {}

std::string Session::OpenPacket(bool upgradable) const {
  return "0{\"sid\":\"" + sid_ + "\",\"upgrades\":[" + (upgradable ? "\"websocket\"" : "") +
         "],\"pingInterval\":" + std::to_string(ToMs(config_.ping_interval)) +
         ",\"pingTimeout\":" + std::to_string(ToMs(config_.ping_timeout)) +
         ",\"maxPayload\":" + std::to_string(config_.max_payload) + "}";
}

void Session::OpenPolling(RequestId request) { wire_.Reply(request, OpenPacket(true)); }

void Session::OpenWebSocket(WebSocketId socket) {
  socket_ = socket;
  wire_.sockets[socket] = this;
  wire_.Send(socket, false, OpenPacket(false));
}

void Session::HandlePoll(RequestId request, Time now) {
  if (state_ == State::kLingering) {
    queue_.push_back({PacketType::kClose, false, {}});
    wire_.Reply(request, TakeQueue());
    state_ = State::kGone;
    return;
  }
  if (socket_) return wire_.Refuse(request, {});
  if (poll_) {  // two polls at a time: one of them is not our client's
    wire_.Refuse(request, {});
    return Abort(CloseReason::kProtocolError);
  }
  poll_ = request;
  wire_.requests[request] = this;
  if (!queue_.empty()) return ReleasePoll(TakeQueue());
  if (probe_answered_) poll_release_ = now + config_.probe_grace;
}

bool Session::BeginPost(RequestId request, Time) {
  if (state_ != State::kOpen || socket_) {
    wire_.Refuse(request, {});
    return false;
  }
  if (post_) {
    wire_.Refuse(request, {});
    Abort(CloseReason::kProtocolError);
    return false;
  }
  post_ = request;
  wire_.requests[request] = this;
  return true;
}

void Session::FinishPost(std::string_view body, Time now) {
  JB_CHECK(post_);
  const RequestId request = *std::exchange(post_, std::nullopt);
  if (socket_) return wire_.Refuse(request, {});  // the upgrade completed while the body was on its way
  auto packets = ParsePayload(body, config_.max_packets_per_payload);
  if (!packets.ok()) {
    wire_.Refuse(request, {});
    return Abort(CloseReason::kParseError);
  }
  for (Packet& packet : *packets) {
    if (state_ != State::kOpen) break;  // what follows a close packet does not count
    if (!HandlePacket(std::move(packet), now)) return wire_.Refuse(request, {});
  }
  wire_.Reply(request, std::string(kPostAnswer));
}

void Session::HandleRequestClosed(RequestId request, Time) {
  wire_.requests.erase(request);
  if (poll_ == request) {
    poll_.reset();
    poll_release_ = kNever;
  }
  if (post_ == request) post_.reset();
}

void Session::HandleUpgrade(WebSocketId socket, Time now) {
  if (state_ != State::kOpen || socket_ || probe_) return wire_.Close(socket, kCloseProtocolError);
  probe_ = socket;
  probe_answered_ = false;
  upgrade_deadline_ = now + config_.upgrade_timeout;
  wire_.sockets[socket] = this;
}

void Session::HandleText(WebSocketId socket, std::string_view text, Time now) {
  if (probe_ == socket) return HandleProbe(text, now);
  auto packet = ParsePacket(text);
  if (!packet.ok()) return Abort(CloseReason::kParseError);
  HandlePacket(std::move(packet).value(), now);
}

void Session::HandleBinary(WebSocketId socket, std::string_view data, Time now) {
  if (probe_ == socket) return DropProbe(kCloseProtocolError);
  HandlePacket({PacketType::kMessage, true, std::string(data)}, now);
}

void Session::HandleProbe(std::string_view text, Time now) {
  const auto packet = ParsePacket(text);
  if (packet.ok() && packet->type == PacketType::kPing && packet->data == kProbe) {
    probe_answered_ = true;
    wire_.Send(*probe_, false, "3probe");
    if (poll_) ReleasePoll(std::string(kNoopPacket));
    return;
  }
  if (packet.ok() && packet->type == PacketType::kUpgrade && probe_answered_) return CompleteUpgrade();
  static_cast<void>(now);
  DropProbe(kCloseProtocolError);
}

void Session::CompleteUpgrade() {
  socket_ = std::exchange(probe_, std::nullopt);
  probe_answered_ = false;
  upgrade_deadline_ = poll_release_ = kNever;
  // A poll that came after the probe belongs to a transport that is over: E8.
  if (poll_) wire_.Refuse(*std::exchange(poll_, std::nullopt), {});
  FlushQueue();
}

void Session::DropProbe(std::uint16_t code) {
  if (!probe_) return;
  wire_.Close(*std::exchange(probe_, std::nullopt), code);
  probe_answered_ = false;
  upgrade_deadline_ = kNever;
}

void Session::DropPost() {
  if (post_) wire_.Refuse(*std::exchange(post_, std::nullopt), {});
}

void Session::HandleWebSocketClosed(WebSocketId socket) {
  wire_.sockets.erase(socket);
  if (probe_ == socket) {
    probe_.reset();
    probe_answered_ = false;
    upgrade_deadline_ = kNever;
    return;
  }
  socket_.reset();
  DropPost();
  state_ = State::kGone;
  ReportClosed(CloseReason::kTransport);
}

bool Session::HandlePacket(Packet packet, Time now) {
  switch (packet.type) {
    case PacketType::kClose: HandleClientClose(); return true;
    case PacketType::kPong: HandlePong(now); return true;
    case PacketType::kMessage:
      wire_.outputs.push_back(SessionMessage{id_, packet.binary, std::move(packet.data)});
      return true;
    case PacketType::kPing:  // pings are the server's
      Abort(CloseReason::kProtocolError);
      return false;
    case PacketType::kOpen:
    case PacketType::kUpgrade:
    case PacketType::kNoop: return true;  // nothing for a server in them
  }
  return true;
}

void Session::HandleClientClose() {
  DropProbe(kCloseNormal);
  DropPost();
  if (poll_) ReleasePoll(std::string(kNoopPacket));
  if (socket_) wire_.Close(*std::exchange(socket_, std::nullopt), kCloseNormal);
  state_ = State::kGone;
  ReportClosed(CloseReason::kClientClosed);
}

void Session::HandlePong(Time now) {
  pong_deadline_ = kNever;
  ping_at_ = now + config_.ping_interval;
}

void Session::SendPing(Time now) {
  pong_deadline_ = (now - ping_at_ < kLatePing ? ping_at_ : now) + config_.ping_timeout;
  ping_at_ = kNever;
  Push({PacketType::kPing, false, {}}, now);
}

void Session::HandleTimeout(Time now) {
  if (now >= linger_until_) {
    state_ = State::kGone;
    return;
  }
  if (state_ != State::kOpen) return;
  if (now >= upgrade_deadline_) DropProbe(kCloseNormal);
  if (now >= poll_release_ && poll_) ReleasePoll(std::string(kNoopPacket));
  if (now >= ping_at_) SendPing(now);
  if (state_ == State::kOpen && now >= pong_deadline_) Abort(CloseReason::kPingTimeout);
}

Time Session::deadline() const {
  if (state_ == State::kGone) return kNever;
  if (state_ == State::kLingering) return linger_until_;
  return std::min({ping_at_, pong_deadline_, upgrade_deadline_, poll_release_});
}

void Session::Send(bool binary, std::string data, Time now) {
  if (state_ == State::kOpen) Push({PacketType::kMessage, binary, std::move(data)}, now);
}

bool Session::MaySend(std::size_t backlog, Time now) {
  if (!IsSlow(backlog, now)) return true;
  Abort(CloseReason::kSlowClient);
  return false;
}

// Asked at each message, so a backlog that was taken in between is noticed at the next one.
bool Session::IsSlow(std::size_t backlog, Time now) {
  if (backlog <= config_.max_queued_bytes) {
    backlog_since_.reset();
    return false;
  }
  if (!backlog_since_) backlog_since_ = now;
  return backlog > config_.max_burst_bytes || now - *backlog_since_ >= config_.slow_after;
}

void Session::Push(Packet packet, Time now) {
  if (socket_) return Write(std::move(packet));
  // What waits already counts, not this packet: one large message may pass, a pile may not.
  const bool slow = IsSlow(queued_bytes_, now);
  queued_bytes_ += EncodedSize(packet);
  queue_.push_back(std::move(packet));
  if (poll_) return ReleasePoll(TakeQueue());
  if (slow || queue_.size() > config_.max_queued_packets) Abort(CloseReason::kSlowClient);
}

void Session::Write(Packet packet) {
  if (packet.binary && !base64_) return wire_.Send(*socket_, true, std::move(packet.data));
  std::string frame;
  frame.reserve(EncodedSize(packet));
  AppendPacket(frame, packet);
  wire_.Send(*socket_, false, std::move(frame));
}

void Session::FlushQueue() {
  for (Packet& packet : queue_) Write(std::move(packet));
  queue_ = {};
  queued_bytes_ = 0;
}

std::string Session::TakeQueue() {
  std::string payload;
  payload.reserve(queued_bytes_ + queue_.size());
  for (const Packet& packet : queue_) AppendToPayload(payload, packet);
  queue_ = {};
  queued_bytes_ = 0;
  backlog_since_.reset();
  return payload;
}

void Session::ReleasePoll(std::string body) {
  poll_release_ = kNever;
  wire_.Reply(*std::exchange(poll_, std::nullopt), std::move(body));
}

void Session::Close(Time now) {
  if (state_ != State::kOpen) return;
  DropProbe(kCloseNormal);
  DropPost();
  if (socket_) {
    wire_.Close(*std::exchange(socket_, std::nullopt), kCloseNormal);
    state_ = State::kGone;
  } else if (poll_) {
    queue_.push_back({PacketType::kClose, false, {}});
    ReleasePoll(TakeQueue());
    state_ = State::kGone;
  } else {
    state_ = State::kLingering;
    linger_until_ = now + config_.close_linger;
  }
  ReportClosed(CloseReason::kServerClosed);
}

void Session::Abort(CloseReason reason) {
  if (state_ != State::kOpen) return;
  state_ = State::kGone;
  DropProbe(kCloseNormal);
  if (poll_) ReleasePoll(std::string(kClosePacket));
  DropPost();
  if (socket_) {
    const bool slow = reason == CloseReason::kSlowClient;
    const bool late = reason == CloseReason::kPingTimeout;
    const std::uint16_t code = slow ? kCloseTryAgainLater : late ? kCloseNormal : kCloseProtocolError;
    wire_.Close(*std::exchange(socket_, std::nullopt), code);
  }
  ReportClosed(reason);
}

void Session::ReportClosed(CloseReason reason) { wire_.outputs.push_back(SessionClosed{id_, reason}); }

}  // namespace jb::engineio
