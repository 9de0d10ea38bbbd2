// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 and WebSocket server, plain or TLS, on one loop. Bounds everything before it buffers: header
// size and count, body size per request, idle and header time, connections in all and of one peer, bytes
// queued for slow readers and the time they may take. Answers 400/408/413/431/503 by itself. Does not
// route, compress, or log requests. RFC 9112, RFC 6455.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "io/http.h"
#include "io/loop.h"
#include "io/websocket.h"

namespace jb::io {

struct HttpLimits {
  std::size_t header_bytes = 16 * 1024;  // request line and fields together
  std::size_t header_fields = 64;
  // In all; at most three quarters of the descriptors this process may have (file_limit.h), since what it
  // needs for itself must not depend on strangers. More: 503 and closed.
  std::size_t connections = 16384;
  // Of one IPv4 address or IPv6 /64, loopback excepted; 0: any number, as suits a service with one client.
  // More: 503 and closed.
  std::size_t connections_per_peer = 0;
  std::size_t queued_bytes = 1 << 20;                  // of a chunked response not yet taken; more: the peer is cut
  Duration header_timeout = std::chrono::seconds(10);  // first byte of a request to its last header byte
  Duration idle_timeout = std::chrono::seconds(60);    // between requests
  Duration body_timeout = std::chrono::seconds(20);    // without one byte of a body arriving
  Duration write_timeout = std::chrono::seconds(20);   // without the peer taking one byte
  // Bytes per second that a peer must take on average while an answer waits for it, after write_timeout; less:
  // it is cut. One voice in a call needs as much.
  std::size_t write_rate = 4096;
};

struct HttpServerConfig {
  std::string host = "0.0.0.0";  // an address, or "localhost"; "::" takes IPv4 too
  std::uint16_t port = 0;        // 0 picks a free one
  // Both or neither: PEM files, or their text.
  std::string tls_cert_file, tls_key_file;
  std::string tls_cert_pem, tls_key_pem;
  HttpLimits limits;
  std::function<void()> on_refused = {};  // for each connection over a limit, to count them
};

struct BodyPolicy {
  std::size_t max_bytes = 64 * 1024;  // a longer body is answered 413, before it is read where it says so
  bool stream = false;                // hand the request over after its head; see HttpResponder::ReadBody
};

// Answers one request. Exactly one of Send() or StartChunked()…Finish(); dropping the last reference
// before that answers 500 (or cuts a chunked response). Loop thread. Everything is a no-op once the peer
// has gone, so it may be kept as long as wanted.
class HttpResponder {
 public:
  virtual ~HttpResponder() = default;

  virtual void Send(HttpResponse response) = 0;

  virtual void StartChunked(int status, std::string content_type, Headers headers = {}) = 0;
  // Copies. False: the peer is gone, or too slow and therefore cut.
  virtual bool Write(ByteView data) = 0;
  virtual void Finish() = 0;
  virtual std::size_t queued_bytes() const = 0;

  // Only under BodyPolicy::stream. `on_done` comes once: ok at the body's end; "too_large" (413 was sent),
  // "bad_request" (400 was sent), "closed" or "timeout" else. Nothing is read from the peer before this
  // call, nor between PauseBody() and ResumeBody(), though what was read already (4 KiB) may still come
  // after PauseBody(). A response finished earlier ends the callbacks, and the connection after it.
  virtual void ReadBody(std::function<void(ByteView)> on_data, std::function<void(Status<>)> on_done) = 0;
  virtual void PauseBody() = 0;
  virtual void ResumeBody() = 0;

  // Once, when the peer goes before the response is complete. Noticed by reading, so late at most by the
  // time the peer's FIN takes.
  virtual void set_on_closed(std::function<void()> fn) = 0;
};

// A WebSocket handshake that is valid by RFC 6455 section 4.2.1 and waits to be judged (Origin, path,
// authorisation). Dropping it unanswered answers 500.
class WebSocketAcceptor {
 public:
  virtual ~WebSocketAcceptor() = default;
  // The socket may be written to at once. `subprotocol` goes into the answer when it is not empty.
  virtual std::shared_ptr<WebSocket> Accept(const WebSocketOptions& options = {},
                                            const std::string& subprotocol = "") = 0;
  virtual void Reject(HttpResponse response) = 0;
};

class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  // Called when the head is there, before any of the body is read; `head.body` is empty.
  virtual BodyPolicy PolicyFor(const HttpRequest& head) {
    static_cast<void>(head);
    return {};
  }
  virtual void HandleRequest(HttpRequest request, std::shared_ptr<HttpResponder> responder) = 0;
  // Default: 404. A broken handshake is answered 400 without asking.
  virtual void HandleUpgrade(HttpRequest request, std::shared_ptr<WebSocketAcceptor> acceptor);
};

class HttpServer {
 public:
  // Listens at once. Errors: "address_in_use", "bad_address", "bad_certificate"; the message names the
  // address or the file. `handler` is borrowed and must outlive the server.
  static Result<std::unique_ptr<HttpServer>> Listen(Loop& loop, const HttpServerConfig& config, HttpHandler& handler);
  // Drops all connections; no callback of theirs runs afterwards.
  virtual ~HttpServer() = default;

  virtual std::uint16_t port() const = 0;
  virtual std::size_t connections() const = 0;
  // Takes no new connections; the open ones go on.
  virtual void StopAccepting() = 0;
};

}  // namespace jb::io
