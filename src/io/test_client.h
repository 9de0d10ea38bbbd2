// SPDX-License-Identifier: Apache-2.0
// For tests of jb::io: a TCP client that sends exactly the bytes it is told, on the loop under test.
#pragma once

#include <gtest/gtest.h>

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
  RawClient(Loop& loop, std::uint16_t port) : loop_(loop), state_(std::make_shared<State>(loop)) {
    // The kernel accepts into the backlog; no loop turn is needed.
    state_->socket.connect({asio::ip::address_v4::loopback(), port});
    Read(state_);
  }
  ~RawClient() {
    ErrorCode ignored;
    state_->socket.close(ignored);
  }

  void Send(std::string_view text) { asio::write(state_->socket, asio::buffer(text)); }
  void FinishSending() { state_->socket.shutdown(asio::ip::tcp::socket::shutdown_send); }
  void StopReading() { state_->paused = true; }
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
    bool closed = false, paused = false;
  };
  static void Read(const std::shared_ptr<State>& s) {
    s->socket.async_read_some(asio::buffer(s->buffer), [s](const ErrorCode& ec, std::size_t n) {
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

inline std::size_t Count(std::string_view text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

}  // namespace jb::io
