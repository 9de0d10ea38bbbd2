// SPDX-License-Identifier: Apache-2.0
#include "io/http_connection.h"

#include <cstdio>
#include <ctime>

namespace jb::io {
namespace {

// RFC 9110 section 5.6.7: "Sun, 06 Nov 1994 08:49:37 GMT".
std::string HttpDate() {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t now = std::chrono::system_clock::to_time_t(WallNow());
  std::tm utc{};
  gmtime_r(&now, &utc);
  char text[64];
  std::snprintf(text, sizeof text, "%s, %02d %s %d %02d:%02d:%02d GMT", kDays[utc.tm_wday], utc.tm_mday,
                kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
  return text;
}

bool IsServersField(std::string_view name) {
  for (const char* own : {"Content-Length", "Transfer-Encoding", "Connection", "Date"}) {
    if (EqualsIgnoringCase(name, own)) return true;
  }
  return false;
}

// A value with a line break in it would be a header of somebody else's choice.
void AppendField(std::string& out, std::string_view name, std::string_view value) {
  const auto append = [&out](std::string_view text) {
    for (const char c : text) out += c == '\r' || c == '\n' || c == '\0' ? ' ' : c;
  };
  append(name);
  out += ": ";
  append(value);
  out += "\r\n";
}

bool HasToken(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    std::string_view item = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (EqualsIgnoringCase(item, token)) return true;
  }
  return false;
}

// RFC 6455 section 4.2.1: 16 bytes in base64.
bool IsWebSocketKey(std::string_view key) {
  if (key.size() != 24 || !key.ends_with("==")) return false;
  for (const char c : key.substr(0, 22)) {
    const bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
    if (!ok) return false;
  }
  return true;
}

bool HasNoBody(int status) { return status == 204 || status == 304 || status < 200; }

class Responder final : public HttpResponder {
 public:
  Responder(const std::shared_ptr<HttpConnection>& connection, std::uint64_t exchange)
      : connection_(connection), exchange_(exchange) {}
  ~Responder() override {
    if (const auto c = Current()) c->Abandon();
  }
  void Send(HttpResponse response) override {
    if (const auto c = Current()) c->SendWhole(std::move(response));
  }
  void StartChunked(int status, std::string content_type, Headers headers) override {
    if (const auto c = Current()) c->StartChunked(status, content_type, headers);
  }
  bool Write(ByteView data) override {
    const auto c = Current();
    return c && c->WriteChunk(data);
  }
  void Finish() override {
    if (const auto c = Current()) c->FinishChunked();
  }
  std::size_t queued_bytes() const override {
    const auto c = Current();
    return c ? c->queued_bytes() : 0;
  }
  void ReadBody(std::function<void(ByteView)> on_data, std::function<void(Status<>)> on_done) override {
    if (const auto c = Current()) c->ReadBody(std::move(on_data), std::move(on_done));
  }
  void PauseBody() override {
    if (const auto c = Current()) c->PauseBody(true);
  }
  void ResumeBody() override {
    if (const auto c = Current()) c->PauseBody(false);
  }
  void set_on_closed(std::function<void()> fn) override {
    if (const auto c = Current()) c->set_on_closed(std::move(fn));
  }

 private:
  std::shared_ptr<HttpConnection> Current() const {
    const auto c = connection_.lock();
    return c && c->IsCurrent(exchange_) ? c : nullptr;
  }
  const std::weak_ptr<HttpConnection> connection_;
  const std::uint64_t exchange_;
};

class UpgradeAcceptor final : public WebSocketAcceptor {
 public:
  UpgradeAcceptor(const std::shared_ptr<HttpConnection>& connection, std::uint64_t exchange)
      : connection_(connection), exchange_(exchange) {}
  ~UpgradeAcceptor() override {
    if (const auto c = Current()) c->Abandon();
  }
  std::shared_ptr<WebSocket> Accept(const WebSocketOptions& options, const std::string& subprotocol) override {
    const auto c = Current();
    return c ? c->Upgrade(options, subprotocol) : nullptr;
  }
  void Reject(HttpResponse response) override {
    if (const auto c = Current()) c->SendWhole(std::move(response));
  }

