// SPDX-License-Identifier: Apache-2.0
// A Socket.IO client over one WebSocket: Engine.IO handshake, heartbeat, CONNECT with auth, events and
// acknowledgements both ways. No long-polling, no upgrade, no reconnection: its owner opens a WebSocket
// to Target(), feeds it here, carries out Poll()'s outputs, and starts a new one when it ends.
// Core: single-threaded, no I/O, no clock. After every mutation: Poll() until nullopt, then NextDeadline().
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "proto/socketio/packet.h"

namespace jb::socketio {

using namespace std::chrono_literals;

struct ClientConfig {
  std::string nsp = "/";
  json::object auth{};
  Duration connect_timeout = 20s;  // from construction to CONNECT's answer
  Duration ack_timeout = 10s;
  PacketLimits packet{};
};

class Client {
 public:
  // Outputs for the WebSocket.
  struct SendText {
    std::string data;
  };
  struct SendBinary {
    std::string data;
  };
  struct CloseWebSocket {};
  // Outputs for the owner.
  struct Connected {
    std::string socket_id;
  };
  struct Event {
    std::string name;
    json::array args;
    std::vector<std::string> attachments;
    std::optional<std::uint64_t> ack;  // answer with Acknowledge()
  };
  struct Ack {
    std::uint64_t ack = 0;            // as Emit() returned it
    std::optional<json::array> args;  // nullopt: timed out or disconnected
  };
  // The end; comes once. `reason` is a stable word: "refused", "connect timeout", "ping timeout",
  // "parse error", "server disconnect", "client disconnect", "transport close".
  struct Ended {
    std::string reason;
    json::value detail;  // CONNECT_ERROR's payload when refused
  };
  using Output = std::variant<SendText, SendBinary, CloseWebSocket, Connected, Event, Ack, Ended>;

  Client(ClientConfig config, Time now);

  // "/socket.io/?EIO=4&transport=websocket" for the path prefix "/socket.io/".
  static std::string Target(std::string_view path = "/socket.io/");

  // From the WebSocket, which the owner opened.
  void HandleText(std::string_view text, Time now);
  void HandleBinary(std::string_view data, Time now);
  void HandleClosed(Time now);

  // Only while connected(); otherwise nothing is sent and EmitWithAck answers Ack{nullopt}.
  void Emit(std::string_view event, json::array args, std::vector<std::string> attachments = {});
  // The answer comes as Ack with the returned id.
  std::uint64_t EmitWithAck(std::string_view event, json::array args, Time now);
  void Acknowledge(std::uint64_t ack, json::array args);
  void Disconnect(Time now);

  void HandleTimeout(Time now);
  std::optional<Time> NextDeadline() const;
  std::optional<Output> Poll();

  bool connected() const { return state_ == State::kConnected; }
  bool ended() const { return state_ == State::kEnded; }

 private:
  enum class State : std::uint8_t { kOpening, kConnecting, kConnected, kEnded };

  void HandleOpenPacket(std::string_view text, Time now);
  void HandleMessage(Packet packet);
  void HandleEvent(Packet packet);
  void Write(const Packet& packet);
  void End(std::string reason, json::value detail = {});

  ClientConfig config_;
  Decoder decoder_;
  State state_ = State::kOpening;
  Time connect_deadline_;
  Time ping_deadline_ = kNever;  // the server's next ping must have come by then
  Duration ping_patience_{};     // pingInterval + pingTimeout of the handshake
  std::uint64_t next_ack_ = 0;
  std::map<std::uint64_t, Time> waiting_acks_;  // id to deadline
  std::deque<Output> outputs_;
};

}  // namespace jb::socketio
