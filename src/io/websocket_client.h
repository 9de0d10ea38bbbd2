// SPDX-License-Identifier: Apache-2.0
// Opens a WebSocket to a ws:// or wss:// URL. Loop thread. RFC 6455 section 4.1.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "io/http.h"
#include "io/loop.h"
#include "io/websocket.h"

namespace jb::io {

struct WebSocketConnectOptions {
  Headers headers;                              // additional ones: Origin, Authorization
  Duration timeout = std::chrono::seconds(10);  // name lookup to handshake answer
  bool accept_any_certificate = false;          // for local certificates
  WebSocketOptions socket;
};

// `done` runs once, never inside the call, and not if the loop is destroyed first. Whoever no longer wants
// the socket closes it there. Errors: as HttpClient's, and "refused" when the server did not upgrade (the
// message has its status).
void ConnectWebSocket(Loop& loop, const std::string& url, const WebSocketConnectOptions& options,
                      std::function<void(Result<std::shared_ptr<WebSocket>>)> done);

}  // namespace jb::io