 private:
  std::shared_ptr<HttpConnection> Current() const {
    const auto c = connection_.lock();
    return c && c->IsCurrent(exchange_) ? c : nullptr;
  }
  const std::weak_ptr<HttpConnection> connection_;
  const std::uint64_t exchange_;
};

}  // namespace

HttpConnection::HttpConnection(std::shared_ptr<HttpServerSide> server, std::shared_ptr<Stream> stream,
                               const SocketAddress& remote)
    : server_(std::move(server)),
      stream_(std::move(stream)),
      remote_(remote),
      writer_(std::make_shared<WriteQueue>(
          server_->loop, stream_, WriteLimits{server_->limits.write_timeout, server_->limits.write_rate},
          [this] { OnDrained(); }, [this] { Gone(false); })),
      timeout_(server_->loop) {}

void HttpConnection::Start() {
  ArmTimeout();  // a TLS handshake counts as a head
  stream_->HandshakeAsServer([self = shared_from_this()](const ErrorCode& ec) {
    if (self->gone_) return;
    if (ec) return self->Gone(false);
    self->NextRequest();
  });
}

void HttpConnection::Drop() {
  gone_ = true;
  timeout_.Cancel();
  writer_->Stop();
  stream_->Close();
  // They may hold anything of the handler's; it is still there, but must not be called.
  on_data_ = nullptr;
  on_body_done_ = nullptr;
  on_closed_ = nullptr;
}

void HttpConnection::Gone(bool gently) {
  if (gone_) return;
  const auto keep = shared_from_this();
  gone_ = true;
  timeout_.Cancel();
  writer_->Stop();
  if (gently) {
    stream_->CloseGently();
  } else {
    stream_->Close();
  }
  EndBody(jb::Fail("closed", "the peer closed the connection"));
  const auto on_closed = std::exchange(on_closed_, nullptr);
  if (on_closed && !response_done_) on_closed();
  if (const auto fn = server_->on_gone) fn(keep);
}

// ---- reading

void HttpConnection::NextRequest() {
  HttpParserLimits limits;
  limits.header_bytes = server_->limits.header_bytes;
  limits.header_fields = server_->limits.header_fields;
  parser_ = std::make_unique<HttpParser>(HttpParser::Kind::kRequest, limits);
  phase_ = Phase::kHead;
  Process();
}

void HttpConnection::ReadMore() {
  if (reading_ || gone_ || phase_ == Phase::kUpgrade || phase_ == Phase::kFailed) return;
  if (phase_ == Phase::kBody && (body_ == Body::kAwaited || body_paused_)) return;
  // While an answer is being made, reading notices a peer that leaves; what it sends meanwhile is bounded.
  if (phase_ == Phase::kAnswer && input_.size() >= server_->limits.header_bytes) return;
  reading_ = true;
  stream_->ReadSome(asio::buffer(read_buffer_),
                    [self = shared_from_this()](const ErrorCode& ec, std::size_t n) { self->OnRead(ec, n); });
}

void HttpConnection::OnRead(const ErrorCode& ec, std::size_t n) {
  reading_ = false;
  if (gone_) return;
  // Also a peer that only finished sending: it is told from one that left by nothing.
  if (ec) return Gone(false);
  input_.append(read_buffer_.data(), n);
  Process();
}

void HttpConnection::Process() {
  if (processing_) return;
  const auto keep = shared_from_this();
  processing_ = true;
  while (!gone_ && Step()) {
  }
  processing_ = false;
  if (gone_) return;
  ReadMore();
  ArmTimeout();
}

// True when there may be more to do with what is here.
bool HttpConnection::Step() {
  if (input_.empty()) return false;
  switch (phase_) {
    case Phase::kHead:
      PushInput();
      if (gone_ || parser_->state() == HttpParser::State::kHead) return false;
      if (parser_->state() == HttpParser::State::kFailed) {
        Fail(parser_->error_status(), parser_->error_text());
        return false;
      }
      OnHead();
      return true;
    case Phase::kBody:
      if (body_ == Body::kAwaited || body_paused_) return false;
      PushInput();
      if (gone_) return false;
      if (parser_->state() == HttpParser::State::kFailed) {
        Fail(parser_->error_status(), parser_->error_text());
        return false;
      }
      if (parser_->state() != HttpParser::State::kDone) return false;
      OnBodyComplete();
      return true;
    case Phase::kAnswer:
    case Phase::kUpgrade:
    case Phase::kFailed: return false;
  }
  return false;
}

void HttpConnection::PushInput() {
  const std::size_t n = parser_->Push(AsBytes(input_));
  input_.erase(0, n);
}

bool HttpConnection::TakeHead(HttpHead& head) {
  request_ = {};
  request_.method = head.method;
  request_.remote = remote_;
  request_.secure = stream_->is_secure();
  request_.headers = std::move(head.headers);
  request_.target = head.target;
  // RFC 9112 section 3.2.2: the absolute form has to be understood, though only proxies are sent it.
  if (!request_.target.starts_with('/') && request_.target != "*") {
    const auto url = ParseUrl(request_.target);
    if (!url) return false;
    request_.target = url->target;
  }
  const std::string_view target = request_.target;
  const std::size_t question = std::min(target.find('?'), target.size());
  const auto path = PercentDecode(target.substr(0, question), /*plus_is_space=*/false);
  if (!path || path->find('\0') != std::string::npos) return false;
  request_.path = *path;
  request_.query = Query::Parse(target.substr(std::min(question + 1, target.size())));
  return true;
}

void HttpConnection::OnHead() {
  HttpHead& head = parser_->head();
  ++exchange_;
  response_started_ = response_done_ = chunked_ = false;
  keep_alive_ = head.keep_alive;
  minor_version_ = head.minor_version;
  is_head_request_ = head.method == "HEAD";
  body_paused_ = false;
  phase_ = head.has_body ? Phase::kBody : Phase::kAnswer;
  if (!TakeHead(head)) return Fail(400, "bad request target");
  expects_continue_ =
      head.has_body && minor_version_ == 1 && EqualsIgnoringCase(request_.headers["Expect"], "100-continue");
  if (HasToken(request_.headers["Upgrade"], "websocket")) return HandleUpgrade();

  const BodyPolicy policy = server_->handler.PolicyFor(request_);
  if (gone_) return;
  body_ = policy.stream ? Body::kAwaited : Body::kCollect;
  parser_->set_body_limit(policy.max_bytes);
  if (parser_->state() == HttpParser::State::kFailed)
    return Fail(413, "the body may have at most " + std::to_string(policy.max_bytes) + " bytes");
  parser_->set_on_body([this](ByteView data) { OnBodyData(data); });
  if (phase_ == Phase::kBody && body_ == Body::kCollect) {
    SendContinue();
  } else {
    HandOver();
  }
}

void HttpConnection::HandOver() {
  const auto responder = std::make_shared<Responder>(shared_from_this(), exchange_);
  server_->handler.HandleRequest(std::exchange(request_, {}), responder);
}

void HttpConnection::HandleUpgrade() {
  const Headers& h = request_.headers;
  if (request_.method != "GET" || minor_version_ != 1 || phase_ == Phase::kBody ||
      !HasToken(h["Connection"], "upgrade") || !IsWebSocketKey(h["Sec-WebSocket-Key"])) {
    return Fail(400, "broken WebSocket handshake");
  }
  if (h["Sec-WebSocket-Version"] != "13") {
    keep_alive_ = false;
    HttpResponse response = ErrorResponse(426, "upgrade_required", "WebSocket version 13 is spoken here");
    response.headers.Add("Sec-WebSocket-Version", "13");  // RFC 6455 section 4.4
    return SendWhole(std::move(response));
  }
  // A read under way would take the first frames. It is there only behind a pipelined request.
  if (reading_) return Fail(400, "a WebSocket handshake may not be pipelined");
  phase_ = Phase::kUpgrade;
  HttpRequest request = request_;  // Upgrade() needs it again
  server_->handler.HandleUpgrade(std::move(request), std::make_shared<UpgradeAcceptor>(shared_from_this(), exchange_));
}

std::shared_ptr<WebSocket> HttpConnection::Upgrade(const WebSocketOptions& options, const std::string& subprotocol) {
  if (phase_ != Phase::kUpgrade) return nullptr;
  const auto keep = shared_from_this();
  gone_ = true;
  timeout_.Cancel();
  writer_->Stop();
  auto socket = AcceptWebSocket(ContextOf(server_->loop), stream_, request_, input_, options, subprotocol);
  if (const auto fn = server_->on_websocket) fn(socket);
  if (const auto fn = server_->on_gone) fn(keep);
  return socket;
}

void HttpConnection::OnBodyData(ByteView data) {
  if (gone_ || response_done_) return;
  if (body_ == Body::kCollect) {
    request_.body += AsText(data);
  } else if (const auto fn = on_data_) {
    fn(data);
  }
}

void HttpConnection::OnBodyComplete() {
  phase_ = Phase::kAnswer;
  if (body_ == Body::kCollect) {
    HandOver();
  } else {
    EndBody(kOk);
  }
}

void HttpConnection::EndBody(Status<> how) {
  on_data_ = nullptr;
  const auto fn = std::exchange(on_body_done_, nullptr);
  if (fn) fn(std::move(how));
}

void HttpConnection::ReadBody(std::function<void(ByteView)> on_data, std::function<void(Status<>)> on_done) {
  if (body_ != Body::kAwaited) return;
  body_ = Body::kStream;
  on_data_ = std::move(on_data);
  on_body_done_ = std::move(on_done);
  SendContinue();
  // Not inside this call.
  server_->loop.Post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self || self->gone_) return;
    if (self->phase_ == Phase::kAnswer) self->EndBody(kOk);  // it had no body
    self->Process();
  });
}

