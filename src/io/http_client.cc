// SPDX-License-Identifier: Apache-2.0
#include "io/http_client.h"

#include <array>
#include <list>
#include <map>

#include "io/connector.h"
#include "io/http_parser.h"
#include "io/write_queue.h"

namespace jb::io {
namespace {

// Answers may carry more than requests: static files of a foreign server, long cookies.
constexpr HttpParserLimits kResponseLimits{64 * 1024, 256};

bool IsClientsField(std::string_view name) {
  for (const char* own : {"Host", "Content-Length", "Connection", "Transfer-Encoding"}) {
    if (EqualsIgnoringCase(name, own)) return true;
  }
  return false;
}

struct IdleConnection {
  std::shared_ptr<Stream> stream;
  Time until;
  bool taken = false;
};

// Kept-alive connections by scheme and authority.
class Pool {
 public:
  explicit Pool(const HttpClientOptions& options) : options_(options) {}

  std::shared_ptr<Stream> Take(const std::string& key) {
    auto& list = idle_[key];
    while (!list.empty()) {
      const auto connection = list.back();  // the youngest: the likeliest to be alive
      list.pop_back();
      connection->taken = true;
      if (connection->stream->is_open() && connection->until > Now()) return connection->stream;
      connection->stream->Close();
    }
    return nullptr;
  }

  void Keep(const std::string& key, std::shared_ptr<Stream> stream) {
    auto& list = idle_[key];
    Expire(list);
    if (list.size() >= options_.idle_per_host) return stream->Close();
    auto connection =
        std::make_shared<IdleConnection>(IdleConnection{std::move(stream), Now() + options_.idle_timeout});
    // Anything to read now can only be its end.
    connection->stream->socket().async_wait(asio::ip::tcp::socket::wait_read, [connection](const ErrorCode&) {
      if (!connection->taken) connection->stream->Close();
    });
    list.push_back(std::move(connection));
  }

  void Clear() {
    for (auto& [key, list] : idle_) {
      for (const auto& connection : list) connection->stream->Close();
    }
    idle_.clear();
  }

 private:
  static void Expire(std::list<std::shared_ptr<IdleConnection>>& list) {
    const Time now = Now();
    list.remove_if([now](const auto& connection) {
      if (connection->until > now && connection->stream->is_open()) return false;
      connection->stream->Close();
      return true;
    });
  }

  const HttpClientOptions options_;
  std::map<std::string, std::list<std::shared_ptr<IdleConnection>>> idle_;
};

// One request and its answer.
class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  struct Env {
    Loop& loop;
    Pool& pool;
    TlsContext tls;
    Duration connect_timeout;
    std::function<void()> on_over;  // before the callbacks: forget it
  };

  Exchange(Env env, HttpClientRequest request, Url url, HttpClient::OnChunk on_chunk, HttpClient::Done done)
      : env_(std::move(env)),
        request_(std::move(request)),
        url_(std::move(url)),
        key_(url_.scheme + "://" + url_.authority()),
        on_chunk_(std::move(on_chunk)),
        done_(std::move(done)),
        timer_(env_.loop) {}

  void Start() {
    timer_.StartIn(request_.timeout, [this] { Finish(Fail("timeout", key_ + " did not answer in time")); });
    if (auto stream = env_.pool.Take(key_)) {
      reused_ = true;
      return Begin(std::move(stream));
    }
    Connect();
  }

  void Cancel() {
    over_ = true;
    done_ = nullptr;
    on_chunk_ = nullptr;
    timer_.Cancel();
    Abandon();
  }

 private:
  void Connect() {
    connector_ = std::make_shared<Connector>(env_.loop, url_, env_.tls, env_.connect_timeout,
                                             [self = shared_from_this()](Result<Connected> connected) {
                                               self->connector_.reset();
                                               if (self->over_) return;
                                               if (!connected.ok()) return self->Finish(Fail(connected.error()));
                                               self->Begin(connected->stream);
                                             });
    connector_->Start();
  }

