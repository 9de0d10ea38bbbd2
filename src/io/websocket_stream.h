// SPDX-License-Identifier: Apache-2.0
// WebSocket over a Stream, with Beast's framing. For the .cc files of jb::io only. Loop thread.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "io/http.h"
#include "io/stream.h"
#include "io/websocket.h"

namespace jb::io {

// A WebSocket with what its maker needs beside it.
class WebSocketConnection : public WebSocket {
 public:
  // The maker destroys itself: closes without any callback.
  virtual void Drop() = 0;
  // Once, when the connection has ended, however it did; after on_close, before the callbacks are released.
  virtual void set_on_gone(std::function<void()> fn) = 0;
};

// Answers a handshake that was found valid; `leftover` is what the peer sent behind it.
std::shared_ptr<WebSocketConnection> AcceptWebSocket(asio::io_context& context, std::shared_ptr<Stream> stream,
                                                     const HttpRequest& request, const std::string& leftover,
                                                     const WebSocketOptions& options, const std::string& subprotocol);

// Sends the handshake on a connected stream. `done` gets the status of a refusal in its error.
void OpenWebSocket(asio::io_context& context, std::shared_ptr<Stream> stream, const std::string& host,
                   const std::string& target, const Headers& headers, const SocketAddress& remote,
                   const WebSocketOptions& options,
                   std::function<void(Result<std::shared_ptr<WebSocketConnection>>)> done);

}  // namespace jb::io