void HttpConnection::PauseBody(bool paused) {
  body_paused_ = paused;
  if (paused) return;
  server_->loop.Post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self && !self->gone_) self->Process();
  });
}

// RFC 9110 section 10.1.1.
void HttpConnection::SendContinue() {
  if (!expects_continue_ || !input_.empty()) return;
  expects_continue_ = false;
  writer_->Push("HTTP/1.1 100 Continue\r\n\r\n");
}

// The request cannot be read on: answers, if that is still possible, and closes.
void HttpConnection::Fail(int status, const std::string& text) {
  const auto keep = shared_from_this();
  if (phase_ == Phase::kHead) {  // there is no exchange yet
    ++exchange_;
    response_started_ = response_done_ = false;
    minor_version_ = 1;
    is_head_request_ = false;
  }
  phase_ = Phase::kFailed;
  keep_alive_ = false;
  const char* code = status == 413 ? "too_large" : status == 408 ? "timeout" : "bad_request";
  if (response_done_) return;  // it was answered early; the connection closes behind that
  if (response_started_) return Gone(false);
  const auto on_body_done = std::exchange(on_body_done_, nullptr);
  SendWhole(ErrorResponse(status, code, text));
  if (on_body_done) on_body_done(jb::Fail(code, text));
}

// ---- answering

