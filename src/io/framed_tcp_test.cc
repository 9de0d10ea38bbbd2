// SPDX-License-Identifier: Apache-2.0
#include "io/framed_tcp.h"

#include <map>

#include "io/test_client.h"

namespace jb::io {
namespace {

using std::chrono::milliseconds;

std::string Frame(std::string_view text) {
  std::string out;
  out += static_cast<char>(text.size() >> 8);
  out += static_cast<char>(text.size() & 0xff);
  return out.append(text);
}

std::vector<std::string> Cut(std::string stream, std::size_t piece, std::size_t max_frame, bool* good) {
  FrameReader reader(max_frame);
  std::vector<std::string> frames;
  *good = true;
  for (std::size_t at = 0; at < stream.size() && *good; at += piece) {
    const std::size_t n = std::min(piece, stream.size() - at);
    const ByteSpan bytes(reinterpret_cast<std::uint8_t*>(stream.data()) + at, n);
    *good = reader.Push(bytes, [&](ByteSpan frame) {
      frames.emplace_back(AsText(frame));
      return true;
    });
  }
  return frames;
}

TEST(FrameReader, FindsTheSameFramesHoweverTheyAreCut) {
  const std::string stream = Frame("a") + Frame(std::string(300, 'b')) + Frame("ccc") + Frame("dd");
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    bool good = false;
    const auto frames = Cut(stream, piece, 300, &good);
    EXPECT_TRUE(good);
    EXPECT_EQ(frames, (std::vector<std::string>{"a", std::string(300, 'b'), "ccc", "dd"})) << piece;
  }
}

TEST(FrameReader, RefusesZeroAndOverlongLengthsHoweverTheyAreCut) {
  for (const std::string& bad : {Frame(""), Frame(std::string(301, 'x')), std::string("\xff\xff")}) {
    for (std::size_t piece = 1; piece < 8; ++piece) {
      bool good = true;
      EXPECT_EQ(Cut(Frame("ok") + bad, piece, 300, &good), (std::vector<std::string>{"ok"}));
      EXPECT_FALSE(good);
    }
  }
}

class FramedTcpTest : public testing::Test {
 protected:
  void Listen() {
    auto server = FramedTcpServer::Listen(
        loop_, *SocketAddress::Parse("127.0.0.1", 0),
        [this](const Tuple& from, ByteSpan frame) {
          frames_.emplace_back(AsText(frame));
          last_ = from;
          if (on_frame_) on_frame_();
          return trusted_;
        },
        [this](const Tuple& from) { closed_.push_back(from.connection); }, options_);
    ASSERT_TRUE(server.ok());
    server_ = std::move(*server);
  }
  std::uint16_t port() const { return server_->local_address().port; }
  bool Until(const std::function<bool()>& done) { return loop_.RunUntil(done, kTestLimit); }

