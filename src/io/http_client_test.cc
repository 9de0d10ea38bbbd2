// SPDX-License-Identifier: Apache-2.0
#include "io/http_client.h"

#include "io/http_server.h"
#include "io/test_client.h"
#include "io/test_tls.h"
#include "io/websocket_client.h"

namespace jb::io {
namespace {

using std::chrono::milliseconds;

class Site : public HttpHandler {
 public:
  BodyPolicy PolicyFor(const HttpRequest&) override { return {4 << 20, false}; }
  void HandleRequest(HttpRequest request, std::shared_ptr<HttpResponder> responder) override {
    ++requests;
    if (request.path == "/wait") {
      held.push_back(std::move(responder));
    } else if (request.path == "/chunks" || request.path == "/error-chunks") {
      responder->StartChunked(request.path == "/chunks" ? 200 : 500, "text/plain");
      responder->Write(AsBytes("one"));
      responder->Write(AsBytes("two"));
      responder->Finish();
    } else if (request.path == "/break") {
      responder->StartChunked(200, "text/plain");
      responder->Write(AsBytes("part"));
    } else {
      responder->Send({request.path == "/missing" ? 404 : 200,
                       "text/x",
                       {{"X-Secure", request.secure ? "1" : "0"}},
                       request.method + " " + std::string(request.headers["X-A"]) + " " + request.body});
    }
  }
  void HandleUpgrade(HttpRequest, std::shared_ptr<WebSocketAcceptor> acceptor) override {
    acceptor->Accept()->SendText("secure hello");
  }
  int requests = 0;
  std::vector<std::shared_ptr<HttpResponder>> held;
};

class HttpClientTest : public testing::Test {
 protected:
  void Listen(bool tls = false) {
    HttpServerConfig config;
    config.host = "127.0.0.1";
    config.limits = limits_;
    if (tls) {
      config.tls_cert_pem = kTestCertPem;
      config.tls_key_pem = kTestKeyPem;
    }
    auto server = HttpServer::Listen(loop_, config, site_);
    ASSERT_TRUE(server.ok()) << server.error().message;
    server_ = std::move(*server);
    base_ = (tls ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(server_->port());
  }
  HttpClientRequest Get(const std::string& path) {
    HttpClientRequest request;
    request.url = base_ + path;
    request.timeout = kTestLimit;
    return request;
  }
  Result<HttpResponse> Fetch(HttpClient& client, HttpClientRequest request) {
    std::optional<Result<HttpResponse>> got;
    client.Send(std::move(request), [&](Result<HttpResponse> result) { got = std::move(result); });
    EXPECT_FALSE(got) << "called inside Send";
    if (!loop_.RunUntil([&] { return got.has_value(); }, kTestLimit)) return Fail("test", "nothing came");
    return *got;
  }
  std::string ErrorOf(HttpClient& client, HttpClientRequest request) {
    const auto result = Fetch(client, std::move(request));
    return result.ok() ? "ok" : result.error().code;
  }
  // Answers each connection's first bytes with `answer`, then closes.
  std::uint16_t Canned(const std::string& answer) {
    auto acceptor = std::make_shared<asio::ip::tcp::acceptor>(
        ContextOf(loop_), asio::ip::tcp::endpoint(asio::ip::address_v4::loopback(), 0));
    acceptors_.push_back(acceptor);
    Serve(acceptor, answer);
    return acceptor->local_endpoint().port();
  }
  void Serve(const std::shared_ptr<asio::ip::tcp::acceptor>& acceptor, const std::string& answer) {
    acceptor->async_accept([this, acceptor, answer](const ErrorCode& ec, asio::ip::tcp::socket socket) {
      if (ec) return;
      auto kept = std::make_shared<asio::ip::tcp::socket>(std::move(socket));
      auto buffer = std::make_shared<std::array<char, 4096>>();
      kept->async_read_some(asio::buffer(*buffer), [kept, buffer, answer](const ErrorCode&, std::size_t) {
        ErrorCode ignored;
        asio::write(*kept, asio::buffer(answer), ignored);
      });
      Serve(acceptor, answer);
    });
  }

  Loop loop_;
  Site site_;
  HttpLimits limits_;
  std::unique_ptr<HttpServer> server_;
  std::string base_;
  std::vector<std::shared_ptr<asio::ip::tcp::acceptor>> acceptors_;
};

TEST_F(HttpClientTest, GetsAndPostsOverOneConnection) {
  Listen();
  HttpClient client(loop_);
  auto answer = Fetch(client, Get("/a"));
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->content_type, "text/x");
  HttpClientRequest post = Get("/b");
  post.method = "POST";
  post.body = std::string(1000000, 'b');
  post.headers = {{"X-A", "v"}, {"Content-Length", "5"}, {"X-Bad", "a\r\nX-Evil: 1"}};
  answer = Fetch(client, post);
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->body, "POST v " + post.body);
  EXPECT_EQ(Fetch(client, Get("/missing"))->status, 404);
  EXPECT_EQ(server_->connections(), 1u);
  HttpClientRequest head = Get("/h");
  head.method = "HEAD";
  EXPECT_EQ(Fetch(client, head)->body, "");
  EXPECT_EQ(server_->connections(), 1u);
}

TEST_F(HttpClientTest, RunsRequestsSideBySide) {
  Listen();
  HttpClient client(loop_);
  int done = 0;
  for (int i = 0; i < 5; ++i) client.Send(Get("/wait"), [&](Result<HttpResponse> r) { done += r.ok() ? 1 : 100; });
  ASSERT_TRUE(loop_.RunUntil([&] { return site_.held.size() == 5; }, kTestLimit));
  for (auto& responder : site_.held) responder->Send({});
  ASSERT_TRUE(loop_.RunUntil([&] { return done == 5; }, kTestLimit));
}

TEST_F(HttpClientTest, StreamsTheBodyOfASuccessAndCollectsThatOfAnError) {
  Listen();
  HttpClient client(loop_);
  std::string chunks;
  std::optional<Result<HttpResponse>> got;
  client.Send(
      Get("/chunks"), [&](ByteView data) { chunks += AsText(data); }, [&](Result<HttpResponse> r) { got = r; });
  ASSERT_TRUE(loop_.RunUntil([&] { return got.has_value(); }, kTestLimit));
  EXPECT_EQ(chunks, "onetwo");
  EXPECT_EQ((*got)->body, "");
  got.reset();
  chunks.clear();
  client.Send(
      Get("/error-chunks"), [&](ByteView data) { chunks += AsText(data); }, [&](Result<HttpResponse> r) { got = r; });
  ASSERT_TRUE(loop_.RunUntil([&] { return got.has_value(); }, kTestLimit));
  EXPECT_EQ(chunks, "");
  EXPECT_EQ((*got)->status, 500);
  EXPECT_EQ((*got)->body, "onetwo");
}

TEST_F(HttpClientTest, NamesItsFailures) {
  Listen();
  HttpClient client(loop_);
  HttpClientRequest request = Get("/wait");
  request.timeout = milliseconds(30);
  EXPECT_EQ(ErrorOf(client, request), "timeout");
  EXPECT_EQ(ErrorOf(client, Get("/break")), "closed");
  request = Get("/");
  request.url = "ftp://x/";
  EXPECT_EQ(ErrorOf(client, request), "bad_url");
  request = Get("/x");
  request.max_response = 3;
  EXPECT_EQ(ErrorOf(client, request), "too_large");
  request = Get("/");
  request.url = "http://" + std::string(64, 'a') + ".invalid/";  // no label is so long: nobody is asked
  EXPECT_EQ(ErrorOf(client, request), "dns_failed");
  const ClosedPort closed(loop_);
  request.url = "http://127.0.0.1:" + std::to_string(closed.port()) + "/";
  EXPECT_EQ(ErrorOf(client, request), "connect_failed");
}

TEST_F(HttpClientTest, RefusesBrokenAnswers) {
  HttpClient client(loop_);
  const std::pair<std::string, std::string> cases[] = {
      {"hello, this is not HTTP\r\n\r\n", "bad_response"},
      {"HTTP", "closed"},
      {"", "closed"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "closed"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nx", "bad_response"},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "bad_response"},
      {"HTTP/1.1 101 Switching Protocols\r\n\r\n", "bad_response"},
      {"HTTP/1.1 200 OK\r\nX: " + std::string(70000, 'x') + "\r\n\r\n", "bad_response"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "bad_response"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", "closed"},
  };
  for (const auto& [answer, code] : cases) {
    base_ = "http://127.0.0.1:" + std::to_string(Canned(answer));
    EXPECT_EQ(ErrorOf(client, Get("/")), code) << answer.substr(0, 80);
  }
}

TEST_F(HttpClientTest, ReadsAnAnswerThatEndsWithTheConnectionAndSkipsInterimOnes) {
  HttpClient client(loop_);
  base_ = "http://127.0.0.1:" + std::to_string(Canned("HTTP/1.1 200 OK\r\n\r\nto the end"));
  auto answer = Fetch(client, Get("/"));
  ASSERT_TRUE(answer.ok()) << answer.error().message;
  EXPECT_EQ(answer->body, "to the end");
  base_ = "http://127.0.0.1:" +
          std::to_string(Canned("HTTP/1.1 103 Early\r\nX: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
  EXPECT_EQ(Fetch(client, Get("/"))->body, "ok");
}

TEST_F(HttpClientTest, TriesOnceMoreWhenAKeptConnectionWasClosed) {
  limits_.idle_timeout = milliseconds(500);  // the first request has to be there before
  Listen();
  HttpClient client(loop_);
  ASSERT_TRUE(Fetch(client, Get("/1")).ok());
  ASSERT_TRUE(loop_.RunUntil([&] { return server_->connections() == 0; }, kTestLimit));
  EXPECT_TRUE(Fetch(client, Get("/2")).ok());
}

TEST_F(HttpClientTest, CancelAndDestructionSilenceIt) {
  Listen();
  auto client = std::make_unique<HttpClient>(loop_);
  int called = 0;
  const auto id = client->Send(Get("/wait"), [&](Result<HttpResponse>) { ++called; });
  client->Send(Get("/wait"), [&](Result<HttpResponse>) { ++called; });
  ASSERT_TRUE(loop_.RunUntil([&] { return site_.held.size() == 2; }, kTestLimit));
  client->Cancel(id);
  client->Cancel(id);
  client.reset();
  ASSERT_TRUE(loop_.RunUntil([&] { return server_->connections() == 0; }, kTestLimit));
  EXPECT_EQ(called, 0);
}

TEST_F(HttpClientTest, MayBeDestroyedInItsOwnCallbacks) {
  Listen();
  auto client = std::make_unique<HttpClient>(loop_);
  bool called = false;
  client->Send(
      Get("/chunks"),
      [&](ByteView) {
        client.reset();
        called = true;
      },
      [&](Result<HttpResponse>) { ADD_FAILURE(); });
  ASSERT_TRUE(loop_.RunUntil([&] { return called && server_->connections() == 0; }, kTestLimit));
}

TEST_F(HttpClientTest, SpeaksTlsAndChecksCertificatesUnlessToldNotTo) {
  Listen(/*tls=*/true);
  HttpClient strict(loop_);
  EXPECT_EQ(ErrorOf(strict, Get("/")), "tls_failed");
  HttpClientOptions options;
  options.accept_any_certificate = true;
  HttpClient lax(loop_, options);
  for (int i = 0; i < 3; ++i) {
    HttpClientRequest post = Get("/p");
    post.method = "POST";
    post.body = std::string(100000, 'x');
    const auto answer = Fetch(lax, post);
    ASSERT_TRUE(answer.ok()) << answer.error().message;
    EXPECT_EQ(answer->headers["x-secure"], "1");
    EXPECT_EQ(answer->body.size(), post.body.size() + 6);
  }
  EXPECT_EQ(server_->connections(), 1u);
}

TEST_F(HttpClientTest, TlsCarriesWebSockets) {
  Listen(/*tls=*/true);
  WebSocketConnectOptions options;
  options.accept_any_certificate = true;
  std::string text;
  std::shared_ptr<WebSocket> kept;
  ConnectWebSocket(loop_, "wss://localhost:" + std::to_string(server_->port()) + "/", options,
                   [&](Result<std::shared_ptr<WebSocket>> socket) {
                     ASSERT_TRUE(socket.ok()) << socket.error().message;
                     kept = *socket;
                     kept->set_on_text([&](std::string_view t) { text = t; });
                   });
  ASSERT_TRUE(loop_.RunUntil([&] { return text == "secure hello"; }, kTestLimit));
  std::optional<std::uint16_t> closed;
  kept->set_on_close([&](std::uint16_t code, std::string_view) { closed = code; });
  kept->Close();
  ASSERT_TRUE(loop_.RunUntil([&] { return closed.has_value(); }, kTestLimit));
  EXPECT_EQ(*closed, kWsNormal);
}

TEST_F(HttpClientTest, ATlsServerShrugsAtPlainText) {
  limits_.header_timeout = milliseconds(50);
  Listen(/*tls=*/true);
  RawClient plain(loop_, server_->port());
  plain.Send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(plain.WaitClosed());
  RawClient silent(loop_, server_->port());
  ASSERT_TRUE(silent.WaitClosed());
  EXPECT_EQ(site_.requests, 0);
}

}  // namespace
}  // namespace jb::io
