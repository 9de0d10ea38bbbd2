// SPDX-License-Identifier: Apache-2.0
// One open WebSocket, whichever side opened it. RFC 6455, no extensions (no permessage-deflate: it costs
// memory per connection and opens CRIME-like leaks). Pings, pongs and fragments are handled inside. Loop
// thread. The connection owns itself and holds the callbacks until it is closed; the shared pointer a user
// holds keeps only the object valid.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/socket_address.h"
#include "base/time.h"

namespace jb::io {

// RFC 6455 section 7.4.1.
inline constexpr std::uint16_t kWsNormal = 1000;
inline constexpr std::uint16_t kWsGoingAway = 1001;
inline constexpr std::uint16_t kWsProtocolError = 1002;
inline constexpr std::uint16_t kWsNoStatus = 1005;  // the peer's close frame had no code
inline constexpr std::uint16_t kWsAbnormal = 1006;  // the connection broke without a close frame
inline constexpr std::uint16_t kWsPolicy = 1008;
inline constexpr std::uint16_t kWsTooBig = 1009;
inline constexpr std::uint16_t kWsInternalError = 1011;
inline constexpr std::uint16_t kWsTryLater = 1013;

struct WebSocketOptions {
  std::size_t max_message = 1 << 20;          // bytes of one whole message; more: 1009 and closed
  std::size_t max_queued_bytes = 512 * 1024;  // not yet taken by the kernel; more: cut off, on_close 1006
  // A peer silent this long is pinged at half of it and then cut. 0: never.
  Duration idle_timeout = std::chrono::seconds(60);
};

class WebSocket {
 public:
  virtual ~WebSocket() = default;

  // Set them in the turn in which the socket was handed over; nothing is read before its end. They may
  // call anything of this socket.
  virtual void set_on_text(std::function<void(std::string_view)> fn) = 0;
  virtual void set_on_binary(std::function<void(ByteView)> fn) = 0;
  // Exactly once, however it ends: the peer's code, or kWsAbnormal. Never called inside Send or Close, and
  // not when the server, or the loop, is destroyed.
  virtual void set_on_close(std::function<void(std::uint16_t code, std::string_view reason)> fn) = 0;

  // One frame each, in order. False once the socket is closing or closed; the message is then dropped.
  virtual bool SendText(std::string text) = 0;
  virtual bool SendBinary(Bytes data) = 0;
  // Sends what is queued, then the close frame; waits a bounded time for the peer's. No message is
  // delivered after it. Idempotent.
  virtual void Close(std::uint16_t code = kWsNormal, std::string reason = "") = 0;
  // While paused nothing is read, so that the peer has to wait: no message is delivered (but one whose reading
  // had begun), no ping is answered, nor is the peer's going noticed. The idle timeout goes on counting.
  virtual void PauseReading(bool paused) = 0;
  // Drops the connection at once, without a close frame. Still answers on_close(kWsAbnormal), later.
  virtual void Abort() = 0;

  virtual std::size_t queued_bytes() const = 0;
  virtual const SocketAddress& remote() const = 0;
};

}  // namespace jb::io
