// SPDX-License-Identifier: Apache-2.0
#include "io/websocket.h"

#include "io/http_server.h"
#include "io/test_client.h"
#include "io/websocket_client.h"

namespace jb::io {
namespace {

using std::chrono::milliseconds;

constexpr char kHandshake[] =
    "GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

class EchoHandler : public HttpHandler {
 public:
  void HandleRequest(HttpRequest, std::shared_ptr<HttpResponder> responder) override { responder->Send({}); }
  void HandleUpgrade(HttpRequest request, std::shared_ptr<WebSocketAcceptor> acceptor) override {
    last_request = request;
    if (request.path == "/no") return acceptor->Reject(ErrorResponse(403, "forbidden", "no"));
    if (request.path == "/later") {
      held = std::move(acceptor);
      return;
    }
    socket = acceptor->Accept(options);
    socket->SendText("welcome");
    socket->set_on_text([this](std::string_view text) {
      if (text == "bye") return socket->Close(4001, "as asked");
      if (text == "abort") return socket->Abort();
      socket->SendText("echo " + std::string(text));
    });
    socket->set_on_binary([this](ByteView data) { socket->SendBinary(Bytes(data.begin(), data.end())); });
    socket->set_on_close([this](std::uint16_t code, std::string_view reason) {
      closes.push_back(code);
      close_reason = reason;
    });
  }

  WebSocketOptions options;
  HttpRequest last_request;
  std::shared_ptr<WebSocket> socket;
  std::shared_ptr<WebSocketAcceptor> held;
  std::vector<std::uint16_t> closes;
  std::string close_reason;
};

class WebSocketTest : public testing::Test {
 protected:
  void Listen() {
    HttpServerConfig config;
    config.host = "127.0.0.1";
    auto server = HttpServer::Listen(loop_, config, handler_);
    ASSERT_TRUE(server.ok());
    server_ = std::move(*server);
  }
  std::string Url(const std::string& path) const { return "ws://127.0.0.1:" + std::to_string(server_->port()) + path; }
  std::shared_ptr<WebSocket> Connect(const std::string& path, WebSocketConnectOptions options = {}) {
    std::optional<Result<std::shared_ptr<WebSocket>>> got;
    ConnectWebSocket(loop_, Url(path), options, [&](Result<std::shared_ptr<WebSocket>> result) {
      if (result.ok()) {
        (*result)->set_on_text([this](std::string_view text) { texts_.emplace_back(text); });
        (*result)->set_on_binary([this](ByteView data) { binaries_.emplace_back(data.begin(), data.end()); });
        (*result)->set_on_close([this](std::uint16_t code, std::string_view reason) {
          closed_ = code;
          reason_ = reason;
        });
      }
      got = std::move(result);
    });
    EXPECT_TRUE(loop_.RunUntil([&] { return got.has_value(); }, kTestLimit));
    if (!got->ok()) error_ = got->error();
    return got->ok() ? **got : nullptr;
  }
  bool Until(const std::function<bool()>& done) { return loop_.RunUntil(done, kTestLimit); }

