// SPDX-License-Identifier: Apache-2.0
// One server-side connection: reads requests one after the other, hands each to the handler, writes the
// answers. For the .cc files of jb::io only. Loop thread. Owned by its server and by its own pending I/O.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>

#include "io/http_parser.h"
#include "io/http_server.h"
#include "io/stream.h"
#include "io/websocket_stream.h"
#include "io/write_queue.h"

namespace jb::io {

class HttpConnection;

// What connections need of their server; shared, since a callback may destroy the server under them. Its
// functions are empty from then on, and Drop() has been called on every connection.
struct HttpServerSide {
  Loop& loop;
  HttpHandler& handler;
  HttpLimits limits;
  std::function<void(const std::shared_ptr<HttpConnection>&)> on_gone;
  std::function<void(const std::shared_ptr<WebSocketConnection>&)> on_websocket;
};

class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(std::shared_ptr<HttpServerSide> server, std::shared_ptr<Stream> stream, const SocketAddress& remote);

  void Start();
  // The server goes: no callback runs afterwards.
  void Drop();

  // For responders and acceptors. Each belongs to one exchange, by number, and asks IsCurrent() first.
  bool IsCurrent(std::uint64_t exchange) const { return !gone_ && exchange == exchange_ && !response_done_; }
  void SendWhole(HttpResponse response);
  void StartChunked(int status, const std::string& content_type, const Headers& headers);
  bool WriteChunk(ByteView data);
  void FinishChunked();
  // The responder was dropped without having finished.
  void Abandon();
  std::size_t queued_bytes() const { return writer_->bytes(); }
  void ReadBody(std::function<void(ByteView)> on_data, std::function<void(Status<>)> on_done);
  void PauseBody(bool paused);
  void set_on_closed(std::function<void()> fn) { on_closed_ = std::move(fn); }
  std::shared_ptr<WebSocket> Upgrade(const WebSocketOptions& options, const std::string& subprotocol);

 private:
  enum class Phase : std::uint8_t {
    kHead,     // between requests, or inside a head
    kBody,     // the body is not complete; a streamed one may be answered already
    kAnswer,   // the request is complete, the answer is not
    kUpgrade,  // a WebSocket handshake waits to be judged; nothing is read
    kFailed,   // the connection closes behind the last answer; nothing is read
  };
  enum class Body : std::uint8_t { kCollect, kAwaited, kStream };  // kAwaited: for ReadBody()

  void ReadMore();
  void OnRead(const ErrorCode& ec, std::size_t n);
  void Process();
  bool Step();
  void PushInput();
  void OnHead();
  bool TakeHead(HttpHead& head);
  void HandOver();
  void HandleUpgrade();
  void OnBodyData(ByteView data);
  void OnBodyComplete();
  void EndBody(Status<> how);
  void Fail(int status, const std::string& text);
  void SendContinue();
  std::string ResponseHead(int status, const std::string& content_type, const Headers& headers) const;
  void OnDrained();
  void NextRequest();
  void Gone(bool gently);
  void ArmTimeout();
  void OnTimeout();

  const std::shared_ptr<HttpServerSide> server_;
  const std::shared_ptr<Stream> stream_;
  const SocketAddress remote_;
  const std::shared_ptr<WriteQueue> writer_;
  Timer timeout_;

  // The request
  Phase phase_ = Phase::kHead;
  std::unique_ptr<HttpParser> parser_;
  std::array<char, 4096> read_buffer_;
  std::string input_;  // not yet taken by the parser
  bool reading_ = false;
  bool processing_ = false;
  HttpRequest request_;  // until it is handed over
  Body body_ = Body::kCollect;
  bool body_paused_ = false;
  bool expects_continue_ = false;
  std::function<void(ByteView)> on_data_;
  std::function<void(Status<>)> on_body_done_;

  // The answer
  std::uint64_t exchange_ = 0;
  int minor_version_ = 1;
  bool is_head_request_ = false;
  bool keep_alive_ = false;
  bool chunked_ = false;
  bool response_started_ = false;
  bool response_done_ = true;  // nothing more will be added to it
  std::function<void()> on_closed_;

  bool head_timer_running_ = false;
  bool gone_ = false;
};

}  // namespace jb::io
