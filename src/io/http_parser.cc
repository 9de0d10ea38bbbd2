// SPDX-License-Identifier: Apache-2.0
#include "io/http_parser.h"

#include <algorithm>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/error.hpp>

namespace jb::io {
namespace {

namespace http = boost::beast::http;
using ErrorCode = boost::system::error_code;
using BeastText = boost::beast::string_view;

// Beast 1.81 (basic_parser::parse_chunk_header) asserts that it is not given "0\r\n" and less than two bytes more
// twice: a peer that sends the last chunk byte by byte would end the process. No body ends there, so waiting is free.
bool IsShortLastChunk(ByteView bytes) {
  constexpr std::size_t kShortestEnd = 5;  // "0\r\n\r\n"
  constexpr std::string_view kSize = "0\r\n";
  return bytes.size() >= kSize.size() && bytes.size() < kShortestEnd &&
         std::equal(kSize.begin(), kSize.end(), bytes.begin());
}

std::string_view View(BeastText text) { return {text.data(), text.size()}; }

// What both directions collect. Virtual, so that HttpParser need not be a template.
struct Collector {
  virtual ~Collector() = default;
  virtual std::size_t Put(ByteView bytes, ErrorCode& ec) = 0;
  virtual void PutEof(ErrorCode& ec) = 0;
  virtual bool IsHeadDone() const = 0;
  virtual bool IsDone() const = 0;
  virtual bool GotSome() const = 0;
  virtual void Skip() = 0;
  virtual void FinishHead() = 0;

  bool Refuse(int status, std::string text) {
    if (error_status == 0) {
      error_status = status;
      error_text = std::move(text);
    }
    return false;
  }

  HttpHead head;
  HttpParserLimits limits;
  std::uint64_t body_limit = UINT64_MAX;
  std::uint64_t body_bytes = 0;
  std::function<void(ByteView)> on_body;
  int error_status = 0;
  std::string error_text;
  int content_lengths = 0, transfer_encodings = 0, hosts = 0;
  bool head_done = false;
  std::uint64_t chunk_left = 0;  // bytes of the chunk being read; 0: a chunk header is next
};

template <bool kIsRequest>
class BeastParser final : public http::basic_parser<kIsRequest>, public Collector {
 public:
  BeastParser() {
    this->eager(false);  // stop after the head
    http::basic_parser<kIsRequest>::body_limit(boost::none);
  }
  void SetHeaderLimit() { this->header_limit(static_cast<std::uint32_t>(limits.header_bytes)); }

  std::size_t Put(ByteView bytes, ErrorCode& ec) override {
    return this->put(boost::asio::const_buffer(bytes.data(), bytes.size()), ec);
  }
  void PutEof(ErrorCode& ec) override { this->put_eof(ec); }
  bool IsHeadDone() const override { return this->is_header_done(); }
  bool IsDone() const override { return this->is_done(); }
  bool GotSome() const override { return this->got_some(); }
  void Skip() override { this->skip(true); }
  void FinishHead() override {
    const auto length = this->content_length();
    if (length) head.content_length = *length;
    head.has_body = !this->is_done();
    head.keep_alive = this->keep_alive();
    head_done = true;
  }

 private:
  void Stop(bool good, ErrorCode& ec) {
    if (!good) ec = http::error::bad_field;  // any: error_status says what it was
  }

  void on_request_impl(http::verb, BeastText method, BeastText target, int version, ErrorCode&) override {
    head.method = View(method);
    head.target = View(target);
    head.minor_version = version % 10;
  }
  void on_response_impl(int code, BeastText, int version, ErrorCode&) override {
    head.status = code;
    head.minor_version = version % 10;
  }
  void on_field_impl(http::field field, BeastText name, BeastText value, ErrorCode& ec) override {
    if (head_done) return;  // a trailer: nothing of ours reads any, and none may pose as a header
    Stop(CheckField(field, View(value)), ec);
    if (!ec) head.headers.Add(std::string(View(name)), std::string(View(value)));
  }
  void on_header_impl(ErrorCode& ec) override { Stop(CheckHead(), ec); }
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(BeastText body, ErrorCode& ec) override { return TakeBody(body, ec); }
  void on_chunk_header_impl(std::uint64_t size, BeastText, ErrorCode& ec) override {
    // Refused by its announcement, before a byte of it is taken. body_bytes <= body_limit always.
    if (size > Collector::body_limit - body_bytes) Stop(Refuse(413, "body too large"), ec);
    chunk_left = size;
  }
  std::size_t on_chunk_body_impl(std::uint64_t, BeastText body, ErrorCode& ec) override {
    const std::size_t taken = TakeBody(body, ec);
    chunk_left -= taken;
    return taken;
  }
  void on_finish_impl(ErrorCode&) override {}

  bool CheckField(http::field field, std::string_view value) {
    if (head.headers.fields().size() >= limits.header_fields) return Refuse(431, "too many header fields");
    if (field == http::field::content_length && (++content_lengths > 1 || value.find(',') != value.npos)) {
      return Refuse(400, "more than one Content-Length");
    }
    if (field == http::field::host && ++hosts > 1) return Refuse(400, "more than one Host");
    if (field == http::field::transfer_encoding) {
      // RFC 9112 section 6.1: a coding we do not know makes the length unknowable.
      if (++transfer_encodings > 1 || !EqualsIgnoringCase(value, "chunked")) {
        return Refuse(501, "unsupported Transfer-Encoding");
      }
    }
    return true;
  }