  Loop loop_;
  EchoHandler handler_;
  std::unique_ptr<HttpServer> server_;
  std::vector<std::string> texts_;
  std::vector<Bytes> binaries_;
  std::optional<std::uint16_t> closed_;
  std::string reason_;
  Error error_;
};

TEST_F(WebSocketTest, EchoesTextAndBinary) {
  Listen();
  const auto socket = Connect("/ws?x=1");
  ASSERT_TRUE(socket);
  EXPECT_EQ(handler_.last_request.query["x"], "1");
  socket->SendText("hello");
  socket->SendText("");
  socket->SendBinary({1, 2, 3});
  ASSERT_TRUE(Until([&] { return texts_.size() == 3 && binaries_.size() == 1; }));
  EXPECT_EQ(texts_, (std::vector<std::string>{"welcome", "echo hello", "echo "}));
  EXPECT_EQ(binaries_[0], (Bytes{1, 2, 3}));
}

TEST_F(WebSocketTest, AnswersTheHandshakeOfRfc6455AndSendsOneFrame) {
  Listen();
  RawClient client(loop_, server_->port());
  client.Send(kHandshake);
  ASSERT_TRUE(client.WaitFor("welcome"));
  // RFC 6455 section 1.3.
  EXPECT_NE(client.received().find("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), std::string::npos);
  EXPECT_TRUE(client.received().ends_with(std::string("\x81\x07welcome")));
  client.Forget();
  handler_.socket->SendText(std::string(100000, 'x'));
  ASSERT_TRUE(Until([&] { return client.received().size() >= 100010; }));
  EXPECT_EQ(client.received().substr(0, 2), "\x81\x7f");  // final text frame, 64-bit length
}

TEST_F(WebSocketTest, TakesFramesThatArriveWithTheHandshake) {
  Listen();
  RawClient client(loop_, server_->port());
  const std::string frame("\x81\x82\x00\x00\x00\x00hi", 8);
  client.Send(kHandshake + frame);
  ASSERT_TRUE(client.WaitFor("echo hi"));
}

TEST_F(WebSocketTest, UpgradesAfterAnOrdinaryRequestOnTheSameConnection) {
  Listen();
  RawClient client(loop_, server_->port());
  client.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(client.WaitFor("200 OK"));
  client.Send(kHandshake);
  ASSERT_TRUE(client.WaitFor("welcome"));
}

TEST_F(WebSocketTest, RefusesBrokenHandshakes) {
  Listen();
  const std::string good(kHandshake);
  const auto without = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  const std::pair<std::string, std::string> cases[] = {
      {without("Version: 13", "Version: 12"), "426"},
      {without("Sec-WebSocket-Version: 13\r\n", ""), "426"},
      {without("dGhlIHNhbXBsZSBub25jZQ==", "short"), "400"},
      {without("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", ""), "400"},
      {without("keep-alive, Upgrade", "keep-alive"), "400"},
      {without("GET /ws", "POST /ws"), "400"},
      {without("\r\n\r\n", "\r\nContent-Length: 1\r\n\r\nx"), "400"},
      {"GET / HTTP/1.1\r\nHost: h\r\n\r\n" + good, "400"},  // pipelined
  };
  for (const auto& [bytes, status] : cases) {
    RawClient client(loop_, server_->port());
    client.Send(bytes);
    EXPECT_TRUE(client.WaitFor("HTTP/1.1 " + status)) << bytes << client.received();
    EXPECT_TRUE(client.WaitClosed());
  }
  EXPECT_EQ(handler_.socket, nullptr);
}

TEST_F(WebSocketTest, ARejectionIsAnAnswer) {
  Listen();
  EXPECT_EQ(Connect("/no"), nullptr);
  EXPECT_EQ(error_.code, "refused");
  EXPECT_NE(error_.message.find("403"), std::string::npos);
}

TEST_F(WebSocketTest, AnUpgradeMayBeJudgedLater) {
  Listen();
  RawClient client(loop_, server_->port());
  std::string bytes = kHandshake;
  bytes.replace(bytes.find("/ws"), 3, "/later");
  client.Send(bytes);
  ASSERT_TRUE(Until([&] { return handler_.held != nullptr; }));
  handler_.held->Accept()->SendText("at last");
  handler_.held.reset();
  ASSERT_TRUE(client.WaitFor("at last"));
}

TEST_F(WebSocketTest, CarriesCloseCodesBothWays) {
  Listen();
  const auto socket = Connect("/ws");
  socket->SendText("bye");
  ASSERT_TRUE(Until([&] { return closed_ && !handler_.closes.empty(); }));
  EXPECT_EQ(*closed_, 4001);
  EXPECT_EQ(reason_, "as asked");
  EXPECT_EQ(handler_.closes, (std::vector<std::uint16_t>{4001}));
  EXPECT_FALSE(socket->SendText("late"));

  closed_.reset();
  const auto second = Connect("/ws");
  second->SendText("last words");
  second->Close(4002, "mine");
  ASSERT_TRUE(Until([&] { return closed_ && handler_.closes.size() == 2; }));
  EXPECT_EQ(handler_.closes.back(), 4002);
  EXPECT_EQ(handler_.close_reason, "mine");
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(WebSocketTest, APausedSocketDeliversNothingAndThenEverythingInOrder) {
  Listen();
  const auto socket = Connect("/ws");
  ASSERT_TRUE(Until([&] { return texts_.size() == 1; }));
  socket->PauseReading(true);
  // One read was under way already: what it finds is the last that comes.
  for (int i = 0; i < 5; ++i) socket->SendText(std::to_string(i));
  EXPECT_FALSE(loop_.RunUntil([&] { return texts_.size() > 2; }, milliseconds(100)));
  socket->PauseReading(false);
  ASSERT_TRUE(Until([&] { return texts_.size() == 6; }));
  for (std::size_t i = 0; i < 5; ++i) EXPECT_EQ(texts_[i + 1], "echo " + std::to_string(i));
}

TEST_F(WebSocketTest, APausedSocketCanBeClosedAndAborted) {
  Listen();
  for (const bool abort : {false, true}) {
    closed_.reset();
    texts_.clear();
    const auto socket = Connect("/ws");
    socket->PauseReading(true);
    for (int i = 0; i < 3; ++i) socket->SendText("x");
    loop_.RunUntil([&] { return false; }, milliseconds(20));
    if (abort) socket->Abort();
    else socket->Close(4003);
    ASSERT_TRUE(Until([&] { return closed_.has_value(); })) << abort;
    EXPECT_EQ(*closed_, abort ? kWsAbnormal : 4003);
    EXPECT_LE(texts_.size(), 1u);
  }
}

TEST_F(WebSocketTest, ALostPeerIs1006) {
  Listen();
  {
    RawClient client(loop_, server_->port());
    client.Send(kHandshake);
    ASSERT_TRUE(client.WaitFor("welcome"));
  }
  ASSERT_TRUE(Until([&] { return !handler_.closes.empty(); }));
  EXPECT_EQ(handler_.closes, (std::vector<std::uint16_t>{kWsAbnormal}));
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(WebSocketTest, AnAbortIsSeenAs1006OnBothSides) {
  Listen();
  const auto socket = Connect("/ws");
  socket->SendText("abort");
  ASSERT_TRUE(Until([&] { return closed_ && !handler_.closes.empty(); }));
  EXPECT_EQ(*closed_, kWsAbnormal);
  EXPECT_EQ(handler_.closes[0], kWsAbnormal);
}

TEST_F(WebSocketTest, RefusesTooLargeMessages) {
  handler_.options.max_message = 1000;
  Listen();
  const auto socket = Connect("/ws");
  socket->SendText(std::string(1000, 'a'));
  ASSERT_TRUE(Until([&] { return texts_.size() == 2; }));
  socket->SendText(std::string(1001, 'a'));
  ASSERT_TRUE(Until([&] { return closed_ && !handler_.closes.empty(); }));
  EXPECT_EQ(*closed_, kWsTooBig);
}

TEST_F(WebSocketTest, RefusesBrokenFrames) {
  Listen();
  const std::string_view cases[] = {
      std::string_view("\x81\x02hi", 4),                        // not masked
      std::string_view("\x83\x80\x00\x00\x00\x00", 6),          // reserved opcode
      std::string_view("\xc1\x82\x00\x00\x00\x00hi", 8),        // reserved bit
      std::string_view("\x81\x82\x00\x00\x00\x00\xff\xfe", 8),  // not UTF-8
      std::string_view("\x80\x82\x00\x00\x00\x00hi", 8),        // continuation of nothing
      std::string_view("\x09\x80\x00\x00\x00\x00", 6),          // fragmented ping
      std::string_view("\x88\x81\x00\x00\x00\x00x", 7),         // close frame of one byte
      std::string_view("\x89\xfe\x00\x7e\x00\x00\x00\x00", 8),  // ping of 126 bytes
  };
  for (const std::string_view bytes : cases) {
    const std::size_t before = handler_.closes.size();
    RawClient client(loop_, server_->port());
    client.Send(kHandshake);
    ASSERT_TRUE(client.WaitFor("welcome"));
    client.Forget();
    client.Send(bytes);
    ASSERT_TRUE(client.WaitClosed());
    ASSERT_TRUE(Until([&] { return handler_.closes.size() == before + 1; }));
    EXPECT_EQ(client.received().substr(0, 1), "\x88");  // a close frame
  }
}

TEST_F(WebSocketTest, JoinsFragmentsAndAnswersPings) {
  Listen();
  RawClient client(loop_, server_->port());
  client.Send(kHandshake);
  ASSERT_TRUE(client.WaitFor("welcome"));
  client.Send(std::string_view("\x01\x82\x00\x00\x00\x00he", 8));
  client.Send(std::string_view("\x89\x82\x00\x00\x00\x00pp", 8));
  client.Send(std::string_view("\x80\x83\x00\x00\x00\x00llo", 9));
  ASSERT_TRUE(client.WaitFor("echo hello"));
  EXPECT_NE(client.received().find("\x8a\x02pp"), std::string::npos);
}

TEST_F(WebSocketTest, CutsASlowReader) {
  handler_.options.max_queued_bytes = 200000;
  Listen();
  RawClient client(loop_, server_->port());
  client.Send(kHandshake);
  ASSERT_TRUE(client.WaitFor("welcome"));
  client.StopReading();
  const Ticks ticks(loop_);
  ASSERT_TRUE(Until([&] {
    const bool took = handler_.socket->SendText(std::string(50000, 'x'));
    EXPECT_LE(handler_.socket->queued_bytes(), 200000u);
    return !took;
  }));
  ASSERT_TRUE(Until([&] { return !handler_.closes.empty(); }));
  EXPECT_EQ(handler_.closes[0], kWsAbnormal);
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(WebSocketTest, PingsAnIdlePeerAndCutsASilentOne) {
  handler_.options.idle_timeout = milliseconds(1000);  // a ping at half of it; busy machines are late
  Listen();
  RawClient client(loop_, server_->port());
  client.Send(kHandshake);
  ASSERT_TRUE(client.WaitFor("welcome"));
  ASSERT_TRUE(client.WaitFor(std::string_view("\x89\x00", 2)));
  client.Send(std::string_view("\x8a\x80\x00\x00\x00\x00", 6));
  client.Forget();
  ASSERT_TRUE(client.WaitFor(std::string_view("\x89\x00", 2)));
  EXPECT_TRUE(handler_.closes.empty());
  ASSERT_TRUE(client.WaitClosed());
  ASSERT_TRUE(Until([&] { return !handler_.closes.empty(); }));
  EXPECT_EQ(handler_.closes[0], kWsAbnormal);
}

TEST_F(WebSocketTest, NoCallbackAfterTheServerIsDestroyed) {
  Listen();
  const auto socket = Connect("/ws");
  server_.reset();
  EXPECT_FALSE(handler_.socket->SendText("nobody"));
  ASSERT_TRUE(Until([&] { return closed_.has_value(); }));
  EXPECT_TRUE(handler_.closes.empty());
}

TEST_F(WebSocketTest, TheClientNamesItsFailures) {
  Listen();
  const ClosedPort closed(loop_);
  std::vector<std::string> codes;
  const auto note = [&](Result<std::shared_ptr<WebSocket>> r) { codes.push_back(r.ok() ? "ok" : r.error().code); };
  ConnectWebSocket(loop_, "http://127.0.0.1/", {}, note);
  EXPECT_TRUE(codes.empty());
  ASSERT_TRUE(Until([&] { return codes.size() == 1; }));
  ConnectWebSocket(loop_, "ws://127.0.0.1:" + std::to_string(closed.port()) + "/", {}, note);
  ASSERT_TRUE(Until([&] { return codes.size() == 2; }));
  // A listener that never answers.
  asio::ip::tcp::acceptor silent(ContextOf(loop_), {asio::ip::address_v4::loopback(), 0});
  WebSocketConnectOptions quick;
  quick.timeout = milliseconds(50);
  ConnectWebSocket(loop_, "ws://127.0.0.1:" + std::to_string(silent.local_endpoint().port()) + "/", quick, note);
  ASSERT_TRUE(Until([&] { return codes.size() == 3; }));
  EXPECT_EQ(codes, (std::vector<std::string>{"bad_url", "connect_failed", "timeout"}));
}

}  // namespace
}  // namespace jb::io
