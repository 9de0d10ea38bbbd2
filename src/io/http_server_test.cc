// SPDX-License-Identifier: Apache-2.0
#include "io/http_server.h"

#include <algorithm>
#include <map>
#include <vector>

#include "io/interfaces.h"
#include "io/test_client.h"

namespace jb::io {
namespace {

using std::chrono::milliseconds;
using Responders = std::vector<std::shared_ptr<HttpResponder>>;

class TestHandler : public HttpHandler {
 public:
  BodyPolicy PolicyFor(const HttpRequest& head) override {
    if (head.path == "/stream") return {64, true};
    return {64, false};
  }
  void HandleRequest(HttpRequest request, std::shared_ptr<HttpResponder> responder) override {
    requests.push_back(request);
    if (request.path == "/wait" || request.path == "/stream") {
      responders.push_back(std::move(responder));
    } else if (request.path == "/drop") {
      return;
    } else {
      HttpResponse response;
      response.content_type = "text/plain";
      response.body = request.method + " " + request.path + " [" + request.body + "]";
      responder->Send(std::move(response));
    }
    if (on_request) on_request();
  }

  std::vector<HttpRequest> requests;
  Responders responders;
  std::function<void()> on_request;
};

class HttpServerTest : public testing::Test {
 protected:
  void Listen() {
    auto server = HttpServer::Listen(loop_, config_, handler_);
    ASSERT_TRUE(server.ok()) << server.error().message;
    server_ = std::move(*server);
  }
  bool WaitRequests(std::size_t n) {
    return loop_.RunUntil([&] { return handler_.requests.size() >= n; }, kTestLimit);
  }
  // Sends bytes on a fresh connection and answers all that comes back until it closes.
  std::string Exchange(std::string_view bytes) {
    RawClient client(loop_, server_->port());
    client.Send(bytes);
    EXPECT_TRUE(client.WaitClosed()) << client.received();
    return client.received();
  }

  Loop loop_;
  TestHandler handler_;
  HttpServerConfig config_ = OnLoopback();
  std::unique_ptr<HttpServer> server_;

