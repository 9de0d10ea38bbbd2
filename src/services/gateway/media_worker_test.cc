// SPDX-License-Identifier: Apache-2.0
// The sockets around the SFU core, on loopback: what leaves, leaves from where it was asked for.
#include "services/gateway/media_worker.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/certificate.h"
#include "proto/stun/message.h"

namespace jb::services {
namespace {

using std::chrono::seconds;

sockaddr_in Address(const char* ip, std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  inet_pton(AF_INET, ip, &out.sin_addr);
  return out;
}

// A blocking socket that gives up after ten seconds: the media loop has a thread of its own.
class Client {
 public:
  explicit Client(int type) : fd_(socket(AF_INET, type, 0)) {
    const timeval limit{10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  }
  ~Client() { close(fd_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  bool Connect(const char* ip, std::uint16_t port) {
    const sockaddr_in to = Address(ip, port);
    return connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }
  void SendTo(const char* ip, std::uint16_t port, ByteView bytes) {
    const sockaddr_in to = Address(ip, port);
    sendto(fd_, bytes.data(), bytes.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof to);
  }
  void SendFrame(ByteView bytes) {
    Bytes frame{static_cast<std::uint8_t>(bytes.size() >> 8), static_cast<std::uint8_t>(bytes.size())};
    frame.insert(frame.end(), bytes.begin(), bytes.end());
    send(fd_, frame.data(), frame.size(), MSG_NOSIGNAL);
  }
  // The sender's address; empty when nothing came.
  std::string Receive(int flags = 0) {
    sockaddr_in from{};
    socklen_t size = sizeof from;
    std::uint8_t buffer[2048];
    if (recvfrom(fd_, buffer, sizeof buffer, flags, reinterpret_cast<sockaddr*>(&from), &size) <= 0) return "";
    char text[INET_ADDRSTRLEN];
    return inet_ntop(AF_INET, &from.sin_addr, text, sizeof text);
  }
  bool ReceiveAnything(int flags = 0) {
    std::uint8_t buffer[2048];
    return recv(fd_, buffer, sizeof buffer, flags) > 0;
  }
  std::uint16_t BoundPort() {
    sockaddr_in at = Address("127.0.0.1", 0);
    socklen_t size = sizeof at;
    EXPECT_EQ(bind(fd_, reinterpret_cast<const sockaddr*>(&at), size), 0);
    EXPECT_EQ(getsockname(fd_, reinterpret_cast<sockaddr*>(&at), &size), 0);
    return ntohs(at.sin_port);
  }

 private:
  const int fd_;
};

class MediaWorkerTest : public testing::Test {
 protected:
  void Start() {
    MediaWorkerConfig config;
    config.port = port_ = Client(SOCK_STREAM).BoundPort();
    config.listen = {*SocketAddress::Parse("127.0.0.1", 0), *SocketAddress::Parse("127.0.0.2", 0)};
    config.announce = config.listen;
    config.certificate = crypto::Certificate::Make();
    auto worker = MediaWorker::Start(config, control_, metrics_, taps_, {});
    ASSERT_TRUE(worker.ok()) << worker.error().message;
    worker_ = std::move(*worker);
  }
  // An authenticated check for a new transport.
  Bytes MakeCheck() {
    std::optional<json::value> options;
    worker_->Call<Result<json::object>>(
        [](sfu::Worker& worker, Time now) {
          return worker.CreateTransport(TransportId("t"), sfu::TransportDirection::kSend, now);
        },
        [&](const Result<json::object>& made) { options = *made; });
    EXPECT_TRUE(control_.RunUntil([&] { return options.has_value(); }, seconds(10)));
    const json::value& ice = *GetMember(*options, "iceParameters");
    const std::string username = std::string(*GetString(ice, "usernameFragment")) + ":peer";
    stun::BindingRequest request;
    request.username = username;
    request.password = *GetString(ice, "password");
    request.priority = 1;
    request.controlling = true;
    std::array<std::uint8_t, stun::kMaxMessageSize> buffer;
    const ByteView written = *stun::WriteBindingRequest(buffer, request);
    return Bytes(written.begin(), written.end());
  }

  io::Loop control_;
  Metrics metrics_;
  TapMailbox taps_{16, [] {}};
  std::uint16_t port_ = 0;
  std::unique_ptr<MediaWorker> worker_;
};

TEST_F(MediaWorkerTest, ADatagramIsAnsweredFromTheAddressItWasSentTo) {
  Start();
  const Bytes check = MakeCheck();
  Client client(SOCK_DGRAM);
  for (const char* ip : {"127.0.0.1", "127.0.0.2"}) {
    client.SendTo(ip, port_, check);
    EXPECT_EQ(client.Receive(), ip);
  }
}

TEST_F(MediaWorkerTest, ConnectionsOfTwoAddressesAreNotMixedUp) {
  Start();
  const Bytes check = MakeCheck();
  Client stranger(SOCK_STREAM), client(SOCK_STREAM);
  ASSERT_TRUE(stranger.Connect("127.0.0.1", port_));  // the first connection of either server
  ASSERT_TRUE(client.Connect("127.0.0.2", port_));
  client.SendFrame(check);
  EXPECT_TRUE(client.ReceiveAnything());
  EXPECT_FALSE(stranger.ReceiveAnything(MSG_DONTWAIT));
}

}  // namespace
}  // namespace jb::services