std::string HttpConnection::ResponseHead(int status, const std::string& content_type, const Headers& headers) const {
  std::string out = "HTTP/1.1 " + std::to_string(status) + " ";
  out += ReasonPhrase(status);
  out += "\r\nDate: " + HttpDate() + "\r\n";
  if (!content_type.empty()) AppendField(out, "Content-Type", content_type);
  for (const auto& [name, value] : headers.fields()) {
    if (!IsServersField(name)) AppendField(out, name, value);
  }
  if (!keep_alive_) {
    out += "Connection: close\r\n";
  } else if (minor_version_ == 0) {
    out += "Connection: keep-alive\r\n";
  }
  return out;
}

void HttpConnection::SendWhole(HttpResponse response) {
  if (response_started_) return;
  if (phase_ == Phase::kBody) keep_alive_ = false;  // what is left of the body would be the next request
  std::string out = ResponseHead(response.status, response.content_type, response.headers);
  const bool no_body = HasNoBody(response.status);
  if (!no_body) out += "Content-Length: " + std::to_string(response.bytes().size()) + "\r\n";
  out += "\r\n";
  response_started_ = response_done_ = true;
  if (phase_ == Phase::kUpgrade) phase_ = Phase::kAnswer;
  on_closed_ = nullptr;
  on_data_ = nullptr;
  on_body_done_ = nullptr;
  writer_->Push(std::move(out));
  if (no_body || is_head_request_) return;
  if (response.shared_body) return writer_->Push(std::move(response.shared_body));
  writer_->Push(std::move(response.body));
}