 private:
  static HttpServerConfig OnLoopback() {
    HttpServerConfig config;
    config.host = "127.0.0.1";
    return config;
  }
};

TEST_F(HttpServerTest, AnswersARequest) {
  Listen();
  RawClient client(loop_, server_->port());
  client.Send("GET /a%20b?x=1&y=%2B HTTP/1.1\r\nHost: h\r\nX-A: 1\r\n\r\n");
  ASSERT_TRUE(client.WaitFor("[]"));
  EXPECT_TRUE(client.received().starts_with("HTTP/1.1 200 OK\r\n"));
  EXPECT_NE(client.received().find("Content-Length: 11\r\n"), std::string::npos);
  EXPECT_NE(client.received().find("Content-Type: text/plain\r\n"), std::string::npos);
  const HttpRequest& request = handler_.requests.at(0);
  EXPECT_EQ(request.path, "/a b");
  EXPECT_EQ(request.query["x"], "1");
  EXPECT_EQ(request.query["y"], "+");
  EXPECT_EQ(request.headers["x-a"], "1");
  EXPECT_TRUE(request.remote.is_loopback());
}

TEST_F(HttpServerTest, KeepsTheConnectionAndAnswersPipelinedRequestsInOrder) {
  Listen();
  RawClient client(loop_, server_->port());
  client.Send(
      "GET /wait HTTP/1.1\r\nHost: h\r\n\r\nPOST /2 HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabcGET /3 "
      "HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(WaitRequests(1));
  EXPECT_EQ(handler_.requests.size(), 1u);
  handler_.responders[0]->Send({200, "text/plain", {}, "first"});
  ASSERT_TRUE(client.WaitFor("GET /3 []"));
  const std::string& all = client.received();
  EXPECT_LT(all.find("first"), all.find("POST /2 [abc]"));
  EXPECT_LT(all.find("POST /2 [abc]"), all.find("GET /3 []"));
  EXPECT_FALSE(client.closed());
}

TEST_F(HttpServerTest, ReadsARequestThatArrivesByteByByte) {
  Listen();
  RawClient client(loop_, server_->port());
  const std::string_view text =
      "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;e=1\r\nde\r\n0\r\nT: 1\r\n\r\n";
  for (const char c : text) {
    client.Send(std::string_view(&c, 1));
    loop_.RunUntil([] { return false; }, Duration::zero());
  }
  ASSERT_TRUE(client.WaitFor("POST /x [abcde]"));
  EXPECT_FALSE(handler_.requests.at(0).headers.Has("T"));  // a trailer is no header
}

TEST_F(HttpServerTest, ReadsAnEmptyChunkedBodyByteByByte) {
  Listen();
  RawClient client(loop_, server_->port());
  client.Send("POST /e HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (const char c : std::string_view("0\r\n\r\n")) {
    client.Send(std::string_view(&c, 1));
    loop_.RunUntil([] { return false; }, std::chrono::milliseconds(2));
  }
  ASSERT_TRUE(client.WaitFor("POST /e []"));
}

TEST_F(HttpServerTest, HeadGetsTheLengthButNoBody) {
  Listen();
  RawClient client(loop_, server_->port());
  client.Send("HEAD /h HTTP/1.1\r\nHost: h\r\n\r\nGET /end HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(client.WaitClosed());
  EXPECT_EQ(Count(client.received(), "HEAD /h"), 0u);
  EXPECT_EQ(Count(client.received(), "Content-Length: 10\r\n"), 1u);
  EXPECT_EQ(Count(client.received(), "GET /end []"), 1u);
}

TEST_F(HttpServerTest, ClosesAfterHttp10UnlessAskedToKeep) {
  Listen();
  EXPECT_NE(Exchange("GET /x HTTP/1.0\r\n\r\n").find("GET /x []"), std::string::npos);
  RawClient client(loop_, server_->port());
  client.Send("GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  ASSERT_TRUE(client.WaitFor("GET /x []"));
  EXPECT_NE(client.received().find("Connection: keep-alive"), std::string::npos);
}

TEST_F(HttpServerTest, RefusesAmbiguousFramingAndCloses) {
  Listen();
  const std::pair<std::string, std::string> cases[] = {
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3, 3\r\n\r\nabc", "400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc", "400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "501"},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked, identity\r\n\r\n", "501"},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400"},
      {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"},
      {"GET / HTTP/1.1\nHost: h\n\n", "400"},
      {"GET / HTTP/1.1\r\nHost: h\nX: 1\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost : h\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\n\r\n", "400"},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400"},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "505"},
      {"GET nonsense HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", "400"},
      {"\x16\x03\x01\x02\x01\x01\xfc\x03\x03garbage\r\n\r\n", "400"},
  };
  for (const auto& [bytes, status] : cases) {
    const std::string answer = Exchange(bytes);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 4") || answer.starts_with("HTTP/1.1 5")) << bytes << answer;
    if (!answer.starts_with("HTTP/1.1 505")) {
      EXPECT_TRUE(answer.starts_with("HTTP/1.1 " + status)) << bytes << answer;
    }
    EXPECT_EQ(Count(answer, "HTTP/1.1 "), 1u) << bytes;
  }
  EXPECT_TRUE(handler_.requests.empty());
}

TEST_F(HttpServerTest, UnderstandsTheAbsoluteForm) {
  Listen();
  EXPECT_NE(Exchange("GET http://h/p?q=1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").find("GET /p []"),
            std::string::npos);
}

TEST_F(HttpServerTest, BoundsTheHeader) {
  Listen();
  std::string many = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 70; ++i) many += "X" + std::to_string(i) + ": 1\r\n";
  EXPECT_TRUE(Exchange(many + "\r\n").starts_with("HTTP/1.1 431"));
  const std::string line = "GET / HTTP/1.1\r\nHost: h\r\nX: " + std::string(17000, 'x') + "\r\n\r\n";
  EXPECT_TRUE(Exchange(line).starts_with("HTTP/1.1 431"));
  std::string total = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (int i = 0; i < 20; ++i) total += "X: " + std::string(1000, 'x') + "\r\n";
  EXPECT_TRUE(Exchange(total + "\r\n").starts_with("HTTP/1.1 431"));
  EXPECT_TRUE(Exchange("GET /" + std::string(20000, 'a')).starts_with("HTTP/1.1 431"));
}

TEST_F(HttpServerTest, RefusesABodyByItsAnnouncedLengthAndByWhatArrives) {
  Listen();
  EXPECT_TRUE(Exchange("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 65\r\n\r\n").starts_with("HTTP/1.1 413"));
  EXPECT_TRUE(
      Exchange("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n41\r\n").starts_with("HTTP/1.1 413"));
  EXPECT_TRUE(Exchange("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" + std::string(64, 'x') +
                       "\r\n1\r\nx\r\n0\r\n\r\n")
                  .starts_with("HTTP/1.1 413"));
  EXPECT_TRUE(handler_.requests.empty());
}

TEST_F(HttpServerTest, ALargeRefusedBodyDoesNotDestroyTheAnswer) {
  Listen();
  RawClient client(loop_, server_->port());
  client.Send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n" + std::string(200000, 'x'));
  ASSERT_TRUE(client.WaitFor("too_large"));
}

TEST_F(HttpServerTest, SaysContinueOnlyWhenItWillRead) {
  Listen();
  RawClient client(loop_, server_->port());
  client.Send("POST /c HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  ASSERT_TRUE(client.WaitFor("HTTP/1.1 100 Continue\r\n\r\n"));
  client.Send("ok");
  ASSERT_TRUE(client.WaitFor("POST /c [ok]"));
  const std::string refused =
      Exchange("POST /c HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 99\r\n\r\n");
  EXPECT_TRUE(refused.starts_with("HTTP/1.1 413"));
}

TEST_F(HttpServerTest, ASlowHeadIsCutAndAnIdleConnectionClosed) {
  config_.limits.header_timeout = milliseconds(50);
  config_.limits.idle_timeout = milliseconds(20);
  config_.limits.body_timeout = milliseconds(20);
  Listen();
  EXPECT_EQ(Exchange(""), "");
  EXPECT_TRUE(Exchange("GET / HT").starts_with("HTTP/1.1 408"));
  EXPECT_TRUE(Exchange("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nab").starts_with("HTTP/1.1 408"));
}

TEST_F(HttpServerTest, ATricklingHeadDoesNotResetItsTimer) {
  config_.limits.header_timeout = milliseconds(100);
  Listen();
  RawClient client(loop_, server_->port());
  client.Send("GET / HTTP/1.1\r\n");
  const Time start = Now();
  Timer trickle(loop_);
  std::function<void()> more = [&] {
    if (client.closed() || !client.received().empty()) return;
    client.Send("X: 1\r\n");
    trickle.StartIn(milliseconds(10), more);
  };
  more();
  ASSERT_TRUE(client.WaitFor("HTTP/1.1 408"));
  EXPECT_GE(Now() - start, milliseconds(90));
}

TEST_F(HttpServerTest, AnUnansweredRequestGets500) {
  Listen();
  RawClient client(loop_, server_->port());
  client.Send("GET /drop HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(client.WaitFor("HTTP/1.1 500"));
}

TEST_F(HttpServerTest, StreamsAChunkedAnswer) {
  Listen();
  RawClient client(loop_, server_->port());
  client.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(WaitRequests(1));
  auto& responder = handler_.responders[0];
  responder->StartChunked(200, "audio/wav", {{"X-Evil", "a\r\nInjected: 1"}});
  EXPECT_TRUE(responder->Write(AsBytes("hello")));
  ASSERT_TRUE(client.WaitFor("5\r\nhello\r\n"));
  EXPECT_EQ(Count(client.received(), "\r\nInjected"), 0u);
  EXPECT_TRUE(responder->Write(AsBytes("x")));
  responder->Finish();
  ASSERT_TRUE(client.WaitFor("1\r\nx\r\n0\r\n\r\n"));
  EXPECT_FALSE(responder->Write(AsBytes("late")));
  client.Send("GET /again HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(client.WaitFor("GET /again []"));
}

TEST_F(HttpServerTest, ADroppedChunkedAnswerIsSeenToBeIncomplete) {
  Listen();
  RawClient client(loop_, server_->port());
  client.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(WaitRequests(1));
  handler_.responders[0]->StartChunked(200, "text/plain");
  handler_.responders[0]->Write(AsBytes("part"));
  ASSERT_TRUE(client.WaitFor("part"));
  handler_.responders.clear();
  ASSERT_TRUE(client.WaitClosed());
  EXPECT_EQ(Count(client.received(), "0\r\n\r\n"), 0u);
}

TEST_F(HttpServerTest, CutsAPeerThatDoesNotReadItsChunks) {
  config_.limits.queued_bytes = 100000;
  Listen();
  RawClient client(loop_, server_->port());
  client.StopReading();
  client.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(WaitRequests(1));
  bool closed = false;
  handler_.responders[0]->set_on_closed([&] { closed = true; });
  handler_.responders[0]->StartChunked(200, "text/plain");
  const Bytes block(50000, 'x');
  bool cut = false;
  const Ticks ticks(loop_);
  ASSERT_TRUE(loop_.RunUntil(
      [&] {
        cut = cut || !handler_.responders[0]->Write(block);
        EXPECT_LE(handler_.responders[0]->queued_bytes(), 100100u);
        return cut;
      },
      kTestLimit));
  EXPECT_TRUE(loop_.RunUntil([&] { return closed; }, kTestLimit));
  EXPECT_EQ(server_->connections(), 0u);
}

// Far more than the kernel's buffers hold.
constexpr std::size_t kLargeBody = 64 << 20;

TEST_F(HttpServerTest, CutsAPeerThatTakesItsAnswerDropByDrop) {
  config_.limits.write_timeout = milliseconds(500);
  config_.limits.write_rate = std::size_t{1} << 30;
  Listen();
  RawClient client(loop_, server_->port());
  client.StopReading();
  client.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(WaitRequests(1));
  handler_.responders[0]->Send({200, "text/plain", {}, std::string(kLargeBody, 'x')});
  Timer trickle(loop_);
  std::function<void()> sip = [&] {  // so that it never takes nothing for long
    client.ReadOnce();
    trickle.StartIn(milliseconds(5), sip);
  };
  sip();
  EXPECT_TRUE(loop_.RunUntil([&] { return server_->connections() == 0; }, kTestLimit));
  EXPECT_LT(client.received().size(), kLargeBody);
}

TEST_F(HttpServerTest, ManyAnswersShareOneBody) {
  Listen();
  const auto body = std::make_shared<const std::string>(std::string(100000, 'x') + "end");
  for (std::size_t i = 0; i < 2; ++i) {
    RawClient client(loop_, server_->port());
    client.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(loop_.RunUntil([&] { return handler_.responders.size() == i + 1; }, kTestLimit));
    HttpResponse response;
    response.shared_body = body;
    handler_.responders[i]->Send(response);
    ASSERT_TRUE(client.WaitFor("xend"));
    EXPECT_NE(client.received().find("Content-Length: 100003\r\n"), std::string::npos);
    client.Send("GET /again HTTP/1.1\r\nHost: h\r\n\r\n");
    ASSERT_TRUE(client.WaitFor("GET /again []"));
  }
}

TEST_F(HttpServerTest, TellsWhenThePeerLeavesBeforeItsAnswer) {
  Listen();
  auto client = std::make_unique<RawClient>(loop_, server_->port());
  client->Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(WaitRequests(1));
  int closed = 0;
  handler_.responders[0]->set_on_closed([&] { ++closed; });
  client.reset();
  ASSERT_TRUE(loop_.RunUntil([&] { return closed > 0; }, kTestLimit));
  handler_.responders[0]->Send({});  // nothing happens
  EXPECT_EQ(closed, 1);
  EXPECT_EQ(server_->connections(), 0u);
}

TEST_F(HttpServerTest, StreamsARequestBodyWithPauses) {
  Listen();
  RawClient client(loop_, server_->port());
  client.Send("POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  ASSERT_TRUE(WaitRequests(1));
  std::string body;
  std::optional<Status<>> done;
  auto& responder = handler_.responders[0];
  responder->ReadBody([&](ByteView data) { body += AsText(data); }, [&](Status<> how) { done = how; });
  ASSERT_TRUE(loop_.RunUntil([&] { return body == "abc"; }, kTestLimit));
  responder->PauseBody();
  client.Send("defg");
  loop_.RunUntil([] { return false; }, milliseconds(20));
  responder->ResumeBody();
  ASSERT_TRUE(loop_.RunUntil([&] { return body == "abcdefg"; }, kTestLimit));
  EXPECT_FALSE(done);
  client.Send("hij");
  ASSERT_TRUE(loop_.RunUntil([&] { return done.has_value(); }, kTestLimit));
  EXPECT_TRUE(done->ok());
  EXPECT_EQ(body, "abcdefghij");
  responder->Send({200, "text/plain", {}, "thanks"});
  ASSERT_TRUE(client.WaitFor("thanks"));
  client.Send("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(client.WaitFor("GET /next []"));
}

TEST_F(HttpServerTest, AStreamedBodyOverItsLimitIsRefusedAsItArrives) {
  Listen();
  RawClient client(loop_, server_->port());
  client.Send("POST /stream HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n30\r\n" + std::string(48, 'a') +
              "\r\n");
  ASSERT_TRUE(WaitRequests(1));
  std::size_t bytes = 0;
  std::optional<Status<>> done;
  handler_.responders[0]->ReadBody([&](ByteView data) { bytes += data.size(); }, [&](Status<> how) { done = how; });
  ASSERT_TRUE(loop_.RunUntil([&] { return bytes == 48; }, kTestLimit));
  client.Send("30\r\n" + std::string(48, 'a') + "\r\n");
  ASSERT_TRUE(loop_.RunUntil([&] { return done.has_value(); }, kTestLimit));
  EXPECT_EQ(done->error().code, "too_large");
  EXPECT_EQ(bytes, 48u);
  ASSERT_TRUE(client.WaitClosed());
  EXPECT_NE(client.received().find("HTTP/1.1 413"), std::string::npos);
}

TEST_F(HttpServerTest, AnEarlyAnswerToAStreamedBodyClosesTheConnection) {
  Listen();
  RawClient client(loop_, server_->port());
  client.Send("POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  ASSERT_TRUE(WaitRequests(1));
  handler_.responders[0]->Send({415, "text/plain", {}, "no"});
  ASSERT_TRUE(client.WaitClosed());
  EXPECT_NE(client.received().find("HTTP/1.1 415"), std::string::npos);
}

TEST_F(HttpServerTest, TellsWhenAStreamedBodyBreaksOff) {
  Listen();
  RawClient client(loop_, server_->port());
  client.Send("POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  ASSERT_TRUE(WaitRequests(1));
  std::optional<Status<>> done;
  handler_.responders[0]->ReadBody([](ByteView) {}, [&](Status<> how) { done = how; });
  client.FinishSending();
  ASSERT_TRUE(loop_.RunUntil([&] { return done.has_value(); }, kTestLimit));
  EXPECT_EQ(done->error().code, "closed");
}

TEST_F(HttpServerTest, ReadBodyOfARequestWithoutBodyEndsAtOnce) {
  Listen();
  RawClient client(loop_, server_->port());
  client.Send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(WaitRequests(1));
  std::optional<Status<>> done;
  handler_.responders[0]->ReadBody([](ByteView) {}, [&](Status<> how) { done = how; });
  EXPECT_FALSE(done);
  ASSERT_TRUE(loop_.RunUntil([&] { return done.has_value(); }, kTestLimit));
  EXPECT_TRUE(done->ok());
}

TEST_F(HttpServerTest, RefusesConnectionsOverItsLimit) {
  config_.limits.connections = 2;
  Listen();
  RawClient a(loop_, server_->port()), b(loop_, server_->port());
  ASSERT_TRUE(loop_.RunUntil([&] { return server_->connections() == 2; }, kTestLimit));
  RawClient c(loop_, server_->port());
  ASSERT_TRUE(c.WaitFor("HTTP/1.1 503"));
  ASSERT_TRUE(c.WaitClosed());
}

TEST_F(HttpServerTest, CountsAConnectionThatStillLingersAfterItsGoodbye) {
  config_.limits.connections = 1;
  int refused = 0;
  config_.on_refused = [&] { ++refused; };
  Listen();
  RawClient a(loop_, server_->port());
  a.Send("nonsense\r\n\r\n");
  ASSERT_TRUE(a.WaitClosed());  // it was told; what it may still send is awaited
  ASSERT_EQ(server_->connections(), 0u);
  RawClient b(loop_, server_->port());
  ASSERT_TRUE(b.WaitFor("HTTP/1.1 503"));
  EXPECT_EQ(refused, 1);
}

TEST_F(HttpServerTest, LeavesDescriptorsForWhatTheProcessNeedsItself) {
  {
    const SoftFileLimit few(40);
    Listen();
  }
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 30; ++i) clients.push_back(std::make_unique<RawClient>(loop_, server_->port()));
  ASSERT_TRUE(loop_.RunUntil([&] { return server_->connections() == 30; }, kTestLimit));
  RawClient late(loop_, server_->port());
  EXPECT_TRUE(late.WaitFor("HTTP/1.1 503"));
}

TEST_F(HttpServerTest, OneAddressGetsOnlyItsShareOfTheConnections) {
  const auto local = LocalAddresses();
  const auto other = std::find_if(local.begin(), local.end(), [](const LocalAddress& a) {
    return !a.loopback && !a.link_local && !a.address.is_v6;
  });
  if (other == local.end()) GTEST_SKIP() << "no address here but loopback; see admissions_test.cc";
  config_.limits.connections_per_peer = 2;
  int refused = 0;
  config_.on_refused = [&] { ++refused; };
  config_.host = "0.0.0.0";
  Listen();
  const auto ip = asio::ip::make_address(other->address.ip_text());
  RawClient a(loop_, server_->port(), ip), b(loop_, server_->port(), ip);
  ASSERT_TRUE(loop_.RunUntil([&] { return server_->connections() == 2; }, kTestLimit));
  RawClient c(loop_, server_->port(), ip);
  ASSERT_TRUE(c.WaitFor("HTTP/1.1 503"));
  EXPECT_EQ(refused, 1);
  RawClient neighbour(loop_, server_->port());
  neighbour.Send("GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(neighbour.WaitFor("GET /x []"));
}

TEST_F(HttpServerTest, NamesATakenPortAndABadAddress) {
  Listen();
  HttpServerConfig second;
  second.host = "127.0.0.1";
  second.port = server_->port();
  const auto taken = HttpServer::Listen(loop_, second, handler_);
  ASSERT_FALSE(taken.ok());
  EXPECT_EQ(taken.error().code, "address_in_use");
  EXPECT_NE(taken.error().message.find("127.0.0.1:" + std::to_string(second.port)), std::string::npos);
  second.host = "no.such.host";
  EXPECT_EQ(HttpServer::Listen(loop_, second, handler_).error().code, "bad_address");
  second.host = "127.0.0.1";
  second.tls_cert_file = "/nonexistent/cert.pem";
  const auto bad = HttpServer::Listen(loop_, second, handler_);
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.error().code, "bad_certificate");
  EXPECT_NE(bad.error().message.find("/nonexistent/cert.pem"), std::string::npos);
}

TEST_F(HttpServerTest, MayBeDestroyedInsideItsHandler) {
  Listen();
  RawClient client(loop_, server_->port());
  handler_.on_request = [&] { server_.reset(); };
  client.Send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(client.WaitClosed());
  EXPECT_EQ(handler_.requests.size(), 1u);
  handler_.responders.clear();
}

TEST_F(HttpServerTest, ListensOnIpv6AndIpv4AtOnce) {
  config_.host = "::";
  auto server = HttpServer::Listen(loop_, config_, handler_);
  if (!server.ok()) GTEST_SKIP() << "no IPv6 here";
  RawClient client(loop_, (*server)->port());
  client.Send("GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(client.WaitFor("GET /x []"));
  EXPECT_FALSE(handler_.requests[0].remote.is_v6);  // mapped addresses are normalised
}

TEST_F(HttpServerTest, SurvivesPeersThatReset) {
  Listen();
  for (int i = 0; i < 20; ++i) {
    RawClient client(loop_, server_->port());
    client.Send("POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 60\r\n\r\nabc");
    loop_.RunUntil([] { return false; }, Duration::zero());
    client.Reset();
  }
  RawClient client(loop_, server_->port());
  client.Send("GET /x HTTP/1.1\r\nHost: h\r\n\r\n");
  ASSERT_TRUE(client.WaitFor("GET /x []"));
  ASSERT_TRUE(loop_.RunUntil([&] { return server_->connections() == 1; }, kTestLimit));
}

}  // namespace
}  // namespace jb::io
