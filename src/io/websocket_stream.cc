// SPDX-License-Identifier: Apache-2.0
#include "io/websocket_stream.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/websocket/stream.hpp>
#include <deque>

namespace jb::io {
namespace {

namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;

// From Close() to the end of the connection: what is queued, our close frame, the peer's.
constexpr auto kCloseTimeout = std::chrono::seconds(10);
constexpr std::size_t kKeptBuffer = 16 * 1024;  // bytes a connection keeps between messages
constexpr std::size_t kMaxReason = 123;         // bytes; RFC 6455 section 5.5

// A Stream as Beast's websocket::stream wants its next layer.
class Transport {
 public:
  using executor_type = asio::io_context::executor_type;
  Transport(asio::io_context& context, std::shared_ptr<Stream> stream, std::string leftover)
      : executor_(context.get_executor()), stream_(std::move(stream)), leftover_(std::move(leftover)) {}

  executor_type get_executor() const noexcept { return executor_; }
  Stream& stream() { return *stream_; }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(ErrorCode, std::size_t)>(
        [this](auto handler, asio::mutable_buffer into) { StartRead(into, Shared(std::move(handler))); }, token,
        FirstBuffer<asio::mutable_buffer>(buffers));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return asio::async_initiate<Token, void(ErrorCode, std::size_t)>(
        [this](auto handler, asio::const_buffer from) { stream_->WriteSome(from, Shared(std::move(handler))); }, token,
        FirstBuffer<asio::const_buffer>(buffers));
  }

  friend void beast_close_socket(Transport& t) { t.stream_->Close(); }
  // Found by argument-dependent lookup in Beast only.
  [[maybe_unused]] friend void teardown(beast::role_type, Transport& t, ErrorCode& ec) {
    t.stream_->CloseGently();
    ec = {};
  }
  template <class Handler>
  friend void async_teardown(beast::role_type, Transport& t, Handler&& handler) {
    t.stream_->CloseGently();  // goes on by itself
    asio::post(t.executor_, beast::bind_front_handler(std::forward<Handler>(handler), ErrorCode{}));
  }

 private:
  // Handlers of Beast move only; std::function copies.
  template <class Handler>
  static Stream::IoDone Shared(Handler handler) {
    return [h = std::make_shared<Handler>(std::move(handler))](const ErrorCode& ec, std::size_t n) {
      Handler run = std::move(*h);
      run(ec, n);
    };
  }
  template <class Buffer, class Buffers>
  static Buffer FirstBuffer(const Buffers& buffers) {
    const auto end = asio::buffer_sequence_end(buffers);
    for (auto it = asio::buffer_sequence_begin(buffers); it != end; ++it) {
      if (Buffer(*it).size() > 0) return Buffer(*it);
    }
    return {};
  }
  void StartRead(asio::mutable_buffer into, Stream::IoDone done) {
    if (leftover_.empty()) return stream_->ReadSome(into, std::move(done));
    const std::size_t n = asio::buffer_copy(into, asio::buffer(leftover_));
    leftover_.erase(0, n);
    asio::post(executor_, [done = std::move(done), n] { done({}, n); });
  }

