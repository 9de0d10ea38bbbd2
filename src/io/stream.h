// SPDX-License-Identifier: Apache-2.0
// A connected TCP or TLS byte stream behind one type, so that HTTP and WebSocket code is compiled once. For
// the .cc files of jb::io only. Loop thread. One read and one write may be under way at a time.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "io/asio_loop.h"
#include "io/tls_context.h"

namespace jb::io {

class Stream : public std::enable_shared_from_this<Stream> {
 public:
  using Done = std::function<void(const ErrorCode&)>;
  using IoDone = std::function<void(const ErrorCode&, std::size_t)>;

  // `tls` null: plain.
  static std::shared_ptr<Stream> Make(asio::ip::tcp::socket socket, const TlsContext& tls);
  virtual ~Stream() = default;

  virtual bool is_secure() const = 0;
  // No-ops when plain. A client names the server for SNI, and for verification unless the context accepts all.
  virtual void HandshakeAsServer(Done done) = 0;
  virtual void HandshakeAsClient(const std::string& server_name, Done done) = 0;
  // Completes later, never inside the call.
  virtual void ReadSome(asio::mutable_buffer into, IoDone done) = 0;
  virtual void WriteSome(asio::const_buffer from, IoDone done) = 0;
  // At once; what is under way completes with an error.
  void Close();
  // Says goodbye, then reads what the peer still sends and drops it, so that the kernel does not answer it
  // with a reset that would destroy our last words on their way (RFC 9112 section 9.6). Bounded in time and
  // size. Nothing else may be called afterwards but Close().
  void CloseGently();

  // Kept until the stream is closed, the time it lingers after its goodbye included.
  void Hold(std::shared_ptr<void> place) { place_ = std::move(place); }

  asio::ip::tcp::socket& socket() { return socket_; }
  bool is_open() const { return socket_.is_open(); }

 protected:
  explicit Stream(asio::ip::tcp::socket&& socket) : socket_(std::move(socket)), linger_(socket_.get_executor()) {}
  // The goodbye of the layer above TCP.
  virtual void SayGoodbye(Done done) = 0;

  asio::ip::tcp::socket socket_;

 private:
  void Drain();

  asio::steady_timer linger_;
  std::size_t drained_ = 0;
  std::shared_ptr<void> place_;
};

}  // namespace jb::io
