// SPDX-License-Identifier: Apache-2.0
// Takes TCP connections from a listening socket, in turns. For the .cc files of jb::io only. Loop thread.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "base/socket_address.h"
#include "io/loop.h"

namespace jb::io {

class Acceptor {
 public:
  // `on_accept` owns the descriptor it is given (non-blocking, close-on-exec, TCP_NODELAY).
  using OnAccept = std::function<void(int fd, const SocketAddress& remote)>;

  // Errors as OpenBound.
  static Result<std::unique_ptr<Acceptor>> Listen(Loop& loop, const SocketAddress& bind, bool v6_only,
                                                  OnAccept on_accept);
  ~Acceptor();
  const SocketAddress& local_address() const { return local_; }

 private:
  class Impl;
  Acceptor(std::shared_ptr<Impl> impl, const SocketAddress& local) : impl_(std::move(impl)), local_(local) {}
  const std::shared_ptr<Impl> impl_;
  const SocketAddress local_;
};

}  // namespace jb::io
