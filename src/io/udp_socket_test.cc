// SPDX-License-Identifier: Apache-2.0
#include "io/udp_socket.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <string>
#include <vector>

namespace jb::io {
namespace {

// Far above what loopback needs.
constexpr Duration kLimit = std::chrono::seconds(20);

const SocketAddress kAnyLoopback = *SocketAddress::Parse("127.0.0.1", 0);

struct Received {
  SocketAddress from;
  std::string text;
};

// UDP promises no order, and loopback keeps it only for a sender that stays on its CPU: each has a queue of its
// own, which a busy machine empties when it comes to it.
class OnOneCpu {
 public:
  OnOneCpu() {
    sched_getaffinity(0, sizeof before_, &before_);
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(sched_getcpu(), &one);
    sched_setaffinity(0, sizeof one, &one);
  }
  ~OnOneCpu() { sched_setaffinity(0, sizeof before_, &before_); }

 private:
  cpu_set_t before_;
};

std::unique_ptr<UdpSocket> Open(Loop& loop, std::vector<Received>& out, const SocketAddress& bind = kAnyLoopback) {
  auto socket = UdpSocket::Open(loop, bind, [&out](const SocketAddress& from, ByteSpan datagram) {
    out.push_back({from, std::string(AsText(datagram))});
  });
  EXPECT_TRUE(socket.ok()) << socket.error().message;
  return std::move(*socket);
}

TEST(UdpSocket, CarriesDatagramsBothWays) {
  Loop loop;
  std::vector<Received> at_a, at_b;
  const auto a = Open(loop, at_a), b = Open(loop, at_b);
  a->Send(b->local_address(), AsBytes("ping"));
  ASSERT_TRUE(loop.RunUntil([&] { return at_b.size() == 1; }, kLimit));
  EXPECT_EQ(at_b[0].text, "ping");
  EXPECT_EQ(at_b[0].from, a->local_address());
  b->Send(at_b[0].from, AsBytes(""));
  b->Send(at_b[0].from, AsBytes("pong"));
  ASSERT_TRUE(loop.RunUntil([&] { return at_a.size() == 2; }, kLimit));
  EXPECT_EQ(at_a[1].text, "pong");
  EXPECT_EQ(a->stats().sent, 1u);
  EXPECT_EQ(a->stats().received, 2u);
}

TEST(UdpSocket, SendsInBatchesAndKeepsTheOrder) {
  Loop loop;
  std::vector<Received> at_a, at_b;
  const OnOneCpu cpu;
  const auto a = Open(loop, at_a), b = Open(loop, at_b);
  int batches = 0, fewest = 200;
  b->set_on_batch_end([&] { ++batches; });
  // What is sent is not always there at once on a busy machine; with one batch per datagram it makes no difference.
  for (int round = 0; round < 50 && fewest > 4; ++round) {
    at_b.clear();
    batches = 0;
    for (int i = 0; i < 200; ++i) a->Send(b->local_address(), AsBytes(std::to_string(i)));
    EXPECT_EQ(a->stats().sent % 200, 192u);  // three full batches; the rest at the end of the turn
    ASSERT_TRUE(loop.RunUntil([&] { return at_b.size() == 200; }, kLimit));
    for (int i = 0; i < 200; ++i) ASSERT_EQ(at_b[static_cast<std::size_t>(i)].text, std::to_string(i));
    fewest = std::min(fewest, batches);
  }
  EXPECT_GE(fewest, 1);
  EXPECT_LE(fewest, 4);
}

TEST(UdpSocket, KeepsTheOrderOfEachDestinationWhateverTheSizes) {
  Loop loop;
  std::vector<Received> at_a, at_b, at_c;
  const OnOneCpu cpu;
  const auto a = Open(loop, at_a), b = Open(loop, at_b), c = Open(loop, at_c);
  std::vector<std::string> for_b, for_c;
  std::uint32_t state = 1;
  for (int i = 0; i < 500; ++i) {
    state = state * 1664525 + 1013904223;
    // Mostly two sizes, now and then an odd or an empty one: runs that begin, end short and break.
    const std::size_t sizes[] = {1200, 1200, 1200, 300, 300, state % 1500, 0};
    std::string text(sizes[(state >> 16) % 7], 'x');
    if (text.size() > 4) text.replace(0, 3, std::to_string(i));
    ((state >> 8) % 3 == 0 ? for_c : for_b).push_back(text);
    a->Send(((state >> 8) % 3 == 0 ? c : b)->local_address(), AsBytes(text));
    // Read now and then: where the buffers may not be enlarged they do not hold them all.
    if (i % 50 != 49) continue;
    ASSERT_TRUE(loop.RunUntil([&] { return at_b.size() == for_b.size() && at_c.size() == for_c.size(); }, kLimit));
  }
  for (std::size_t i = 0; i < for_b.size(); ++i) ASSERT_EQ(at_b[i].text, for_b[i]) << i;
  for (std::size_t i = 0; i < for_c.size(); ++i) ASSERT_EQ(at_c[i].text, for_c[i]) << i;
  EXPECT_EQ(a->stats().sent, 500u);
}

TEST(UdpSocket, FlushSendsAtOnce) {
  Loop loop;
  std::vector<Received> out;
  const auto a = Open(loop, out), b = Open(loop, out);
  a->Send(b->local_address(), AsBytes("x"));
  EXPECT_EQ(a->stats().sent, 0u);
  a->Flush();
  EXPECT_EQ(a->stats().sent, 1u);
}

TEST(UdpSocket, AnswersOfAHandlerLeaveWithItsBatch) {
  Loop loop;
  std::vector<Received> at_a;
  const auto a = Open(loop, at_a);
  std::unique_ptr<UdpSocket> echo;
  echo = std::move(*UdpSocket::Open(loop, kAnyLoopback, [&](const SocketAddress& from, ByteSpan datagram) {
    datagram[0] ^= 0x20;  // in place
    echo->Send(from, datagram);
  }));
  for (int i = 0; i < 10; ++i) a->Send(echo->local_address(), AsBytes("abc"));
  ASSERT_TRUE(loop.RunUntil([&] { return at_a.size() == 10; }, kLimit));
  EXPECT_EQ(at_a[9].text, "Abc");
}

TEST(UdpSocket, DropsAndCountsWhatIsTooLarge) {
  Loop loop;
  std::vector<Received> at_b;
  const auto b = Open(loop, at_b);
  const auto a = Open(loop, at_b);
  a->Send(b->local_address(), Bytes(kMaxDatagram + 1));
  EXPECT_EQ(a->stats().send_dropped, 1u);
  a->Send(b->local_address(), Bytes(kMaxDatagram));
  ASSERT_TRUE(loop.RunUntil([&] { return at_b.size() == 1; }, kLimit));
  EXPECT_EQ(at_b[0].text.size(), kMaxDatagram);
}

TEST(UdpSocket, AnUnreachableDestinationCostsOnlyItsOwnDatagram) {
  Loop loop;
  std::vector<Received> at_b;
  const auto a = Open(loop, at_b), b = Open(loop, at_b);
  a->Send(b->local_address(), AsBytes("1"));
  a->Send(*SocketAddress::Parse("255.255.255.255", 9), AsBytes("x"));  // broadcast is not permitted
  a->Send(b->local_address(), AsBytes("2"));
  ASSERT_TRUE(loop.RunUntil([&] { return at_b.size() == 2; }, kLimit));
  EXPECT_EQ(a->stats().send_dropped, 1u);
}

std::vector<UdpOutgoing> Views(const std::vector<std::pair<SocketAddress, std::string>>& datagrams) {
  std::vector<UdpOutgoing> out;
  for (const auto& [to, text] : datagrams) out.push_back({&to, AsBytes(text)});
  return out;
}

TEST(UdpSocket, SendAllSendsFromWhereTheBytesLieAtOnce) {
  Loop loop;
  std::vector<Received> at_a, at_b, at_c;
  const OnOneCpu cpu;
  const auto a = Open(loop, at_a), b = Open(loop, at_b), c = Open(loop, at_c);
  a->Send(b->local_address(), AsBytes("before"));
  // Runs that end short, break at a larger one and at an empty one, and are longer than a message can be.
  std::vector<std::pair<SocketAddress, std::string>> datagrams;
  for (const auto& to : {b->local_address(), c->local_address()}) {
    for (const std::size_t size : {900, 900, 300, 300, 700, 700, 0, 5}) {
      datagrams.emplace_back(to, std::string(size, 'x'));
    }
    for (int i = 0; i < 150; ++i) datagrams.emplace_back(to, "number " + std::to_string(100 + i));
  }
  a->SendAll(Views(datagrams));
  EXPECT_EQ(a->stats().sent, datagrams.size() + 1);
  ASSERT_TRUE(loop.RunUntil([&] { return at_b.size() == 159 && at_c.size() == 158; }, kLimit));
  EXPECT_EQ(at_b[0].text, "before");
  for (std::size_t i = 0; i < 158; ++i) {
    ASSERT_EQ(at_b[i + 1].text, datagrams[i].second) << i;
    ASSERT_EQ(at_c[i].text, datagrams[158 + i].second) << i;
  }
}

TEST(UdpSocket, SendAllTakesBytesThatLieSideBySideAsOne) {
  Loop loop;
  std::vector<Received> at_a, at_b;
  const OnOneCpu cpu;
  const auto a = Open(loop, at_a), b = Open(loop, at_b);
  const std::string all = "aaaabbbbccccdd";
  const SocketAddress to = b->local_address();
  std::vector<UdpOutgoing> views;
  for (std::size_t i = 0; i < all.size(); i += 4) {
    views.push_back({&to, AsBytes(all).subspan(i, std::min<std::size_t>(4, all.size() - i))});
  }
  a->SendAll(views);
  ASSERT_TRUE(loop.RunUntil([&] { return at_b.size() == 4; }, kLimit));
  EXPECT_EQ(at_b[0].text, "aaaa");
  EXPECT_EQ(at_b[2].text, "cccc");
  EXPECT_EQ(at_b[3].text, "dd");
}

TEST(UdpSocket, ADestinationThatIsRefusedCostsSendAllOnlyItsOwn) {
  Loop loop;
  std::vector<Received> at_a, at_b;
  const auto a = Open(loop, at_a), b = Open(loop, at_b);
  const SocketAddress broadcast = *SocketAddress::Parse("255.255.255.255", 9);
  a->SendAll(Views({{b->local_address(), "1"}, {broadcast, "x"}, {broadcast, "y"}, {b->local_address(), "2"}}));
  ASSERT_TRUE(loop.RunUntil([&] { return at_b.size() == 2; }, kLimit));
  EXPECT_EQ(a->stats().send_dropped, 2u);
  EXPECT_EQ(at_b[1].text, "2");
}

TEST(UdpSocket, ARunLargerThanAMessageIsSplit) {
  Loop loop;
  std::vector<Received> at_a, at_b;
  const OnOneCpu cpu;
  const auto a = Open(loop, at_a), b = Open(loop, at_b);
  // 80 KB, of which a message can hold 65,507 bytes.
  const std::string text(kMaxDatagram, 'y');
  std::vector<std::pair<SocketAddress, std::string>> datagrams(40, {b->local_address(), text});
  a->SendAll(Views(datagrams));
  ASSERT_TRUE(loop.RunUntil([&] { return at_b.size() == 40; }, kLimit));
  EXPECT_EQ(a->stats().sent, 40u);
}

TEST(UdpSocket, GivesWhatWasReadTogetherToItsBatchHandler) {
  Loop loop;
  std::vector<Received> none;
  const OnOneCpu cpu;
  const auto a = Open(loop, none);
  std::vector<std::string> got;
  std::size_t calls = 0;
  auto b = UdpSocket::OpenBatched(loop, kAnyLoopback, [&](std::span<const UdpIncoming> datagrams) {
    ++calls;
    for (const UdpIncoming& d : datagrams) {
      EXPECT_EQ(d.from, a->local_address());
      got.emplace_back(AsText(d.bytes));
    }
  });
  ASSERT_TRUE(b.ok());
  for (int i = 0; i < 20; ++i) a->Send((*b)->local_address(), AsBytes(std::to_string(i)));
  a->Send((*b)->local_address(), Bytes(kMaxDatagram, 'z'));
  a->Flush();
  ASSERT_TRUE(loop.RunUntil([&] { return got.size() == 21; }, kLimit));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(got[static_cast<std::size_t>(i)], std::to_string(i));
  EXPECT_LT(calls, 21u);
}

TEST(UdpSocket, MayBeDestroyedInItsHandler) {
  Loop loop;
  std::vector<Received> none;
  const auto a = Open(loop, none);
  std::unique_ptr<UdpSocket> b;
  int calls = 0;
  b = std::move(*UdpSocket::Open(loop, kAnyLoopback, [&](const SocketAddress&, ByteSpan) {
    ++calls;
    b.reset();
  }));
  for (int i = 0; i < 5; ++i) a->Send(b->local_address(), AsBytes("x"));
  ASSERT_TRUE(loop.RunUntil([&] { return !b; }, kLimit));
  loop.RunUntil([] { return false; }, Duration::zero());
  EXPECT_EQ(calls, 1);
}

TEST(UdpSocket, NamesATakenAddress) {
  Loop loop;
  std::vector<Received> none;
  const auto a = Open(loop, none);
  const auto second = UdpSocket::Open(loop, a->local_address(), [](const SocketAddress&, ByteSpan) {});
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, "address_in_use");
  EXPECT_NE(second.error().message.find(a->local_address().text()), std::string::npos);
  EXPECT_EQ(
      UdpSocket::Open(loop, *SocketAddress::Parse("240.0.0.1", 0), [](const SocketAddress&, ByteSpan) {}).error().code,
      "bad_address");
}

TEST(UdpSocket, SpeaksIpv6) {
  Loop loop;
  std::vector<Received> at_b;
  const auto address = *SocketAddress::Parse("::1", 0);
  auto b = UdpSocket::Open(loop, address, [&](const SocketAddress& from, ByteSpan d) {
    at_b.push_back({from, std::string(AsText(d))});
  });
  if (!b.ok()) GTEST_SKIP() << "no IPv6 here";
  const auto a = Open(loop, at_b, address);
  a->Send((*b)->local_address(), AsBytes("six"));
  ASSERT_TRUE(loop.RunUntil([&] { return at_b.size() == 1; }, kLimit));
  EXPECT_EQ(at_b[0].from, a->local_address());
  EXPECT_TRUE(at_b[0].from.is_v6);
}

}  // namespace
}  // namespace jb::io