  bool CheckHead() {
    if (content_lengths > 0 && transfer_encodings > 0) {
      return Refuse(400, "both Content-Length and Transfer-Encoding");
    }
    if (!kIsRequest) return true;
    if (transfer_encodings > 0 && head.minor_version == 0) return Refuse(400, "Transfer-Encoding in HTTP/1.0");
    // RFC 9112 section 3.2.
    if (head.minor_version == 1 && hosts != 1) return Refuse(400, "no Host");
    return true;
  }

  std::size_t TakeBody(BeastText body, ErrorCode& ec) {
    if (body.size() > Collector::body_limit - body_bytes) {
      Stop(Refuse(413, "body too large"), ec);
      return 0;
    }
    body_bytes += body.size();
    if (on_body && !body.empty()) on_body(AsBytes(View(body)));
    return body.size();
  }
};

template <bool kIsRequest>
std::unique_ptr<Collector> MakeCollector(const HttpParserLimits& limits) {
  auto parser = std::make_unique<BeastParser<kIsRequest>>();
  parser->limits = limits;
  parser->SetHeaderLimit();
  return parser;
}

}  // namespace

struct HttpParser::Impl {
  void Fail(const ErrorCode& ec) {
    state = State::kFailed;
    if (ec == http::error::header_limit) collector->Refuse(431, "header too large");
    if (ec == http::error::bad_version) collector->Refuse(505, "unsupported HTTP version");
    collector->Refuse(400, ec.message());
  }

  std::unique_ptr<Collector> collector;
  State state = State::kHead;
  std::size_t head_bytes = 0;  // taken so far
};

HttpParser::HttpParser(Kind kind, const HttpParserLimits& limits) : impl_(std::make_unique<Impl>()) {
  impl_->collector = kind == Kind::kRequest ? MakeCollector<true>(limits) : MakeCollector<false>(limits);
}
HttpParser::~HttpParser() = default;

void HttpParser::ExpectNoBody() { impl_->collector->Skip(); }
void HttpParser::set_body_limit(std::uint64_t bytes) {
  Collector& c = *impl_->collector;
  c.body_limit = std::max(bytes, c.body_bytes);
  if (c.head.content_length && *c.head.content_length > bytes && c.head.has_body) {
    c.Refuse(413, "body too large");
    impl_->state = State::kFailed;
  }
}
void HttpParser::set_on_body(std::function<void(ByteView)> fn) { impl_->collector->on_body = std::move(fn); }

std::size_t HttpParser::Push(ByteView bytes) {
  Impl& impl = *impl_;
  Collector& c = *impl.collector;
  std::size_t taken = 0;
  while (impl.state == State::kHead || impl.state == State::kBody) {
    const bool in_head = impl.state == State::kHead;
    const bool at_chunk_header = !in_head && !c.head.content_length && c.transfer_encodings > 0 && c.chunk_left == 0;
    if (at_chunk_header && IsShortLastChunk(bytes.subspan(taken))) break;
    ErrorCode ec;
    const std::size_t n = c.Put(bytes.subspan(taken), ec);
    taken += n;
    if (in_head) impl.head_bytes += n;
    const std::size_t left = bytes.size() - taken;
    if (ec == http::error::need_more) {
      // Beast's own limit holds for what is untaken only, and for nothing inside a chunked body.
      if (in_head && impl.head_bytes + left > c.limits.header_bytes) {
        impl.Fail(http::error::header_limit);
      } else if (left > c.limits.header_bytes) {
        c.Refuse(400, "chunk header too large");
        impl.state = State::kFailed;
      }
      break;
    }
    if (ec) {
      impl.Fail(ec);
      break;
    }
    if (in_head && c.IsHeadDone()) {
      if (impl.head_bytes > c.limits.header_bytes) {
        impl.Fail(http::error::header_limit);
        break;
      }
      c.FinishHead();
      impl.state = c.IsDone() ? State::kDone : State::kBody;
      break;
    }
    if (c.IsDone()) impl.state = State::kDone;
    if (left == 0) break;
  }
  return taken;
}

void HttpParser::PushEof() {
  if (impl_->state == State::kDone || impl_->state == State::kFailed) return;
  ErrorCode ec = http::error::partial_message;
  if (impl_->collector->GotSome()) impl_->collector->PutEof(ec);
  if (ec) {
    impl_->Fail(ec);
  } else {
    impl_->state = State::kDone;
  }
}

HttpParser::State HttpParser::state() const { return impl_->state; }
bool HttpParser::started() const { return impl_->collector->GotSome(); }
HttpHead& HttpParser::head() { return impl_->collector->head; }
int HttpParser::error_status() const { return impl_->collector->error_status; }
const std::string& HttpParser::error_text() const { return impl_->collector->error_text; }

}  // namespace jb::io