  executor_type executor_;
  std::shared_ptr<Stream> stream_;
  std::string leftover_;  // arrived behind the handshake
};

class Connection final : public WebSocketConnection, public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::io_context& context, std::shared_ptr<Stream> stream, std::string leftover,
             const SocketAddress& remote, const WebSocketOptions& options)
      : ws_(context, std::move(stream), std::move(leftover)),
        close_timer_(context),
        remote_(remote),
        options_(options) {
    ws_.read_message_max(options.max_message);
    ws_.auto_fragment(false);  // one message, one frame
  }

  void SetTimeouts(beast::role_type role) {
    auto timeouts = websocket::stream_base::timeout::suggested(role);
    timeouts.handshake_timeout = kCloseTimeout;
    timeouts.idle_timeout = options_.idle_timeout.count() > 0
                                ? std::chrono::duration_cast<std::chrono::steady_clock::duration>(options_.idle_timeout)
                                : websocket::stream_base::none();
    timeouts.keep_alive_pings = true;
    ws_.set_option(timeouts);
  }

  void Accept(const HttpRequest& request, const std::string& subprotocol) {
    http::request<http::empty_body> head(http::verb::get, request.target, 11);
    for (const char* name : {"Host", "Upgrade", "Connection", "Sec-WebSocket-Key", "Sec-WebSocket-Version"}) {
      head.set(name, beast::string_view(request.headers[name].data(), request.headers[name].size()));
    }
    ws_.set_option(websocket::stream_base::decorator([subprotocol](websocket::response_type& response) {
      response.erase(http::field::server);
      if (!subprotocol.empty()) response.set(http::field::sec_websocket_protocol, subprotocol);
    }));
    ws_.async_accept(head, [self = shared_from_this()](const ErrorCode& ec) {
      if (ec) return self->Ended(kWsAbnormal, "");
      self->Opened();
    });
  }

  using OpenDone = std::function<void(Result<std::shared_ptr<WebSocketConnection>>)>;
  void Open(const std::string& host, const std::string& target, const Headers& headers, OpenDone done) {
    ws_.set_option(websocket::stream_base::decorator([headers](websocket::request_type& request) {
      request.erase(http::field::user_agent);
      for (const auto& [name, value] : headers.fields()) request.set(name, value);
    }));
    auto answer = std::make_shared<websocket::response_type>();
    ws_.async_handshake(*answer, host, target,
                        [self = shared_from_this(), answer, done = std::move(done)](const ErrorCode& ec) {
                          self->Handshaken(ec, answer->result_int(), done);
                        });
  }

  void set_on_text(std::function<void(std::string_view)> fn) override { on_text_ = std::move(fn); }
  void set_on_binary(std::function<void(ByteView)> fn) override { on_binary_ = std::move(fn); }
  void set_on_close(std::function<void(std::uint16_t, std::string_view)> fn) override { on_close_ = std::move(fn); }
  void set_on_gone(std::function<void()> fn) override { on_gone_ = std::move(fn); }

  bool SendText(std::string text) override { return Enqueue(true, std::move(text)); }
  bool SendBinary(Bytes data) override { return Enqueue(false, std::string(AsText(data))); }

  void Close(std::uint16_t code, std::string reason) override {
    if (closing_ || ended_) return;
    closing_ = true;
    while (reason.size() > kMaxReason || (!reason.empty() && reason.size() + 1 > kMaxReason &&
                                          (static_cast<unsigned char>(reason.back()) & 0xc0) == 0x80)) {
      reason.pop_back();
    }
    const bool sendable = code >= 1000 && code != kWsNoStatus && code != kWsAbnormal;
    close_reason_.code = sendable ? code : kWsNormal;
    close_reason_.reason = reason;
    close_timer_.expires_after(kCloseTimeout);
    close_timer_.async_wait([weak = weak_from_this()](const ErrorCode& ec) {
      const auto self = weak.lock();
      if (self && !ec) self->Abort();
    });
    if (open_ && !writing_) StartClose();
  }

  void PauseReading(bool paused) override {
    paused_ = paused;
    if (!paused) ReadOn();
  }

  void Abort() override {
    closing_ = true;
    queue_.clear();
    queued_bytes_ = 0;
    Broken();
  }

  void Drop() override {
    on_text_ = nullptr;
    on_binary_ = nullptr;
    on_close_ = nullptr;
    on_gone_ = nullptr;
    Abort();
  }

  std::size_t queued_bytes() const override { return queued_bytes_; }
  const SocketAddress& remote() const override { return remote_; }

 private:
  struct Message {
    bool is_text;
    std::string bytes;
  };

  void Opened() {
    if (ended_) return;
    open_ = true;
    StartRead();
    if (!writing_) WriteNext();
  }

  void Handshaken(const ErrorCode& ec, unsigned status, const OpenDone& done) {
    if (!ec) {
      done(std::shared_ptr<WebSocketConnection>(shared_from_this()));
      return Opened();
    }
    ended_ = true;
    ws_.next_layer().stream().Close();
    if (ec == websocket::error::upgrade_declined) {
      return done(Fail("refused", "the server answered " + std::to_string(status)));
    }
    const bool timed_out = ec == beast::error::timeout;
    done(Fail(timed_out ? "timeout" : "bad_response", "WebSocket handshake: " + ec.message()));
  }

  bool Enqueue(bool is_text, std::string bytes) {
    if (closing_ || ended_) return false;
    if (queued_bytes_ + bytes.size() > options_.max_queued_bytes) {
      Abort();
      return false;
    }
    queued_bytes_ += bytes.size();
    queue_.push_back({is_text, std::move(bytes)});
    if (open_ && !writing_) WriteNext();
    return true;
  }

  void WriteNext() {
    if (ended_) return;
    if (queue_.empty()) {
      if (closing_) StartClose();
      return;
    }
    writing_ = true;
    // Kept by the handler, since Abort() empties the queue under the write.
    auto message = std::make_shared<Message>(std::move(queue_.front()));
    queue_.pop_front();
    ws_.text(message->is_text);
    ws_.async_write(asio::buffer(message->bytes),
                    [self = shared_from_this(), message](const ErrorCode& ec, std::size_t) {
                      self->writing_ = false;
                      self->queued_bytes_ -= std::min(self->queued_bytes_, message->bytes.size());
                      if (ec) return self->Broken();
                      self->WriteNext();
                    });
  }

  void StartRead() {
    ws_.async_read(buffer_, [self = shared_from_this()](const ErrorCode& ec, std::size_t) { self->OnRead(ec); });
  }

  // The read side reports the end.
  void Broken() {
    ws_.next_layer().stream().Close();
    ReadOn();
  }

  // Goes on where a pause held reading back.
  void ReadOn() {
    if (!held_back_ || close_started_ || ended_) return;
    held_back_ = false;
    StartRead();
  }

  void OnRead(const ErrorCode& ec) {
    if (ec) {
      if (close_started_) return;  // StartClose's handler knows how it went
      if (ec == websocket::error::closed) {
        const auto& reason = ws_.reason();
        return Ended(reason.code == websocket::close_code::none ? kWsNoStatus : reason.code,
                     std::string(reason.reason.data(), reason.reason.size()));
      }
      return Ended(OwnCode(ec), "");
    }
    Deliver();
    buffer_.consume(buffer_.size());
    if (buffer_.capacity() > kKeptBuffer) buffer_.shrink_to_fit();
    held_back_ = paused_ && !closing_;
    if (!close_started_ && !held_back_) StartRead();
  }

  // A protocol violation: Beast has sent the close frame with this code.
  static std::uint16_t OwnCode(const ErrorCode& ec) {
    if (ec == websocket::error::message_too_big || ec == websocket::error::buffer_overflow) return kWsTooBig;
    return kWsAbnormal;
  }

  void Deliver() {
    if (closing_ || ended_) return;
    const auto data = buffer_.data();
    const ByteView bytes(static_cast<const std::uint8_t*>(data.data()), data.size());
    // Copies, since a callback may be replaced while it runs.
    if (ws_.got_text()) {
      if (const auto fn = on_text_) fn(AsText(bytes));
    } else {
      if (const auto fn = on_binary_) fn(bytes);
    }
  }

  void StartClose() {
    if (close_started_ || ended_) return;
    close_started_ = true;
    ws_.async_close(close_reason_, [self = shared_from_this()](const ErrorCode& ec) {
      const auto& reason = self->ws_.reason();
      if (ec || reason.code == websocket::close_code::none) {
        self->ws_.next_layer().stream().Close();
        return self->Ended(ec ? kWsAbnormal : kWsNoStatus, "");
      }
      self->Ended(reason.code, std::string(reason.reason.data(), reason.reason.size()));
    });
  }

  void Ended(std::uint16_t code, const std::string& reason) {
    if (ended_) return;
    ended_ = true;
    open_ = false;
    close_timer_.cancel();
    queue_.clear();
    queued_bytes_ = 0;
    if (code == kWsAbnormal) ws_.next_layer().stream().Close();
    const auto on_close = std::exchange(on_close_, nullptr);
    const auto on_gone = std::exchange(on_gone_, nullptr);
    if (on_close) on_close(code, reason);
    if (on_gone) on_gone();
    // They often hold this very socket.
    on_text_ = nullptr;
    on_binary_ = nullptr;
    on_close_ = nullptr;
  }

  websocket::stream<Transport, /*deflateSupported=*/false> ws_;
  asio::steady_timer close_timer_;
  const SocketAddress remote_;
  const WebSocketOptions options_;
  std::function<void(std::string_view)> on_text_;
  std::function<void(ByteView)> on_binary_;
  std::function<void(std::uint16_t, std::string_view)> on_close_;
  std::function<void()> on_gone_;
  beast::flat_buffer buffer_;
  std::deque<Message> queue_;
  std::size_t queued_bytes_ = 0;  // the message being written included
  websocket::close_reason close_reason_;
  bool open_ = false;  // the handshake is done
  bool writing_ = false;
  bool paused_ = false;
  bool held_back_ = false;      // no read is under way, because of a pause
  bool closing_ = false;        // nothing more is taken or delivered
  bool close_started_ = false;  // the close frame is on its way
  bool ended_ = false;
};

}  // namespace

std::shared_ptr<WebSocketConnection> AcceptWebSocket(asio::io_context& context, std::shared_ptr<Stream> stream,
                                                     const HttpRequest& request, const std::string& leftover,
                                                     const WebSocketOptions& options, const std::string& subprotocol) {
  auto connection = std::make_shared<Connection>(context, std::move(stream), leftover, request.remote, options);
  connection->SetTimeouts(beast::role_type::server);
  connection->Accept(request, subprotocol);
  return connection;
}

void OpenWebSocket(asio::io_context& context, std::shared_ptr<Stream> stream, const std::string& host,
                   const std::string& target, const Headers& headers, const SocketAddress& remote,
                   const WebSocketOptions& options,
                   std::function<void(Result<std::shared_ptr<WebSocketConnection>>)> done) {
  auto connection = std::make_shared<Connection>(context, std::move(stream), "", remote, options);
  connection->SetTimeouts(beast::role_type::client);
  connection->Open(host, target, headers, std::move(done));
}

}  // namespace jb::io
