// SPDX-License-Identifier: Apache-2.0
#include "proto/socketio/client.h"

#include <algorithm>
#include <utility>

namespace jb::socketio {
namespace {

// Engine.IO packet types as they lead a text frame.
constexpr char kOpen = '0';
constexpr char kClose = '1';
constexpr char kPing = '2';
constexpr char kMessage = '4';
constexpr char kNoop = '6';
constexpr std::string_view kPong = "3";
// What a server may ask for in the handshake.
constexpr std::int64_t kMaxInterval_ms = 10 * 60 * 1000;

}  // namespace

Client::Client(ClientConfig config, Time now)
    : config_(std::move(config)), decoder_(config_.packet), connect_deadline_(now + config_.connect_timeout) {}

std::string Client::Target(std::string_view path) { return std::string(path) + "?EIO=4&transport=websocket"; }

void Client::HandleText(std::string_view text, Time now) {
  if (state_ == State::kEnded) return;
  const char type = text.empty() ? '\0' : text.front();
  if (state_ == State::kOpening) {
    if (type == kOpen) return HandleOpenPacket(text.substr(1), now);
    return End("parse error");
  }
  switch (type) {
    case kPing:
      ping_deadline_ = now + ping_patience_;
      outputs_.push_back(SendText{std::string(kPong)});
      return;
    case kMessage: {
      auto packet = decoder_.HandleText(text.substr(1));
      if (!packet.ok()) return End("parse error");
      if (*packet) HandleMessage(std::move(**packet));
      return;
    }
    case kClose: return End("transport close");
    case kNoop: return;
    default: return End("parse error");
  }
}

void Client::HandleBinary(std::string_view data, Time) {
  if (state_ == State::kEnded) return;
  auto packet = decoder_.HandleBinary(data);
  if (!packet.ok()) return End("parse error");
  if (*packet) HandleMessage(std::move(**packet));
}

void Client::HandleClosed(Time) { End("transport close"); }

void Client::HandleOpenPacket(std::string_view text, Time now) {
  const auto handshake = ParseJson(text);
  if (!handshake.ok()) return End("parse error");
  const auto interval = GetInt(*handshake, "pingInterval");
  const auto timeout = GetInt(*handshake, "pingTimeout");
  const auto sane = [](std::optional<std::int64_t> ms) { return ms && *ms >= 0 && *ms <= kMaxInterval_ms; };
  if (!sane(interval) || !sane(timeout)) return End("parse error");
  ping_patience_ = std::chrono::milliseconds(*interval + *timeout);
  ping_deadline_ = now + ping_patience_;
  state_ = State::kConnecting;
  Packet connect{.type = PacketType::kConnect, .nsp = config_.nsp};
  if (!config_.auth.empty()) connect.data = config_.auth;
  Write(connect);
}

void Client::HandleMessage(Packet packet) {
  if (packet.nsp != config_.nsp) return;  // we are in one namespace only
  switch (packet.type) {
    case PacketType::kConnect: {
      const auto sid = GetString(packet.data, "sid");
      if (state_ != State::kConnecting || !sid) return End("parse error");
      state_ = State::kConnected;
      connect_deadline_ = kNever;
      outputs_.push_back(Connected{std::string(*sid)});
      return;
    }
    case PacketType::kConnectError: return End("refused", std::move(packet.data));
    case PacketType::kDisconnect: return End("server disconnect");
    default: break;
  }
  if (state_ != State::kConnected) return;
  if (packet.is_event()) return HandleEvent(std::move(packet));
  if (waiting_acks_.erase(*packet.id) == 0) return;  // too late, or never asked for
  outputs_.push_back(Ack{*packet.id, std::move(packet.data.get_array())});
}

void Client::HandleEvent(Packet packet) {
  json::array args = std::move(packet.data.get_array());
  std::string name(std::string_view(args.front().get_string()));
  args.erase(args.begin());
  outputs_.push_back(Event{std::move(name), std::move(args), std::move(packet.attachments), packet.id});
}

void Client::Write(const Packet& packet) {
  outputs_.push_back(SendText{kMessage + Encode(packet)});
  for (const std::string& attachment : packet.attachments) {
    outputs_.push_back(SendBinary{attachment});
  }
}

void Client::Emit(std::string_view event, json::array args, std::vector<std::string> attachments) {
  if (state_ != State::kConnected) return;
  args.insert(args.begin(), json::string(event));
  Write(
      {.type = PacketType::kEvent, .nsp = config_.nsp, .data = std::move(args), .attachments = std::move(attachments)});
}

std::uint64_t Client::EmitWithAck(std::string_view event, json::array args, Time now) {
  const std::uint64_t id = next_ack_++;
  if (state_ != State::kConnected) {
    outputs_.push_back(Ack{id, std::nullopt});
    return id;
  }
  waiting_acks_.emplace(id, now + config_.ack_timeout);
  args.insert(args.begin(), json::string(event));
  Write({.type = PacketType::kEvent, .nsp = config_.nsp, .id = id, .data = std::move(args)});
  return id;
}

void Client::Acknowledge(std::uint64_t ack, json::array args) {
  if (state_ != State::kConnected) return;
  Write({.type = PacketType::kAck, .nsp = config_.nsp, .id = ack, .data = std::move(args)});
}

void Client::Disconnect(Time) {
  if (state_ == State::kConnected) {
    Write({.type = PacketType::kDisconnect, .nsp = config_.nsp});
  }
  End("client disconnect");
}

void Client::End(std::string reason, json::value detail) {
  if (state_ == State::kEnded) return;
  state_ = State::kEnded;
  connect_deadline_ = ping_deadline_ = kNever;
  for (const auto& [id, deadline] : waiting_acks_) outputs_.push_back(Ack{id, std::nullopt});
  waiting_acks_.clear();
  outputs_.push_back(CloseWebSocket{});
  outputs_.push_back(Ended{std::move(reason), std::move(detail)});
}

void Client::HandleTimeout(Time now) {
  if (now >= connect_deadline_) return End("connect timeout");
  if (now >= ping_deadline_) return End("ping timeout");
  // Ids and deadlines ascend together.
  while (!waiting_acks_.empty() && waiting_acks_.begin()->second <= now) {
    outputs_.push_back(Ack{waiting_acks_.begin()->first, std::nullopt});
    waiting_acks_.erase(waiting_acks_.begin());
  }
}

std::optional<Time> Client::NextDeadline() const {
  Time next = std::min(connect_deadline_, ping_deadline_);
  if (!waiting_acks_.empty()) next = std::min(next, waiting_acks_.begin()->second);
  if (next == kNever) return std::nullopt;
  return next;
}

std::optional<Client::Output> Client::Poll() {
  if (outputs_.empty()) return std::nullopt;
  Output output = std::move(outputs_.front());
  outputs_.pop_front();
  return output;
}

}  // namespace jb::socketio
