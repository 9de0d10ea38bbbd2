// SPDX-License-Identifier: Apache-2.0
#include "io/stream.h"

#include <openssl/ssl.h>

#include <boost/asio/post.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <vector>

namespace jb::io {
namespace {

namespace ssl = asio::ssl;
using asio::ip::tcp;

constexpr auto kLingerTime = std::chrono::seconds(2);
constexpr std::size_t kLingerBytes = 4 << 20;

class PlainStream final : public Stream {
 public:
  explicit PlainStream(tcp::socket&& socket) : Stream(std::move(socket)) {}
  bool is_secure() const override { return false; }
  void HandshakeAsServer(Done done) override { PostDone(std::move(done)); }
  void HandshakeAsClient(const std::string&, Done done) override { PostDone(std::move(done)); }
  void ReadSome(asio::mutable_buffer into, IoDone done) override { socket_.async_read_some(into, std::move(done)); }
  void WriteSome(asio::const_buffer from, IoDone done) override { socket_.async_write_some(from, std::move(done)); }

 private:
  void PostDone(Done done) {
    asio::post(socket_.get_executor(), [done = std::move(done)] { done({}); });
  }
  void SayGoodbye(Done done) override { done({}); }
};

class TlsStream final : public Stream {
 public:
  TlsStream(tcp::socket&& socket, TlsContext context)
      : Stream(std::move(socket)), context_(std::move(context)), tls_(socket_, *context_) {}
  bool is_secure() const override { return true; }
  void HandshakeAsServer(Done done) override { tls_.async_handshake(ssl::stream_base::server, std::move(done)); }
  void HandshakeAsClient(const std::string& server_name, Done done) override {
    ErrorCode not_a_number;
    asio::ip::make_address(server_name, not_a_number);
    // RFC 6066 section 3: a name, never an address.
    if (not_a_number) SSL_set_tlsext_host_name(tls_.native_handle(), server_name.c_str());
    if (SSL_get_verify_mode(tls_.native_handle()) != SSL_VERIFY_NONE) {
      tls_.set_verify_callback(ssl::host_name_verification(server_name));
    }
    tls_.async_handshake(ssl::stream_base::client, std::move(done));
  }
  void ReadSome(asio::mutable_buffer into, IoDone done) override { tls_.async_read_some(into, std::move(done)); }
  void WriteSome(asio::const_buffer from, IoDone done) override { tls_.async_write_some(from, std::move(done)); }

 private:
  void SayGoodbye(Done done) override { tls_.async_shutdown(std::move(done)); }

  const TlsContext context_;
  ssl::stream<tcp::socket&> tls_;
};

}  // namespace

std::shared_ptr<Stream> Stream::Make(tcp::socket socket, const TlsContext& tls) {
  if (tls) return std::make_shared<TlsStream>(std::move(socket), tls);
  return std::make_shared<PlainStream>(std::move(socket));
}

void Stream::Close() {
  linger_.cancel();
  ErrorCode ignored;
  socket_.close(ignored);
  place_.reset();
}

void Stream::CloseGently() {
  if (!is_open()) return;
  linger_.expires_after(kLingerTime);
  linger_.async_wait([self = shared_from_this()](const ErrorCode& ec) {
    if (!ec) self->Close();
  });
  SayGoodbye([self = shared_from_this()](const ErrorCode&) {
    ErrorCode ignored;
    self->socket_.shutdown(tcp::socket::shutdown_send, ignored);
    self->Drain();
  });
}

void Stream::Drain() {
  // Without a buffer of its own per stream: wait, then read on the stack.
  socket_.async_wait(tcp::socket::wait_read, [self = shared_from_this()](const ErrorCode& ec) {
    char dropped[8192];
    ErrorCode read_ec = ec;
    self->socket_.non_blocking(true, read_ec);
    const std::size_t n = ec ? 0 : self->socket_.read_some(asio::buffer(dropped), read_ec);
    self->drained_ += n;
    if ((read_ec && read_ec != asio::error::would_block) || self->drained_ > kLingerBytes) return self->Close();
    self->Drain();
  });
}

}  // namespace jb::io
