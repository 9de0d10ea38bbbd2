// SPDX-License-Identifier: Apache-2.0
#include "io/acceptor.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>

#include "base/log.h"
#include "io/asio_loop.h"
#include "io/socket_util.h"

namespace jb::io {
namespace {

constexpr int kBacklog = 1024;       // connections the kernel holds for us, capped by net.core.somaxconn
constexpr int kAcceptsPerTurn = 32;  // then the open connections get their turn
// After running out of descriptors: they come back when connections end, so asking at once is a busy loop.
constexpr Duration kRetryAfter = std::chrono::milliseconds(100);

}  // namespace

class Acceptor::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Loop& loop, int fd, OnAccept on_accept)
      : descriptor_(ContextOf(loop), fd), retry_(loop), on_accept_(std::move(on_accept)) {}

  void Wait() {
    descriptor_.async_wait(asio::posix::descriptor_base::wait_read, [weak = weak_from_this()](const ErrorCode& ec) {
      const auto self = weak.lock();
      if (!ec && self && !self->stopped_) self->Turn();
    });
  }

  void Stop() {
    stopped_ = true;
    retry_.Cancel();
    ErrorCode ignored;
    descriptor_.close(ignored);
  }

 private:
  void Turn() {
    for (int i = 0; i < kAcceptsPerTurn && !stopped_; ++i) {
      sockaddr_storage name{};
      socklen_t size = sizeof name;
      const int fd =
          accept4(descriptor_.native_handle(), reinterpret_cast<sockaddr*>(&name), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        on_accept_(fd, jb::io::FromSockaddr(name));
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        Log(LogLevel::kError, "cannot accept connections", {{"errno", errno}});
        retry_.StartIn(kRetryAfter, [this] { Wait(); });
        return;
      } else if (errno != ECONNABORTED && errno != EINTR) {
        break;
      }
    }
    if (!stopped_) Wait();
  }

  asio::posix::stream_descriptor descriptor_;
  Timer retry_;
  const OnAccept on_accept_;
  bool stopped_ = false;
};

Result<std::unique_ptr<Acceptor>> Acceptor::Listen(Loop& loop, const SocketAddress& bind, bool v6_only,
                                                   OnAccept on_accept) {
  JB_TRY(const int fd, OpenBound(bind, SOCK_STREAM, v6_only));
  if (listen(fd, kBacklog) != 0) {
    close(fd);
    return Fail("address_in_use", "TCP " + bind.text() + " is taken by another program");
  }
  const SocketAddress local = LocalAddressOf(fd);
  auto impl = std::make_shared<Impl>(loop, fd, std::move(on_accept));
  impl->Wait();
  return std::unique_ptr<Acceptor>(new Acceptor(std::move(impl), local));
}

Acceptor::~Acceptor() { impl_->Stop(); }

}  // namespace jb::io
