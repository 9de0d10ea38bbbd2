// SPDX-License-Identifier: Apache-2.0
#include "io/udp_fleet.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "io/clock.h"

namespace jb::io {
namespace {

constexpr Duration kLimit = std::chrono::seconds(20);  // far above what loopback needs
const SocketAddress kAnyLoopback = *SocketAddress::Parse("127.0.0.1", 0);

TEST(UdpFleet, EachSocketHasAPortOfItsOwnAndGetsWhatIsSentThere) {
  Loop loop;
  UdpFleet fleet(loop);
  constexpr std::size_t kSockets = 300;  // more than one epoll_wait tells of
  std::vector<std::unique_ptr<UdpSocket>> sockets;
  std::vector<std::string> heard(kSockets);
  std::size_t count = 0;
  for (std::size_t i = 0; i < kSockets; ++i) {
    auto socket = fleet.Open(kAnyLoopback, [&heard, &count, i](const SocketAddress&, ByteSpan datagram) {
      heard[i] = AsText(datagram);
      ++count;
    });
    ASSERT_TRUE(socket.ok());
    sockets.push_back(std::move(*socket));
  }
  for (std::size_t i = 0; i < kSockets; ++i) {
    const std::string text = "for " + std::to_string((i + 1) % kSockets);
    sockets[i]->Send(sockets[(i + 1) % kSockets]->local_address(), AsBytes(text));
  }
  ASSERT_TRUE(loop.RunUntil([&] { return count == kSockets; }, kLimit));
  for (std::size_t i = 0; i < kSockets; ++i) EXPECT_EQ(heard[i], "for " + std::to_string(i));
}

TEST(UdpFleet, TellsWhenTheKernelTookADatagramIn) {
  Loop loop;
  UdpFleet fleet(loop);
  std::optional<WallTime> arrived;
  const auto receiver = *fleet.Open(kAnyLoopback, [&](const SocketAddress&, ByteSpan) { arrived = fleet.arrival(); });
  const auto sender = *fleet.Open(kAnyLoopback, [](const SocketAddress&, ByteSpan) {});
  const WallTime before = WallNow();
  sender->Send(receiver->local_address(), AsBytes("now"));
  sender->Flush();
  const WallTime after = WallNow();
  ASSERT_TRUE(loop.RunUntil([&] { return arrived.has_value(); }, kLimit));
  // Loopback delivers within the system call, however late the loop reads.
  EXPECT_GE(*arrived, before);
  EXPECT_LE(*arrived, after);
}

TEST(UdpFleet, WhatWaitsInTheBatchLeavesBeforeWhatIsSentFromWhereItLies) {
  Loop loop;
  UdpFleet fleet(loop);
  std::vector<std::string> heard;
  const auto receiver =
      *fleet.Open(kAnyLoopback, [&](const SocketAddress&, ByteSpan datagram) { heard.emplace_back(AsText(datagram)); });
  const auto sender = *fleet.Open(kAnyLoopback, [](const SocketAddress&, ByteSpan) {});
  const SocketAddress to = receiver->local_address();
  sender->Send(to, AsBytes("copied"));
  const std::array<UdpOutgoing, 2> lying{{{&to, AsBytes("first")}, {&to, AsBytes("second")}}};
  sender->SendAll(lying);
  ASSERT_TRUE(loop.RunUntil([&] { return heard.size() == 3; }, kLimit));
  EXPECT_EQ(heard, (std::vector<std::string>{"copied", "first", "second"}));
}

TEST(UdpFleet, ASocketMayGoWithinItsOwnHandler) {
  Loop loop;
  UdpFleet fleet(loop);
  std::unique_ptr<UdpSocket> victim, other;
  int heard = 0, others = 0;
  victim = *fleet.Open(kAnyLoopback, [&](const SocketAddress&, ByteSpan) {
    ++heard;
    victim.reset();
  });
  other = *fleet.Open(kAnyLoopback, [&](const SocketAddress&, ByteSpan) { ++others; });
  const SocketAddress gone = victim->local_address();
  for (int i = 0; i < 5; ++i) other->Send(gone, AsBytes("x"));
  other->Send(other->local_address(), AsBytes("y"));
  ASSERT_TRUE(loop.RunUntil([&] { return others == 1 && heard > 0; }, kLimit));
  EXPECT_EQ(heard, 1);
  // Its place is taken by the next one, which hears nothing of the old one's.
  int fresh = 0;
  const auto next = *fleet.Open(kAnyLoopback, [&](const SocketAddress&, ByteSpan) { ++fresh; });
  other->Send(next->local_address(), AsBytes("z"));
  ASSERT_TRUE(loop.RunUntil([&] { return fresh == 1; }, kLimit));
}

}  // namespace
}  // namespace jb::io