  void Begin(std::shared_ptr<Stream> stream) {
    stream_ = std::move(stream);
    NewParser();
    writer_ = std::make_shared<WriteQueue>(
        env_.loop, stream_, WriteLimits{request_.timeout}, [] {}, [] {});
    writer_->Push(RequestHead());
    writer_->Push(request_.body);
    Read();
  }

  void NewParser() {
    parser_ = std::make_unique<HttpParser>(HttpParser::Kind::kResponse, kResponseLimits);
    if (request_.method == "HEAD") parser_->ExpectNoBody();
    parser_->set_on_body([this](ByteView data) { OnBody(data); });
  }

  std::string RequestHead() const {
    std::string head = request_.method + " " + url_.target + " HTTP/1.1\r\nHost: " + url_.authority() + "\r\n";
    for (const auto& [name, value] : request_.headers.fields()) {
      if (IsClientsField(name) || (name + value).find_first_of("\r\n") != std::string::npos) continue;
      head += name + ": " + value + "\r\n";
    }
    const bool may_have_body = request_.method != "GET" && request_.method != "HEAD" && request_.method != "DELETE";
    if (may_have_body || !request_.body.empty()) {
      head += "Content-Length: " + std::to_string(request_.body.size()) + "\r\n";
    }
    return head + "\r\n";
  }

  void Read() {
    stream_->ReadSome(asio::buffer(read_buffer_), [self = shared_from_this()](const ErrorCode& ec, std::size_t n) {
      if (!self->over_) self->OnRead(ec, n);
    });
  }

  void OnRead(const ErrorCode& ec, std::size_t n) {
    if (ec) return OnEnd(ec);
    input_.append(read_buffer_.data(), n);
    while (!over_ && !input_.empty()) {
      const bool in_head = parser_->state() == HttpParser::State::kHead;
      const std::size_t taken = parser_->Push(AsBytes(input_));
      if (over_) return;
      input_.erase(0, taken);
      if (in_head && !OnHead()) return;
      if (parser_->state() == HttpParser::State::kFailed) return Refuse();
      if (parser_->state() == HttpParser::State::kDone) return Complete();
      if (taken == 0) break;
    }
    if (!over_) Read();
  }

  // False: over, or still incomplete with nothing more here.
  bool OnHead() {
    if (parser_->state() == HttpParser::State::kFailed) return Refuse(), false;
    if (parser_->state() == HttpParser::State::kHead) return Read(), false;
    const HttpHead& head = parser_->head();
    if (head.status >= 100 && head.status < 200) {  // RFC 9110 section 15.2: the real answer follows
      if (head.status == 101) return Refuse(), false;
      NewParser();
      if (input_.empty()) return Read(), false;
      return true;
    }
    response_.status = head.status;
    response_.content_type = std::string(head.headers["Content-Type"]);
    response_.headers = head.headers;
    parser_->set_body_limit(request_.max_response);
    return true;
  }

  void OnBody(ByteView data) {
    if (over_) return;
    if (on_chunk_ && response_.status / 100 == 2) {
      const auto fn = on_chunk_;
      fn(data);
    } else {
      response_.body += AsText(data);
    }
  }

  void OnEnd(const ErrorCode& ec) {
    const bool nothing_arrived = !parser_->started() && input_.empty();
    if (nothing_arrived && reused_) {  // the server had closed it meanwhile
      reused_ = false;
      Abandon();
      return Connect();
    }
    if (ec == asio::error::eof) parser_->PushEof();
    if (parser_->state() == HttpParser::State::kDone) return Complete();
    Finish(Fail("closed", key_ + " closed the connection before the answer was complete"));
  }

  void Refuse() {
    if (parser_->error_status() == 413) {
      return Finish(Fail("too_large", "the answer of " + key_ + " is larger than " +
                                          std::to_string(request_.max_response) + " bytes"));
    }
    Finish(Fail("bad_response", key_ + " sent a broken answer: " + parser_->error_text()));
  }

