// SPDX-License-Identifier: Apache-2.0
#include "io/framed_tcp.h"

#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <cerrno>
#include <map>

#include "io/acceptor.h"
#include "io/asio_loop.h"
#include "io/byte_queue.h"
#include "io/file_limit.h"

namespace jb::io {
namespace {

using asio::posix::descriptor_base;
using asio::posix::stream_descriptor;

constexpr std::size_t kReadSize = 64 * 1024;

struct Connection {
  Connection(Loop& loop, int fd, std::size_t max_frame)
      : descriptor(ContextOf(loop), fd), reader(max_frame), limit(loop) {}

  stream_descriptor descriptor;
  Tuple from;
  FrameReader reader;
  Timer limit;        // at `keep_until` or before
  Time keep_until{};  // closed then, unless it proves itself
  bool delivered = false;
  bool proved = false;
  ByteQueue queue;  // what the kernel did not take; starts inside a frame
  bool writing = false;
};

class Server : public std::enable_shared_from_this<Server> {
 public:
  Server(Loop& loop, FramedTcpServer::FrameHandler on_frame, FramedTcpServer::ClosedHandler on_closed,
         const FramedTcpOptions& options)
      : loop_(loop),
        options_(options),
        max_connections_(std::min<std::size_t>(options.max_connections, FileLimit() / 16)),
        on_frame_(std::move(on_frame)),
        on_closed_(std::move(on_closed)),
        read_buffer_(kReadSize) {}

  Result<SocketAddress> Listen(const SocketAddress& bind) {
    JB_TRY(acceptor_, Acceptor::Listen(loop_, bind, /*v6_only=*/true,
                                       [this](int fd, const SocketAddress& remote) { Admit(fd, remote); }));
    return acceptor_->local_address();
  }

  void Stop() {
    stopped_ = true;
    acceptor_.reset();
    for (const auto& [id, c] : connections_) Shut(*c);
    connections_.clear();
  }

  void Send(std::uint64_t id, ByteView packet) {
    const auto it = connections_.find(id);
    if (it == connections_.end() || packet.empty()) return;
    Connection& c = *it->second;
    if (packet.size() > 0xffff || c.queue.size() + packet.size() + 2 > options_.max_queued_bytes) {
      ++stats_.send_dropped;
      return;
    }
    std::uint8_t length[2];
    StoreU16(length, static_cast<std::uint16_t>(packet.size()));
    std::size_t taken = 0;
    if (c.queue.empty()) {
      iovec parts[2] = {{length, 2}, {const_cast<std::uint8_t*>(packet.data()), packet.size()}};
      taken = Write(c, parts, 2);
    }
    c.queue.Append(ByteView(length).subspan(std::min<std::size_t>(taken, 2)));
    c.queue.Append(packet.subspan(taken > 2 ? taken - 2 : 0));
    if (!c.queue.empty()) WaitWritable(it->second);
  }

  // `tell`: a handler learns of it.
  void Close(std::uint64_t id, bool tell) {
    const auto it = connections_.find(id);
    if (it == connections_.end()) return;
    const std::shared_ptr<Connection> c = it->second;
    connections_.erase(it);
    Shut(*c);
    if (tell && c->delivered) on_closed_(c->from);
  }

  FramedTcpStats stats_;

 private:
  void Admit(int fd, const SocketAddress& remote) {
    if (connections_.size() >= max_connections_) {
      ++stats_.refused;
      if (!CloseOldestUnproved()) {
        close(fd);
        return;
      }
    }
    ++stats_.accepted;
    const std::uint64_t id = ++last_id_;
    auto c = std::make_shared<Connection>(loop_, fd, options_.max_frame);
    c->from = {TransportProtocol::kTcp, remote, id};
    c->keep_until = Now() + options_.proof_timeout;
    connections_.emplace(id, c);
    WatchLimit(*c);
    WaitReadable(c);
  }

  // Numbers count up, so the first in the table is the oldest.
  bool CloseOldestUnproved() {
    for (const auto& [id, c] : connections_) {
      if (c->proved) continue;
      Close(id, true);
      return true;
    }
    return false;
  }

  // The limit moves with every frame, the timer only when it rings.
  void WatchLimit(Connection& c) {
    c.limit.StartAt(c.keep_until, [this, &c] {
      if (Now() >= c.keep_until) {
        Close(c.from.connection, true);
      } else {
        WatchLimit(c);
      }
    });
  }