void HttpConnection::StartChunked(int status, const std::string& content_type, const Headers& headers) {
  if (response_started_) return;
  response_started_ = true;
  if (phase_ == Phase::kBody && body_ == Body::kAwaited) keep_alive_ = false;
  chunked_ = minor_version_ == 1;
  if (!chunked_) keep_alive_ = false;  // HTTP/1.0: the end of the connection is the end of the body
  std::string out = ResponseHead(status, content_type, headers);
  out += chunked_ ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n";
  writer_->Push(std::move(out));
}

bool HttpConnection::WriteChunk(ByteView data) {
  if (!response_started_) return false;
  if (data.empty() || is_head_request_) return true;
  if (writer_->bytes() + data.size() > server_->limits.queued_bytes) {
    stream_->Close();  // the write under way fails, and that ends it: not inside this call
    return false;
  }
  std::string out;
  out.reserve(data.size() + 16);
  if (chunked_) {
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", data.size());
    out = size;
  }
  out += AsText(data);
  if (chunked_) out += "\r\n";
  writer_->Push(std::move(out));
  return true;
}

void HttpConnection::FinishChunked() {
  if (!response_started_) return;
  response_done_ = true;
  on_closed_ = nullptr;
  if (phase_ == Phase::kBody) keep_alive_ = false;
  on_data_ = nullptr;
  on_body_done_ = nullptr;
  if (chunked_ && !is_head_request_) writer_->Push("0\r\n\r\n");
  if (writer_->bytes() > 0) return;
  server_->loop.Post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->OnDrained();
  });
}

void HttpConnection::Abandon() {
  on_closed_ = nullptr;
  if (!response_started_) return SendWhole(ErrorResponse(500, "internal", "the request was not answered"));
  // A chunked response without its last chunk: the peer sees that it is not whole.
  response_done_ = true;
  keep_alive_ = false;
  stream_->Close();
  server_->loop.Post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->Gone(false);
  });
}

void HttpConnection::OnDrained() {
  if (gone_ || !response_done_ || writer_->bytes() > 0) return;
  if (phase_ == Phase::kHead && keep_alive_) return;  // already at the next request
  if (!keep_alive_) return Gone(/*gently=*/true);
  NextRequest();
}

// ---- time

void HttpConnection::ArmTimeout() {
  if (gone_) return;
  const bool in_head = !input_.empty() || (parser_ && parser_->started()) || !parser_;
  if (phase_ == Phase::kHead && in_head) {
    // Not armed anew by each byte: a head may not trickle in.
    if (head_timer_running_) return;
    head_timer_running_ = true;
    return timeout_.StartIn(server_->limits.header_timeout, [this] { OnTimeout(); });
  }
  head_timer_running_ = false;
  if (phase_ == Phase::kHead) return timeout_.StartIn(server_->limits.idle_timeout, [this] { OnTimeout(); });
  if (phase_ == Phase::kBody && reading_)
    return timeout_.StartIn(server_->limits.body_timeout, [this] { OnTimeout(); });
  timeout_.Cancel();
}

void HttpConnection::OnTimeout() {
  const bool idle = phase_ == Phase::kHead && !head_timer_running_;
  if (idle || !parser_) return Gone(false);
  if (phase_ == Phase::kHead || phase_ == Phase::kBody) Fail(408, "the request did not arrive in time");
}

}  // namespace jb::io