  void Complete() {
    if (parser_->head().keep_alive && input_.empty() && writer_->bytes() == 0) {
      writer_->Stop();
      env_.pool.Keep(key_, std::exchange(stream_, nullptr));
    }
    Finish(std::move(response_));
  }

  void Finish(Result<HttpResponse> result) {
    if (over_) return;
    const auto keep = shared_from_this();
    const auto done = std::exchange(done_, nullptr);
    const auto on_over = env_.on_over;
    Cancel();
    on_over();
    if (done) done(std::move(result));
  }

  void Abandon() {
    if (connector_) connector_->Cancel();
    if (writer_) writer_->Stop();
    if (stream_) stream_->Close();
  }

  const Env env_;
  const HttpClientRequest request_;
  const Url url_;
  const std::string key_;
  HttpClient::OnChunk on_chunk_;
  HttpClient::Done done_;
  Timer timer_;
  std::shared_ptr<Connector> connector_;
  std::shared_ptr<Stream> stream_;
  std::shared_ptr<WriteQueue> writer_;
  std::unique_ptr<HttpParser> parser_;
  std::array<char, 16 * 1024> read_buffer_;
  std::string input_;
  HttpResponse response_;
  bool reused_ = false;
  bool over_ = false;
};

}  // namespace

struct HttpClient::Impl : std::enable_shared_from_this<HttpClient::Impl> {
  Impl(Loop& l, const HttpClientOptions& o) : loop(l), options(o), pool(o) {}

  RequestId Send(HttpClientRequest request, OnChunk on_chunk, Done done) {
    const RequestId id = ++last_id;
    const auto url = ParseUrl(request.url);
    if (!url || (url->scheme != "http" && url->scheme != "https")) {
      loop.Post([weak = weak_from_this(), done = std::move(done), text = request.url] {
        if (weak.lock()) done(Fail("bad_url", "not an http:// or https:// URL: " + text));
      });
      return id;
    }
    if (url->is_secure() && !tls) tls = MakeClientTls(options.accept_any_certificate);
    const Exchange::Env env{loop, pool, url->is_secure() ? tls : nullptr, options.connect_timeout,
                            [weak = weak_from_this(), id] {
                              if (const auto self = weak.lock()) self->exchanges.erase(id);
                            }};
    const auto exchange =
        std::make_shared<Exchange>(env, std::move(request), *url, std::move(on_chunk), std::move(done));
    exchanges.emplace(id, exchange);
    exchange->Start();
    return id;
  }

  void Cancel(RequestId id) {
    const auto it = exchanges.find(id);
    if (it == exchanges.end()) return;
    const auto exchange = it->second;
    exchanges.erase(it);
    exchange->Cancel();
  }

  Loop& loop;
  const HttpClientOptions options;
  Pool pool;
  TlsContext tls;
  std::map<RequestId, std::shared_ptr<Exchange>> exchanges;
  RequestId last_id = 0;
};

HttpClient::HttpClient(Loop& loop, const HttpClientOptions& options) : impl_(std::make_shared<Impl>(loop, options)) {}

HttpClient::~HttpClient() {
  const auto exchanges = std::move(impl_->exchanges);
  for (const auto& [id, exchange] : exchanges) exchange->Cancel();
  impl_->pool.Clear();
}

HttpClient::RequestId HttpClient::Send(HttpClientRequest request, Done done) {
  return impl_->Send(std::move(request), {}, std::move(done));
}
HttpClient::RequestId HttpClient::Send(HttpClientRequest request, OnChunk on_chunk, Done done) {
  return impl_->Send(std::move(request), std::move(on_chunk), std::move(done));
}
void HttpClient::Cancel(RequestId id) { impl_->Cancel(id); }

}  // namespace jb::io
