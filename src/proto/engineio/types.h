// SPDX-License-Identifier: Apache-2.0
// What the Engine.IO core and its shell say to each other: ids, settings, reasons and outputs. Values only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "base/strong.h"
#include "base/time.h"

namespace jb::engineio {

using namespace std::chrono_literals;

// Chosen by the shell, never reused while the core may still answer it.
using RequestId = Strong<struct RequestIdTag, std::uint64_t>;
using WebSocketId = Strong<struct WebSocketIdTag, std::uint64_t>;
// Chosen by the core, never reused. Not the sid, which is a secret between client and core.
using SessionId = Strong<struct SessionIdTag, std::uint64_t>;

struct ServerConfig {
  Duration ping_interval = 25s;    // Engine.IO handshake, "pingInterval"
  Duration ping_timeout = 20s;     // Engine.IO handshake, "pingTimeout"
  Duration upgrade_timeout = 10s;  // a probing WebSocket that has not sent "5" by then is closed
  // A closed long-polling session waits this long for the GET that collects its last packets.
  Duration close_linger = 10s;
  // A GET that comes while a WebSocket is probing waits this long for "5" before it is answered with a
  // no-op: frames and requests come on two connections and may overtake each other.
  Duration probe_grace = 5ms;
  std::size_t max_payload = 64 * 1024;         // bytes of one POST body or WebSocket message
  std::size_t max_packets_per_payload = 1024;  // packets in one POST body
  // Slow client rule: a client is cut off when more than max_queued_bytes have been waiting for it for
  // slow_after, or more than max_burst_bytes wait at all. A burst alone (the answer to a join, in a large
  // room) is nobody's fault: it waits at least until the end of the loop's turn.
  std::size_t max_queued_bytes = 128 * 1024;
  std::size_t max_burst_bytes = 1024 * 1024;
  Duration slow_after = 2s;
  std::size_t max_queued_packets = 4096;
  std::size_t max_sessions = 20000;
  std::size_t max_sessions_per_client = 2000;  // client: an IPv4 address or an IPv6 /64
  double handshakes_per_second = 10;           // token bucket per client
  double handshake_burst = 30;
  bool limit_loopback = false;  // whether the per-client limits hold for 127.0.0.0/8 and ::1
};

enum class Method : std::uint8_t { kGet, kPost, kOther };

// The query parameters that count; borrowed for the call.
struct Query {
  std::string_view eio;
  std::string_view transport;
  std::string_view sid;
  bool has_sid = false;
  bool base64 = false;  // "b64": this client wants binary as base64 text on every transport
};

enum class CloseReason : std::uint8_t {
  kClientClosed,  // packet "1"
  kServerClosed,  // Close()
  kTransport,     // the WebSocket went away
  kPingTimeout,
  kParseError,     // broken packet or payload
  kProtocolError,  // two polls or two posts at a time, a ping from the client
  kSlowClient,     // max_queued_bytes, max_burst_bytes
};
std::string_view ToString(CloseReason reason);

// WebSocket close codes in use. RFC 6455 section 7.4.1 and the IANA registry.
inline constexpr std::uint16_t kCloseNormal = 1000;
inline constexpr std::uint16_t kCloseProtocolError = 1002;
inline constexpr std::uint16_t kCloseTooBig = 1009;
inline constexpr std::uint16_t kCloseTryAgainLater = 1013;

// Outputs for the shell.
struct HttpReply {
  RequestId request;
  int status = 200;
  bool is_json = false;  // application/json when true, else text/plain
  std::string body;
};
struct WebSocketSend {
  WebSocketId socket;
  bool binary = false;
  std::string data;
};
struct WebSocketClose {
  WebSocketId socket;
  std::uint16_t code = kCloseNormal;
};
// Outputs for the layer above. A session opens once, closes once, and has messages only in between.
struct SessionOpened {
  SessionId session;
};
struct SessionMessage {
  SessionId session;
  bool binary = false;
  std::string data;
};
struct SessionClosed {
  SessionId session;
  CloseReason reason = CloseReason::kServerClosed;
};
using Output = std::variant<HttpReply, WebSocketSend, WebSocketClose, SessionOpened, SessionMessage, SessionClosed>;

// Why a handshake or request is refused before it touches a session. `code` and `message` are the
// body: {"code":1,"message":"Session ID unknown"}, as the protocol's reference server words them.
struct Refusal {
  int status = 400;
  int code = 3;
  std::string_view message = "Bad request";
  std::string Body() const;
};

}  // namespace jb::engineio
