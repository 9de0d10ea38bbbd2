// SPDX-License-Identifier: Apache-2.0
// The sockets' part of the media path allocates nothing per packet or turn once warm: reading and writing in batches,
// segments, the end of a turn, and the one timer that is armed anew.
#include <gtest/gtest.h>

#include <cstddef>

#include "io/udp_socket.h"

namespace {
thread_local std::size_t g_allocations = 0;  // Asio has threads of its own, for names
}  // namespace

// The linker puts these in front of operator new and of aligned_alloc, from which Asio gets its memory: see
// CMakeLists.txt. Replacing operator new would not go together with the other tests of this program.
extern "C" {
void* __real__Znwm(std::size_t size);
void* __real_aligned_alloc(std::size_t align, std::size_t size);

void* __wrap__Znwm(std::size_t size) {
  ++g_allocations;
  return __real__Znwm(size);
}
void* __wrap_aligned_alloc(std::size_t align, std::size_t size) {
  ++g_allocations;
  return __real_aligned_alloc(align, size);
}
}

namespace jb::io {
namespace {

constexpr int kWarmRounds = 100, kRounds = 1000;
constexpr std::size_t kPackets = 20, kFanOut = 3;
// Asio keeps freed blocks per thread for its next handlers, here also those that other tests left, of other sizes. Where a busy
// machine lets read, timer and flush end in the same moment for the first time, one is allocated anew.
constexpr std::size_t kCoincidences = kRounds / 50;

// A core that always wants to be called in a moment.
struct BusyCore {
  Time next = Now();
  void HandleTimeout(Time now) { next = now + std::chrono::microseconds(200); }
  std::optional<Time> NextDeadline() const { return next; }
};

// A client that sends a burst, and the next when all of its copies are back.
class Echo {
 public:
  Echo() {
    const SocketAddress any = *SocketAddress::Parse("127.0.0.1", 0);
    server_ = std::move(*UdpSocket::Open(loop_, any, [this](const SocketAddress& from, ByteSpan datagram) {
      for (std::size_t i = 0; i < kFanOut; ++i) server_->Send(from, datagram);
    }));
    server_->set_on_batch_end([this] {
      core_.next = Now() + std::chrono::microseconds(100);
      driver_.Update();
    });
    client_ = std::move(*UdpSocket::Open(loop_, any, [this](const SocketAddress&, ByteSpan) { ++received_; }));
    client_->set_on_batch_end([this] {
      if (received_ == kPackets * kFanOut) NextRound();
    });
  }

  std::size_t CountAllocations() {
    Timer limit(loop_);  // loopback loses nothing unless a buffer is full
    limit.StartIn(std::chrono::seconds(60), [this] { loop_.Stop(); });
    NextRound();
    loop_.Run();
    EXPECT_EQ(rounds_, kWarmRounds + kRounds);
    return after_ - before_;
  }
  const UdpStats& server_stats() const { return server_->stats(); }

 private:
  void NextRound() {
    if (rounds_ == kWarmRounds) before_ = g_allocations;
    after_ = g_allocations;
    if (rounds_ == kWarmRounds + kRounds) return loop_.Stop();
    ++rounds_;
    received_ = 0;
    for (std::size_t i = 0; i < kPackets; ++i) client_->Send(server_->local_address(), packet_);
  }

  Loop loop_;
  BusyCore core_;
  Driver<BusyCore> driver_{loop_, core_};
  const Bytes packet_ = Bytes(1200, 0x42);
  std::unique_ptr<UdpSocket> server_, client_;
  std::size_t received_ = 0, before_ = 0, after_ = 0;
  int rounds_ = 0;
};

TEST(UdpAllocations, AreNoneOnceWarm) {
  Echo echo;
  EXPECT_GT(g_allocations, 0u) << "they are counted at all";
  EXPECT_LE(echo.CountAllocations(), kCoincidences);
  EXPECT_GE(echo.server_stats().sent, kRounds * kPackets * kFanOut);
}

}  // namespace
}  // namespace jb::io
