// SPDX-License-Identifier: Apache-2.0
// For tests of jb::io: a TCP client that sends exactly the bytes it is told, on the loop under test.
#pragma once

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <memory>
#include <string>

#include "io/asio_loop.h"

namespace jb::io {

// Far above what loopback needs, so that only a hang reaches it.
inline constexpr Duration kTestLimit = std::chrono::seconds(20);

class RawClient {
 public:
  RawClient(Loop& loop, std::uint16_t port, const asio::ip::address& to = asio::ip::address_v4::loopback())
      : loop_(loop), state_(std::make_shared<State>(loop)) {
    // The kernel accepts into the backlog; no loop turn is needed.
    state_->socket.connect({to, port});
    Read(state_);
  }
  ~RawClient() {
    ErrorCode ignored;
    state_->socket.close(ignored);
  }

  void Send(std::string_view text) { asio::write(state_->socket, asio::buffer(text)); }
  void FinishSending() { state_->socket.shutdown(asio::ip::tcp::socket::shutdown_send); }
  // After what is being read.
  void StopReading() { state_->paused = true; }
  // Once more, after StopReading().
  void ReadOnce() {
    if (!state_->reading && !state_->closed) Read(state_);
  }
  void Reset() {
    state_->socket.set_option(asio::socket_base::linger(true, 0));
    state_->socket.close();
  }
  const std::string& received() const { return state_->received; }
  void Forget() { state_->received.clear(); }
  bool closed() const { return state_->closed; }

  bool WaitFor(std::string_view text) {
    return loop_.RunUntil([&] { return received().find(text) != std::string::npos; }, kTestLimit);
  }
  bool WaitClosed() {
    return loop_.RunUntil([&] { return closed(); }, kTestLimit);
  }

 private:
  struct State {
    explicit State(Loop& loop) : socket(ContextOf(loop)) {}
    asio::ip::tcp::socket socket;
    std::array<char, 4096> buffer;
    std::string received;
    bool closed = false, paused = false, reading = false;
  };
  static void Read(const std::shared_ptr<State>& s) {
    s->reading = true;
    s->socket.async_read_some(asio::buffer(s->buffer), [s](const ErrorCode& ec, std::size_t n) {
      s->reading = false;
      s->received.append(s->buffer.data(), n);
      if (ec) {
        s->closed = true;
      } else if (!s->paused) {
        Read(s);
      }
    });
  }
  Loop& loop_;
  std::shared_ptr<State> state_;
};

// Keeps the loop turning, so that a condition of RunUntil() is asked again though nothing happens.
class Ticks {
 public:
  explicit Ticks(Loop& loop) : timer_(loop) { Next(); }

 private:
  void Next() {
    timer_.StartIn(std::chrono::milliseconds(1), [this] { Next(); });
  }
  Timer timer_;
};

// RLIMIT_NOFILE while it lives.
class SoftFileLimit {
 public:
  explicit SoftFileLimit(rlim_t soft) {
    EXPECT_EQ(getrlimit(RLIMIT_NOFILE, &before_), 0);
    const rlimit wanted{soft, before_.rlim_max};
    EXPECT_EQ(setrlimit(RLIMIT_NOFILE, &wanted), 0);
  }
  ~SoftFileLimit() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

// A port of ours that nobody listens on, nor any other program meanwhile.
class ClosedPort {
 public:
  explicit ClosedPort(Loop& loop)
      : socket_(ContextOf(loop), asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {}
  std::uint16_t port() const { return socket_.local_endpoint().port(); }

 private:
  asio::ip::tcp::socket socket_;
};

inline std::size_t Count(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

}  // namespace jb::io
