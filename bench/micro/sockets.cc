// SPDX-License-Identifier: Apache-2.0
// Datagrams of 1200 bytes over loopback: io::UdpSocket's ways beside one system call each. What the receiving side of
// loopback costs is in both.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <vector>

#include "base/result.h"
#include "io/loop.h"
#include "io/udp_socket.h"
#include "micro/compare.h"

namespace jb::micro {
namespace {

constexpr std::size_t kSize = 1200;
constexpr std::size_t kReceivers = 64;
constexpr std::size_t kDatagrams = 1024;  // of a turn, to all together
constexpr std::size_t kBatch = 64;

// A plain socket on loopback, with room for a turn.
class Plain {
 public:
  Plain() : fd_(socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    const int room = 8 << 20;
    if (setsockopt(fd_, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) != 0) {
      setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    }
    sockaddr_in any{};
    any.sin_family = AF_INET;
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address_;
    JB_CHECK(bind(fd_, reinterpret_cast<sockaddr*>(&any), sizeof any) == 0);
    JB_CHECK(getsockname(fd_, reinterpret_cast<sockaddr*>(&address_), &size) == 0);
  }
  ~Plain() { close(fd_); }
  Plain(const Plain&) = delete;
  Plain& operator=(const Plain&) = delete;

  int fd() const { return fd_; }
  const sockaddr_in& address() const { return address_; }
  SocketAddress socket_address() const { return *SocketAddress::Parse("127.0.0.1", ntohs(address_.sin_port)); }
  void SendTo(const Plain& to, ByteView bytes) {
    sendto(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&to.address_),
           sizeof to.address_);
  }
  // One system call each; answers how many there were.
  std::size_t Drain() {
    std::array<std::uint8_t, 2048> buffer;
    sockaddr_in from{};
    std::size_t n = 0;
    for (;; ++n) {
      socklen_t size = sizeof from;
      if (recvfrom(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT, reinterpret_cast<sockaddr*>(&from), &size) < 0) {
        return n;
      }
    }
  }

 private:
  const int fd_;
  sockaddr_in address_{};
};

// `run`: how many datagrams to one receiver stand together.
void CompareSendingInRuns(std::size_t run, const std::string& name) {
  Plain simple;
  std::vector<std::unique_ptr<Plain>> receivers;
  std::vector<SocketAddress> addresses;
  for (std::size_t i = 0; i < kReceivers; ++i) {
    receivers.push_back(std::make_unique<Plain>());
    addresses.push_back(receivers[i]->socket_address());
  }
  io::Loop loop;
  const auto ours = *io::UdpSocket::Open(loop, *SocketAddress::Parse("127.0.0.1", 0), [](const auto&, ByteSpan) {});
  const Bytes bytes(kBatch * kSize, 0x42);
  std::vector<io::UdpOutgoing> out(kBatch);
  const auto receiver = [&](std::size_t n) { return n / run % kReceivers; };
  Compare(
      name, "sendto each", kDatagrams,
      [&] {
        for (std::size_t n = 0; n < kDatagrams; ++n) {
          simple.SendTo(*receivers[receiver(n)], ByteView(bytes).subspan(n % kBatch * kSize, kSize));
        }
      },
      [&] {
        for (std::size_t n = 0; n < kDatagrams; n += kBatch) {
          for (std::size_t i = 0; i < kBatch; ++i) {
            out[i] = {&addresses[receiver(n + i)], ByteView(bytes).subspan(i * kSize, kSize)};
          }
          ours->SendAll(out);
        }
      },
      Nothing,
      [&] {
        for (auto& one : receivers) one->Drain();
      });
}

}  // namespace

void CompareSending() {
  CompareSendingInRuns(1, "sendmmsg of 64, receivers all different");
  CompareSendingInRuns(4, "sendmmsg with UDP segments, runs of 4");
  CompareSendingInRuns(16, "sendmmsg with UDP segments, runs of 16");
}

void CompareReceiving() {
  constexpr std::size_t kWaiting = 512;
  Plain sender, receiver;
  std::vector<std::uint8_t> buffers(kBatch * 2048);
  std::array<mmsghdr, kBatch> messages{};
  std::array<iovec, kBatch> vectors{};
  std::array<sockaddr_storage, kBatch> names{};
  for (std::size_t i = 0; i < kBatch; ++i) {
    vectors[i] = {buffers.data() + i * 2048, 2048};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_name = &names[i];
  }
  const Bytes bytes(kSize, 0x42);
  std::size_t got = 0;
  Compare(
      "recvmmsg of 64", "recvfrom each", kWaiting, [&] { got = receiver.Drain(); },
      [&] {
        for (got = 0; got < kWaiting;) {
          for (auto& message : messages) message.msg_hdr.msg_namelen = sizeof(sockaddr_storage);
          const int n = recvmmsg(receiver.fd(), messages.data(), kBatch, MSG_DONTWAIT, nullptr);
          JB_CHECK(n > 0);
          got += static_cast<std::size_t>(n);
        }
      },
      [&] {
        for (std::size_t i = 0; i < kWaiting; ++i) sender.SendTo(receiver, bytes);
      },
      [&] { JB_CHECK(got == kWaiting); });
}

}  // namespace jb::micro