  static void Shut(Connection& c) {
    ErrorCode ignored;
    c.descriptor.close(ignored);
    c.limit.Cancel();
  }

  void WaitReadable(const std::shared_ptr<Connection>& c) {
    c->descriptor.async_wait(descriptor_base::wait_read, [weak = weak_from_this(), c](const ErrorCode& ec) {
      const auto self = weak.lock();
      if (ec || !self || self->stopped_) return;
      if (self->ReadSome(*c)) self->WaitReadable(c);
    });
  }

  bool IsOpen(const Connection& c) const { return !stopped_ && connections_.contains(c.from.connection); }

  // False when the connection is gone.
  bool ReadSome(Connection& c) {
    const ssize_t n = recv(c.descriptor.native_handle(), read_buffer_.data(), read_buffer_.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return true;
    if (n <= 0) {
      Close(c.from.connection, true);
      return false;
    }
    const bool good = c.reader.Push(ByteSpan(read_buffer_).first(static_cast<std::size_t>(n)), [&](ByteSpan frame) {
      c.delivered = true;
      if (on_frame_(c.from, frame)) {
        c.proved = true;
        c.keep_until = Now() + options_.idle_timeout;
      }
      return IsOpen(c);
    });
    if (!IsOpen(c)) return false;
    if (good) return true;
    ++stats_.bad_length;
    Close(c.from.connection, true);
    return false;
  }

  // What the kernel took now. Errors show up at the read side.
  static std::size_t Write(Connection& c, iovec* parts, int count) {
    msghdr message{};
    message.msg_iov = parts;
    message.msg_iovlen = static_cast<std::size_t>(count);
    const ssize_t n = sendmsg(c.descriptor.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }

  void WaitWritable(const std::shared_ptr<Connection>& c) {
    if (c->writing) return;
    c->writing = true;
    c->descriptor.async_wait(descriptor_base::wait_write, [weak = weak_from_this(), c](const ErrorCode& ec) {
      const auto self = weak.lock();
      c->writing = false;
      if (ec || !self || self->stopped_) return;
      self->Drain(c);
    });
  }

  void Drain(const std::shared_ptr<Connection>& c) {
    const ByteView waiting = c->queue.waiting();
    iovec part = {const_cast<std::uint8_t*>(waiting.data()), waiting.size()};
    c->queue.Take(Write(*c, &part, 1));
    if (!c->queue.empty()) WaitWritable(c);
  }

  Loop& loop_;
  std::unique_ptr<Acceptor> acceptor_;
  const FramedTcpOptions options_;
  const std::size_t max_connections_;
  const FramedTcpServer::FrameHandler on_frame_;
  const FramedTcpServer::ClosedHandler on_closed_;
  std::map<std::uint64_t, std::shared_ptr<Connection>> connections_;
  Bytes read_buffer_;  // shared by all: each turn empties it
  std::uint64_t last_id_ = 0;
  bool stopped_ = false;
};

class FramedTcpServerImpl final : public FramedTcpServer {
 public:
  FramedTcpServerImpl(std::shared_ptr<Server> server, const SocketAddress& local)
      : server_(std::move(server)), local_(local) {}
  ~FramedTcpServerImpl() override { server_->Stop(); }
  void Send(std::uint64_t connection, ByteView packet) override { server_->Send(connection, packet); }
  void Close(std::uint64_t connection) override { server_->Close(connection, false); }
  const SocketAddress& local_address() const override { return local_; }
  const FramedTcpStats& stats() const override { return server_->stats_; }

 private:
  const std::shared_ptr<Server> server_;
  const SocketAddress local_;
};

}  // namespace

Result<std::unique_ptr<FramedTcpServer>> FramedTcpServer::Listen(Loop& loop, const SocketAddress& bind,
                                                                 FrameHandler on_frame, ClosedHandler on_closed,
                                                                 const FramedTcpOptions& options) {
  auto server = std::make_shared<Server>(loop, std::move(on_frame), std::move(on_closed), options);
  JB_TRY(const SocketAddress local, server->Listen(bind));
  return std::unique_ptr<FramedTcpServer>(std::make_unique<FramedTcpServerImpl>(std::move(server), local));
}

}  // namespace jb::io
