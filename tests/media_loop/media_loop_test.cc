// SPDX-License-Identifier: Apache-2.0
// The whole media path over real sockets, as in the server, allocates nothing per packet once it is warm.
#include <gtest/gtest.h>

#include <atomic>

#include "media_loop/counting_malloc.h"
#include "media_loop/loopback_call.h"

namespace jb::media_loop {
namespace {

using namespace std::chrono_literals;

// Once a second figures are published, and every few seconds a client's consent is checked: both may allocate, and so
// may the first packets of a load that there has not been before. Windows are short enough to lie between, and the
// load before was larger.
TEST(MediaLoop, ForwardingToTenAndAnsweringNacksAllocatesNothingOnceWarm) {
  LoopbackCall call({.speakers = 2, .listeners_each = 10, .packets_per_frame = 4, .frame_interval = 5ms});
  call.Run(3s, {.nack_each = 20});  // rings hold two seconds
  call.Run(1s, {.speakers = 1, .nack_each = 20});
  const std::atomic<std::uint64_t>* counter = nullptr;
  call.OnMediaLoop([&](sfu::Worker&) { counter = &AllocationsOfThisThread(); });
  std::size_t quiet = 0;
  std::uint64_t packets = 0, allocations = 0;
  for (int i = 0; i < 20; ++i) {
    const std::uint64_t before = *counter, received = call.received(), again = call.received_again();
    call.Run(200ms, {.speakers = 1, .nack_each = 20});
    const std::uint64_t made = *counter - before, in_window = call.received() - received;
    packets += in_window;
    allocations += made;
    quiet += made == 0 && in_window >= 100 && call.received_again() > again ? 1 : 0;
  }
  EXPECT_GE(quiet, 5u) << allocations << " allocations";
  EXPECT_LT(allocations, packets / 100) << "not even now and then";
  EXPECT_GE(packets, 10'000u);
}

TEST(MediaLoop, AllocationsAreCountedAtAll) {
  LoopbackCall call({.speakers = 1, .listeners_each = 1});
  std::uint64_t allocations = 0;
  call.OnMediaLoop([&](sfu::Worker&) { allocations = AllocationsOfThisThread(); });
  EXPECT_GT(allocations, 100u) << "two handshakes";
}

}  // namespace
}  // namespace jb::media_loop
