// SPDX-License-Identifier: Apache-2.0
#include "io/connector.h"

#include <boost/asio/connect.hpp>

namespace jb::io {

using asio::ip::tcp;

Connector::Connector(Loop& loop, Url url, TlsContext tls, Duration timeout, Done done)
    : url_(std::move(url)),
      tls_(std::move(tls)),
      time_limit_(timeout),
      resolver_(ContextOf(loop)),
      socket_(ContextOf(loop)),
      timer_(loop),
      done_(std::move(done)) {}

void Connector::Start() {
  // Weak: what is under way holds this object.
  timer_.StartIn(time_limit_, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self) self->Finish(Fail("timeout", "no connection to " + self->url_.authority() + " in time"));
  });
  ErrorCode not_a_number;
  const auto address = asio::ip::make_address(url_.host, not_a_number);
  if (!not_a_number) return Connect({tcp::endpoint(address, url_.port)});
  resolver_.async_resolve(
      url_.host, std::to_string(url_.port),
      [self = shared_from_this()](const ErrorCode& ec, const tcp::resolver::results_type& found) {
        if (!self->done_) return;
        if (ec) {
          return self->Finish(Fail("dns_failed", "cannot find " + self->url_.host + ": " + ec.message()));
        }
        self->Connect({found.begin(), found.end()});
      });
}

void Connector::Connect(const std::vector<tcp::endpoint>& endpoints) {
  const auto kept = std::make_shared<std::vector<tcp::endpoint>>(endpoints);
  asio::async_connect(socket_, *kept, [self = shared_from_this(), kept](const ErrorCode& ec, const tcp::endpoint&) {
    if (self->done_) self->OnConnected(ec);
  });
}

void Connector::OnConnected(const ErrorCode& ec) {
  if (ec) {
    return Finish(Fail("connect_failed", "cannot connect to " + url_.authority() + ": " + ec.message()));
  }
  ErrorCode ignored;
  socket_.set_option(tcp::no_delay(true), ignored);
  const tcp::endpoint peer = socket_.remote_endpoint(ignored);
  const auto remote = SocketAddress::Parse(peer.address().to_string(), peer.port()).value_or(SocketAddress{});
  stream_ = Stream::Make(std::move(socket_), tls_);
  stream_->HandshakeAsClient(url_.host, [self = shared_from_this(), remote](const ErrorCode& tls_ec) {
    if (!self->done_) return;
    if (tls_ec) {
      return self->Finish(Fail("tls_failed", "TLS with " + self->url_.authority() + ": " + tls_ec.message()));
    }
    self->Finish(Connected{std::exchange(self->stream_, nullptr), remote});
  });
}

void Connector::Finish(Result<Connected> result) {
  const auto keep = shared_from_this();
  const Done done = std::exchange(done_, nullptr);
  Cancel();
  if (done) done(std::move(result));
}

void Connector::Cancel() {
  const auto keep = shared_from_this();
  done_ = nullptr;
  timer_.Cancel();
  resolver_.cancel();
  ErrorCode ignored;
  socket_.close(ignored);
  if (stream_) stream_->Close();
  stream_.reset();
}

}  // namespace jb::io
