// SPDX-License-Identifier: Apache-2.0
// From a URL's host to a connected stream: name lookup, TCP, TLS. For the .cc files of jb::io only. Loop thread.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "base/socket_address.h"
#include "io/stream.h"
#include "io/url.h"

namespace jb::io {

struct Connected {
  std::shared_ptr<Stream> stream;
  SocketAddress remote;
};

// One attempt. Errors: "dns_failed", "connect_failed", "tls_failed", "timeout".
class Connector : public std::enable_shared_from_this<Connector> {
 public:
  using Done = std::function<void(Result<Connected>)>;
  Connector(Loop& loop, Url url, TlsContext tls, Duration timeout, Done done);
  void Start();
  // `done` never runs then.
  void Cancel();

 private:
  void Connect(const std::vector<asio::ip::tcp::endpoint>& endpoints);
  void OnConnected(const ErrorCode& ec);
  void Finish(Result<Connected> result);

  const Url url_;
  const TlsContext tls_;
  const Duration time_limit_;
  asio::ip::tcp::resolver resolver_;
  asio::ip::tcp::socket socket_;
  Timer timer_;
  std::shared_ptr<Stream> stream_;
  Done done_;
};

}  // namespace jb::io