  Loop loop_;
  FramedTcpOptions options_;
  std::unique_ptr<FramedTcpServer> server_;
  std::vector<std::string> frames_;
  std::vector<std::uint64_t> closed_;
  Tuple last_;
  std::function<void()> on_frame_;
  bool trusted_ = true;
};

TEST_F(FramedTcpTest, CarriesFramesBothWays) {
  Listen();
  RawClient client(loop_, port());
  client.Send(Frame("hello") + Frame("again"));
  ASSERT_TRUE(Until([&] { return frames_.size() == 2; }));
  EXPECT_EQ(frames_, (std::vector<std::string>{"hello", "again"}));
  EXPECT_EQ(last_.protocol, TransportProtocol::kTcp);
  EXPECT_TRUE(last_.remote.is_loopback());
  EXPECT_NE(last_.connection, 0u);
  server_->Send(last_.connection, AsBytes("back"));
  server_->Send(last_.connection + 1, AsBytes("nobody"));
  ASSERT_TRUE(client.WaitFor(Frame("back")));
}

TEST_F(FramedTcpTest, TellsConnectionsOfOneAddressApart) {
  Listen();
  RawClient a(loop_, port()), b(loop_, port());
  a.Send(Frame("a"));
  ASSERT_TRUE(Until([&] { return frames_.size() == 1; }));
  const Tuple first = last_;
  b.Send(Frame("b"));
  ASSERT_TRUE(Until([&] { return frames_.size() == 2; }));
  EXPECT_NE(first.connection, last_.connection);
  server_->Send(first.connection, AsBytes("for a"));
  ASSERT_TRUE(a.WaitFor(Frame("for a")));
  EXPECT_EQ(b.received(), "");
}

TEST_F(FramedTcpTest, ClosesOnABadLengthAndTellsOnce) {
  Listen();
  RawClient client(loop_, port());
  client.Send(Frame("ok") + std::string("\xff\xff") + "rest");
  ASSERT_TRUE(client.WaitClosed());
  EXPECT_EQ(frames_.size(), 1u);
  EXPECT_EQ(closed_.size(), 1u);
  EXPECT_EQ(server_->stats().bad_length, 1u);
}

TEST_F(FramedTcpTest, ClosesASilentNewcomerWithoutTelling) {
  options_.proof_timeout = milliseconds(20);
  Listen();
  RawClient silent(loop_, port()), partial(loop_, port());
  partial.Send(std::string("\x00\x05half", 4));
  ASSERT_TRUE(silent.WaitClosed());
  ASSERT_TRUE(partial.WaitClosed());
  EXPECT_TRUE(closed_.empty());
}

TEST_F(FramedTcpTest, ClosesAStrangerHoweverMuchItSends) {
  options_.proof_timeout = milliseconds(50);
  trusted_ = false;
  Listen();
  RawClient stranger(loop_, port());
  on_frame_ = [&] { server_->Send(last_.connection, AsBytes("go on")); };
  std::size_t answered = 0;
  stranger.Send(Frame("junk"));
  ASSERT_TRUE(Until([&] {
    if (!stranger.closed() && Count(stranger.received(), "go on") > answered) {
      ++answered;
      stranger.Send(Frame("junk"));
    }
    return stranger.closed();
  }));
  EXPECT_EQ(closed_.size(), 1u);
}

TEST_F(FramedTcpTest, KeepsAProvedPeerUntilItProvesNothingMore) {
  options_.proof_timeout = milliseconds(20);
  options_.idle_timeout = milliseconds(1000);  // a busy machine may forget a process for long
  Listen();
  RawClient client(loop_, port());
  client.Send(Frame("check"));
  EXPECT_FALSE(loop_.RunUntil([&] { return client.closed(); }, milliseconds(60)));
  trusted_ = false;  // as when consent has expired
  client.Send(Frame("junk"));
  ASSERT_TRUE(client.WaitClosed());
}

TEST_F(FramedTcpTest, TellsOfAPeerThatLeaves) {
  Listen();
  {
    RawClient client(loop_, port());
    client.Send(Frame("x"));
    ASSERT_TRUE(Until([&] { return frames_.size() == 1; }));
  }
  ASSERT_TRUE(Until([&] { return closed_.size() == 1; }));
  EXPECT_EQ(closed_[0], last_.connection);
}

TEST_F(FramedTcpTest, BoundsWhatASlowPeerHolds) {
  options_.max_queued_bytes = 10000;
  Listen();
  RawClient client(loop_, port());
  client.StopReading();
  client.Send(Frame("x"));
  ASSERT_TRUE(Until([&] { return frames_.size() == 1; }));
  const Bytes packet(1200, 1);
  for (int i = 0; i < 100000 && server_->stats().send_dropped == 0; ++i) server_->Send(last_.connection, packet);
  EXPECT_GT(server_->stats().send_dropped, 0u);
}

TEST_F(FramedTcpTest, KeepsFramesWholeWhenThePeerReadsSlowly) {
  options_.max_queued_bytes = 100000;
  Listen();
  RawClient client(loop_, port());
  client.Send(Frame("x"));
  ASSERT_TRUE(Until([&] { return frames_.size() == 1; }));
  // Numbered frames of odd sizes; some are dropped, none is cut.
  std::size_t sent = 0;
  for (std::size_t i = 0; i < 20000; ++i) {
    std::string text = std::to_string(i) + ":" + std::string(i % 977, 'x');
    server_->Send(last_.connection, AsBytes(text));
    ++sent;
  }
  const std::size_t expected = sent - server_->stats().send_dropped;
  std::vector<std::string> got;
  FrameReader reader(2048);
  std::size_t fed = 0;
  ASSERT_TRUE(Until([&] {
    std::string fresh = client.received().substr(fed);
    fed += fresh.size();
    EXPECT_TRUE(reader.Push(ByteSpan(reinterpret_cast<std::uint8_t*>(fresh.data()), fresh.size()), [&](ByteSpan frame) {
      got.emplace_back(AsText(frame));
      return true;
    }));
    return got.size() == expected;
  }));
  for (const std::string& text : got) {
    const std::size_t colon = text.find(':');
    ASSERT_NE(colon, std::string::npos);
    EXPECT_EQ(text.size() - colon - 1, std::stoul(text.substr(0, colon)) % 977);
  }
}

TEST_F(FramedTcpTest, CapsItsConnections) {
  options_.max_connections = 2;
  Listen();
  RawClient a(loop_, port());
  a.Send(Frame("check"));
  ASSERT_TRUE(Until([&] { return frames_.size() == 1; }));
  RawClient b(loop_, port());
  ASSERT_TRUE(Until([&] { return server_->stats().accepted == 2; }));
  RawClient c(loop_, port());
  ASSERT_TRUE(b.WaitClosed()) << "the oldest that proved nothing makes room";
  c.Send(Frame("check"));
  ASSERT_TRUE(Until([&] { return frames_.size() == 2; }));
  RawClient d(loop_, port());
  ASSERT_TRUE(d.WaitClosed()) << "nobody who belongs here does";
  EXPECT_FALSE(a.closed() || c.closed());
  EXPECT_EQ(server_->stats().refused, 2u);
  EXPECT_EQ(server_->stats().accepted, 3u);
}

TEST_F(FramedTcpTest, LeavesDescriptorsForOthersWhereTheyAreFew) {
  {
    const SoftFileLimit few(40);
    Listen();
  }
  trusted_ = false;
  RawClient a(loop_, port()), b(loop_, port());
  ASSERT_TRUE(Until([&] { return server_->stats().accepted == 2; }));
  RawClient c(loop_, port());
  EXPECT_TRUE(a.WaitClosed());
}

TEST_F(FramedTcpTest, MayCloseAConnectionOrDestroyTheServerInAHandler) {
  Listen();
  on_frame_ = [&] { server_->Close(last_.connection); };
  RawClient client(loop_, port());
  client.Send(Frame("a") + Frame("b"));
  ASSERT_TRUE(client.WaitClosed());
  EXPECT_EQ(frames_.size(), 1u);
  EXPECT_TRUE(closed_.empty());
  on_frame_ = [&] { server_.reset(); };
  RawClient second(loop_, port());
  second.Send(Frame("c") + Frame("d"));
  ASSERT_TRUE(second.WaitClosed());
  EXPECT_EQ(frames_.size(), 2u);
}

}  // namespace
}  // namespace jb::io
