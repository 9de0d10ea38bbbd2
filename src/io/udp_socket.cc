// SPDX-License-Identifier: Apache-2.0
#include "io/udp_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <cstring>
#include <vector>

#include "io/asio_loop.h"
#include "io/socket_util.h"
#include "io/udp_receive_batch.h"
#include "io/udp_send_batch.h"
#include "io/udp_sender.h"

namespace jb::io {
namespace {

constexpr std::size_t kBatch = 64;  // datagrams per recvmmsg
constexpr int kBatchesPerTurn = 8;  // then other sockets and timers get their turn

// Outlives its UdpSocket while one of its own handlers is on the stack.
class Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Loop& loop, int fd, const SocketAddress& local, UdpSocket::BatchHandler handler)
      : local_(local),
        context_(ContextOf(loop)),
        descriptor_(context_, fd),
        fd_(fd),
        handler_(std::move(handler)),
        sender_(local.is_v6) {}

  void WaitReadable() {
    descriptor_.async_wait(asio::posix::descriptor_base::wait_read, [weak = weak_from_this()](const ErrorCode& ec) {
      const auto self = weak.lock();
      if (ec || !self || self->closed_) return;
      self->ReadTurn();
      if (!self->closed_) self->WaitReadable();
    });
  }

  void Close() {
    closed_ = true;
    Flush();
    ErrorCode ignored;
    descriptor_.close(ignored);
  }

  void Send(const SocketAddress& to, ByteView datagram) {
    if (closed_ || datagram.size() > kMaxDatagram) {
      ++stats_.send_dropped;
      return;
    }
    if (out_.Push(to, datagram)) {
      Flush();
    } else if (!flush_posted_) {
      flush_posted_ = true;
      asio::post(context_, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) {
          self->flush_posted_ = false;
          self->Flush();
        }
      });
    }
  }

  void Flush() {
    if (!out_.empty()) out_.Flush(fd_, sender_, stats_);
  }

  void SendAll(std::span<const UdpOutgoing> datagrams) {
    if (closed_) {
      stats_.send_dropped += datagrams.size();
      return;
    }
    Flush();
    sender_.Send(fd_, datagrams, stats_);
  }

  bool closed() const { return closed_; }

  const SocketAddress local_;
  std::function<void()> on_batch_end_;
  UdpStats stats_;

 private:
  void ReadTurn() {
    for (int i = 0; i < kBatchesPerTurn && !closed_; ++i) {
      const std::size_t n = ReadBatch();
      if (n < kBatch) break;
    }
    if (on_batch_end_ && !closed_) on_batch_end_();
    if (!closed_) Flush();
  }

  std::size_t ReadBatch() {
    const std::size_t n = in_.Read(fd_);
    std::size_t count = 0;
    for (std::size_t i = 0; i < n; ++i) {
      ++stats_.received;
      if (in_.truncated(i)) {
        ++stats_.oversized;
        continue;
      }
      received_[count++] = {in_.from(i), in_.bytes(i)};
    }
    if (count > 0) handler_(std::span(received_).first(count));
    return n;
  }

  asio::io_context& context_;
  asio::posix::stream_descriptor descriptor_;
  const int fd_;
  const UdpSocket::BatchHandler handler_;
  UdpReceiveBatch<kBatch> in_;
  std::array<UdpIncoming, kBatch> received_;
  UdpSendBatch out_;
  UdpSender sender_;
  bool flush_posted_ = false;
  bool closed_ = false;
};

class UdpSocketImpl final : public UdpSocket {
 public:
  explicit UdpSocketImpl(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  ~UdpSocketImpl() override { impl_->Close(); }
  void Send(const SocketAddress& to, ByteView datagram) override { impl_->Send(to, datagram); }
  void Flush() override { impl_->Flush(); }
  void SendAll(std::span<const UdpOutgoing> datagrams) override { impl_->SendAll(datagrams); }
  void set_on_batch_end(std::function<void()> fn) override { impl_->on_batch_end_ = std::move(fn); }
  const SocketAddress& local_address() const override { return impl_->local_; }
  const UdpStats& stats() const override { return impl_->stats_; }

 private:
  const std::shared_ptr<Impl> impl_;
};

void SizeBuffers(int fd, const UdpOptions& options) {
  // The ...FORCE forms exceed net.core.{r,w}mem_max but need CAP_NET_ADMIN.
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &options.receive_buffer, sizeof(int)) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer, sizeof(int));
  }
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &options.send_buffer, sizeof(int)) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &options.send_buffer, sizeof(int));
  }
}

Result<std::shared_ptr<Impl>> OpenImpl(Loop& loop, const SocketAddress& bind, UdpSocket::BatchHandler handler,
                                       const UdpOptions& options) {
  JB_TRY(const int fd, OpenBound(bind, SOCK_DGRAM));
  SizeBuffers(fd, options);
  auto impl = std::make_shared<Impl>(loop, fd, LocalAddressOf(fd), std::move(handler));
  impl->WaitReadable();
  return impl;
}

std::unique_ptr<UdpSocket> Wrap(std::shared_ptr<Impl> impl) { return std::make_unique<UdpSocketImpl>(std::move(impl)); }

}  // namespace

Result<std::unique_ptr<UdpSocket>> UdpSocket::Open(Loop& loop, const SocketAddress& bind, Handler handler,
                                                   const UdpOptions& options) {
  // The socket may go while a batch is being handled: the rest of it is then nobody's.
  auto open = std::make_shared<std::weak_ptr<Impl>>();
  auto one_by_one = [open, handler = std::move(handler)](std::span<const UdpIncoming> datagrams) {
    const std::shared_ptr<Impl> impl = open->lock();
    for (const UdpIncoming& datagram : datagrams) {
      if (impl->closed()) return;
      handler(datagram.from, datagram.bytes);
    }
  };
  JB_TRY(auto impl, OpenImpl(loop, bind, std::move(one_by_one), options));
  *open = impl;
  return Wrap(std::move(impl));
}

Result<std::unique_ptr<UdpSocket>> UdpSocket::OpenBatched(Loop& loop, const SocketAddress& bind, BatchHandler handler,
                                                          const UdpOptions& options) {
  JB_TRY(auto impl, OpenImpl(loop, bind, std::move(handler), options));
  return Wrap(std::move(impl));
}

}  // namespace jb::io
