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
#include "io/udp_send_batch.h"

namespace jb::io {
namespace {

constexpr std::size_t kBatch = 64;  // datagrams per recvmmsg
constexpr int kBatchesPerTurn = 8;  // then other sockets and timers get their turn

// The arrays that recvmmsg wants, each entry pointing at its own buffer.
struct MessageBatch {
  MessageBatch() : buffers(kBatch * kMaxDatagram) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      vectors[i] = {buffers.data() + i * kMaxDatagram, kMaxDatagram};
      messages[i].msg_hdr = {};
      messages[i].msg_hdr.msg_iov = &vectors[i];
      messages[i].msg_hdr.msg_iovlen = 1;
      messages[i].msg_hdr.msg_name = &names[i];
      messages[i].msg_hdr.msg_namelen = sizeof names[i];
    }
  }
  std::uint8_t* buffer(std::size_t i) { return buffers.data() + i * kMaxDatagram; }

  std::vector<std::uint8_t> buffers;
  std::array<sockaddr_storage, kBatch> names{};
  std::array<iovec, kBatch> vectors{};
  std::array<mmsghdr, kBatch> messages{};
};

// Outlives its UdpSocket while one of its own handlers is on the stack.
class Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Loop& loop, int fd, const SocketAddress& local, UdpSocket::Handler handler)
      : context_(ContextOf(loop)),
        descriptor_(context_, fd),
        fd_(fd),
        handler_(std::move(handler)),
        out_(local.is_v6) {}

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
    if (!out_.empty()) out_.Flush(fd_, stats_);
  }

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
    for (std::size_t i = 0; i < kBatch; ++i) in_.messages[i].msg_hdr.msg_namelen = sizeof in_.names[i];
    const int n = recvmmsg(fd_, in_.messages.data(), kBatch, MSG_DONTWAIT, nullptr);
    if (n <= 0) return 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(n) && !closed_; ++i) Deliver(i);
    return static_cast<std::size_t>(n);
  }

  void Deliver(std::size_t i) {
    ++stats_.received;
    if (in_.messages[i].msg_hdr.msg_flags & MSG_TRUNC) {
      ++stats_.oversized;
      return;
    }
    handler_(FromSockaddr(in_.names[i]), ByteSpan(in_.buffer(i), in_.messages[i].msg_len));
  }

  asio::io_context& context_;
  asio::posix::stream_descriptor descriptor_;
  const int fd_;
  const UdpSocket::Handler handler_;
  MessageBatch in_;
  UdpSendBatch out_;
  bool flush_posted_ = false;
  bool closed_ = false;
};

class UdpSocketImpl final : public UdpSocket {
 public:
  UdpSocketImpl(std::shared_ptr<Impl> impl, const SocketAddress& local) : impl_(std::move(impl)), local_(local) {}
  ~UdpSocketImpl() override { impl_->Close(); }
  void Send(const SocketAddress& to, ByteView datagram) override { impl_->Send(to, datagram); }
  void Flush() override { impl_->Flush(); }
  void set_on_batch_end(std::function<void()> fn) override { impl_->on_batch_end_ = std::move(fn); }
  const SocketAddress& local_address() const override { return local_; }
  const UdpStats& stats() const override { return impl_->stats_; }

 private:
  const std::shared_ptr<Impl> impl_;
  const SocketAddress local_;
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

}  // namespace

Result<std::unique_ptr<UdpSocket>> UdpSocket::Open(Loop& loop, const SocketAddress& bind, Handler handler,
                                                   const UdpOptions& options) {
  JB_TRY(const int fd, OpenBound(bind, SOCK_DGRAM));
  SizeBuffers(fd, options);
  const SocketAddress local = LocalAddressOf(fd);
  auto impl = std::make_shared<Impl>(loop, fd, local, std::move(handler));
  impl->WaitReadable();
  return std::unique_ptr<UdpSocket>(std::make_unique<UdpSocketImpl>(std::move(impl), local));
}

}  // namespace jb::io
