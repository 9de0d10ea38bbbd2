// SPDX-License-Identifier: Apache-2.0
// The binding on real sockets: our server, our HTTP client, our WebSocket client and our Socket.IO
// client core on one loop. The protocols themselves are tested in proto/ and tests/conformance.
#include "services/socketio/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>

#include "io/clock.h"
#include "io/http_client.h"
#include "io/websocket_client.h"
#include "proto/socketio/client.h"
#include "testing/seeded_random.h"

namespace jb::services {
namespace {

using namespace std::chrono_literals;
using socketio::Client;
using ::testing::ElementsAre;

constexpr Duration kPatience = 5s;

// Writes down what happens; answers what it is asked.
class Application : public SocketIoHandler {
 public:
  std::optional<json::object> Authorize(const SocketId&, const ConnectInfo& info) override {
    if (GetString(info.auth, "token") == "wrong") return json::object{{"message", "no"}};
    return std::nullopt;
  }
  void OnConnect(const SocketId& socket, const ConnectInfo& info) override {
    agent = info.headers["User-Agent"];
    has_cookie = info.headers.Has("Cookie");
    remote = info.remote.ip_text();
    sockets.push_back(socket);
  }
  void OnEvent(const SocketId& socket, SocketIoEvent event) override {
    if (event.name == "ask") {
      event.ack({{"ok", true}, {"data", event.data()}});
      event.ack("a second answer is dropped");
    } else if (event.name == "later") {
      kept = event.ack;
    } else if (event.name == "leave") {
      server->Disconnect(socket);
    } else if (event.name == "question") {
      server->EmitWithAck(socket, "q", event.data(), [this](std::optional<json::array> answer) {
        answers.push_back(answer ? json::serialize(*answer) : "none");
      });
    }
    names.push_back(event.name);
  }
  void OnDisconnect(const SocketId&, socketio::DisconnectReason reason) override { reasons.push_back(reason); }

  SocketIoServer* server = nullptr;
  std::vector<SocketId> sockets;
  std::vector<std::string> names;
  std::vector<std::string> answers;
  std::vector<socketio::DisconnectReason> reasons;
  std::string agent;
  std::string remote;
  bool has_cookie = false;
  SocketIoAck kept;
};

class Router : public io::HttpHandler {
 public:
  explicit Router(SocketIoServer& server) : server_(server) {}
  io::BodyPolicy PolicyFor(const io::HttpRequest& head) override { return server_.PolicyFor(head); }
  void HandleRequest(io::HttpRequest request, std::shared_ptr<io::HttpResponder> to) override {
    server_.HandleRequest(std::move(request), std::move(to));
  }
  void HandleUpgrade(io::HttpRequest request, std::shared_ptr<io::WebSocketAcceptor> to) override {
    server_.HandleUpgrade(std::move(request), std::move(to));
  }

 private:
  SocketIoServer& server_;
};

// The client core on a WebSocket.
class TestClient {
 public:
  TestClient(io::Loop& loop, const std::string& url, json::object auth = {}, io::Headers headers = {})
      : core_({.auth = std::move(auth)}, io::Now()), driver_(loop, core_, [this] { Drain(); }) {
    io::WebSocketConnectOptions options;
    options.headers = std::move(headers);
    io::ConnectWebSocket(loop, url + Client::Target(), options, [this](Result<std::shared_ptr<io::WebSocket>> socket) {
      if (!socket.ok()) return (void)(refused = socket.error().code);
      Attach(*socket);
    });
  }

  void Attach(std::shared_ptr<io::WebSocket> socket) {
    socket_ = std::move(socket);
    socket_->set_on_text([this](std::string_view text) {
      core_.HandleText(text, io::Now());
      Drain();
    });
    socket_->set_on_close([this](std::uint16_t, std::string_view) {
      core_.HandleClosed(io::Now());
      Drain();
    });
  }

  void Drain() {
    while (auto output = core_.Poll()) {
      if (auto* text = std::get_if<Client::SendText>(&*output)) {
        socket_->SendText(text->data);
      } else if (std::get_if<Client::CloseWebSocket>(&*output)) {
        if (socket_) socket_->Close();
      } else if (auto* event = std::get_if<Client::Event>(&*output)) {
        got.push_back(event->name + json::serialize(event->args));
        if (event->ack) core_.Acknowledge(*event->ack, {"answer"});
      } else if (auto* ack = std::get_if<Client::Ack>(&*output)) {
        got.push_back("ack" + (ack->args ? json::serialize(*ack->args) : "none"));
      } else if (auto* end = std::get_if<Client::Ended>(&*output)) {
        ended = end->reason;
      }
    }
    driver_.Update();
  }

  void Emit(std::string_view event, json::value data = nullptr, bool with_ack = false) {
    json::array args{std::move(data)};
    if (with_ack) {
      core_.EmitWithAck(event, std::move(args), io::Now());
    } else {
      core_.Emit(event, std::move(args));
    }
    Drain();
  }
  bool connected() const { return core_.connected(); }
  void Abort() { socket_->Abort(); }

  std::vector<std::string> got;
  std::string ended;
  std::string refused;

 private:
  Client core_;
  io::Driver<Client> driver_;
  std::shared_ptr<io::WebSocket> socket_;
};

class SocketIoBinding : public ::testing::Test {
 protected:
  SocketIoBinding() {
    application_.server = &server_;
    auto listening = io::HttpServer::Listen(loop_, LoopbackConfig(), router_);
    JB_CHECK(listening.ok());
    http_ = std::move(listening).value();
    authority_ = "127.0.0.1:" + std::to_string(http_->port());
  }

  TestClient& Connect(json::object auth = {}, io::Headers headers = {}) {
    clients_.emplace_back(loop_, "ws://" + authority_, std::move(auth), std::move(headers));
    return clients_.back();
  }
  TestClient& Connected() {
    TestClient& client = Connect();
    EXPECT_TRUE(Until([&] { return client.connected(); }));
    return client;
  }
  bool Until(const std::function<bool()>& done) { return loop_.RunUntil(done, kPatience); }

  io::HttpResponse Request(std::string method, const std::string& query, io::Headers headers = {},
                           std::string body = "") {
    std::optional<io::HttpResponse> got;
    http_client_.Send({.method = std::move(method),
                       .url = "http://" + authority_ + "/socket.io/?" + query,
                       .headers = std::move(headers),
                       .body = std::move(body)},
                      [&](Result<io::HttpResponse> response) {
                        got = response.ok() ? std::move(response).value() : io::HttpResponse{};
                      });
    EXPECT_TRUE(Until([&] { return got.has_value(); }));
    return got.value_or(io::HttpResponse{});
  }

  static io::HttpServerConfig LoopbackConfig() {
    io::HttpServerConfig config;
    config.host = "127.0.0.1";
    return config;
  }
  static SocketIoConfig MakeConfig() {
    SocketIoConfig config;
    config.allowed_origins = {"https://partner.example"};
    config.engine.max_payload = 1000;
    return config;
  }

  testing::SeededRandom random_{1};
  io::Loop loop_;
  Application application_;
  SocketIoServer server_{loop_, random_, MakeConfig(), application_};
  Router router_{server_};
  std::unique_ptr<io::HttpServer> http_;
  io::HttpClient http_client_{loop_};
  std::deque<TestClient> clients_;
  std::string authority_;
};

TEST_F(SocketIoBinding, ServesItsPathOnly) {
  EXPECT_TRUE(server_.Serves("/socket.io/"));
  EXPECT_TRUE(server_.Serves("/socket.io"));
  EXPECT_FALSE(server_.Serves("/socket.io/x"));
  EXPECT_FALSE(server_.Serves("/"));
}

TEST_F(SocketIoBinding, TellsTheApplicationWhoConnects) {
  Connect({}, {{"User-Agent", "test"}, {"Cookie", "secret"}});
  ASSERT_TRUE(Until([&] { return application_.sockets.size() == 1; }));
  EXPECT_EQ(application_.agent, "test");
  EXPECT_FALSE(application_.has_cookie);
  EXPECT_EQ(application_.remote, "127.0.0.1");
  EXPECT_EQ(server_.sessions(), 1u);
  EXPECT_EQ(server_.sockets(), 1u);
}

TEST_F(SocketIoBinding, AnswersOnce) {
  TestClient& client = Connected();
  client.Emit("ask", 5, true);
  client.Emit("question", 1);
  ASSERT_TRUE(Until([&] { return application_.answers.size() == 1; }));
  EXPECT_THAT(client.got, ElementsAre(R"(ack[{"ok":true,"data":5}])", "q[1]"));
  EXPECT_THAT(application_.answers, ElementsAre(R"(["answer"])"));
}

TEST_F(SocketIoBinding, AKeptAnswerMayComeLateOrNever) {
  TestClient& client = Connected();
  client.Emit("later", 1, true);
  ASSERT_TRUE(Until([&] { return static_cast<bool>(application_.kept); }));
  application_.kept("now");
  ASSERT_TRUE(Until([&] { return !client.got.empty(); }));
  EXPECT_THAT(client.got, ElementsAre(R"(ack["now"])"));
  client.Emit("later", 2, true);
  ASSERT_TRUE(Until([&] { return application_.names.size() == 2; }));
  client.Abort();
  ASSERT_TRUE(Until([&] { return application_.reasons.size() == 1; }));
  application_.kept("nobody hears it");
}

TEST_F(SocketIoBinding, RefusesWithAReason) {
  TestClient& client = Connect({{"token", "wrong"}});
  ASSERT_TRUE(Until([&] { return !client.ended.empty(); }));
  EXPECT_EQ(client.ended, "refused");
  EXPECT_TRUE(application_.sockets.empty());
}

TEST_F(SocketIoBinding, RoomsAndDisconnect) {
  TestClient& one = Connected();
  TestClient& two = Connected();
  server_.Join(application_.sockets[0], "r");
  server_.Join(application_.sockets[1], "r");
  server_.EmitTo("r", "hello", 1);
  server_.EmitTo("r", "hello", 2, &application_.sockets[0]);
  ASSERT_TRUE(Until([&] { return two.got.size() == 2; }));
  EXPECT_THAT(one.got, ElementsAre("hello[1]"));
  one.Emit("leave");
  ASSERT_TRUE(Until([&] { return !one.ended.empty(); }));
  EXPECT_EQ(one.ended, "server disconnect");
  EXPECT_THAT(application_.reasons, ElementsAre(socketio::DisconnectReason::kServer));
  EXPECT_EQ(server_.sockets(), 1u);
}

TEST_F(SocketIoBinding, NoticesAClientThatVanishes) {
  Connected().Abort();
  ASSERT_TRUE(Until([&] { return application_.reasons.size() == 1; }));
  EXPECT_THAT(application_.reasons, ElementsAre(socketio::DisconnectReason::kTransport));
  EXPECT_EQ(server_.sessions(), 0u);
}

TEST_F(SocketIoBinding, ClosesAll) {
  TestClient& client = Connected();
  server_.CloseAll();
  ASSERT_TRUE(Until([&] { return !client.ended.empty(); }));
  EXPECT_EQ(client.ended, "transport close");
  EXPECT_THAT(application_.reasons, ElementsAre(socketio::DisconnectReason::kShutdown));
}

TEST_F(SocketIoBinding, RefusesForeignPagesOnBothTransports) {
  const io::Headers evil = {{"Origin", "https://evil.example"}};
  EXPECT_EQ(Request("GET", "EIO=4&transport=polling", evil).status, 403);
  EXPECT_EQ(Request("POST", "EIO=4&transport=polling&sid=x", evil, "4a").status, 403);
  TestClient& client = Connect({}, evil);
  ASSERT_TRUE(Until([&] { return !client.refused.empty(); }));
  EXPECT_EQ(server_.sessions(), 0u);
}

TEST_F(SocketIoBinding, ServesListedPagesWithCors) {
  const io::Headers partner = {{"Origin", "https://partner.example"}};
  const io::HttpResponse response = Request("GET", "EIO=4&transport=polling", partner);
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.headers["Access-Control-Allow-Origin"], "https://partner.example");
  EXPECT_EQ(Request("OPTIONS", "EIO=4&transport=polling", partner).status, 204);
}

TEST_F(SocketIoBinding, AnswersBrokenRequestsWithTheReferencesCodes) {
  const io::HttpResponse response = Request("GET", "EIO=4&transport=abc");
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(response.body, R"({"code":0,"message":"Transport unknown"})");
  EXPECT_EQ(Request("PUT", "EIO=4&transport=polling").status, 400);
  EXPECT_EQ(Request("POST", "EIO=4&transport=polling", {}, "4a").status, 400);
}

TEST_F(SocketIoBinding, RefusesLargeBodies) {
  const std::string open = Request("GET", "EIO=4&transport=polling").body;
  const std::string query = "EIO=4&transport=polling&sid=" + open.substr(9, 32);
  EXPECT_EQ(Request("POST", query, {}, "4" + std::string(1000, 'x')).status, 413);
  EXPECT_EQ(Request("POST", query, {}, "40").status, 200);  // the session goes on
}

// A responder that hands over the next pipelined request from inside Send().
class PipelinedResponder : public io::HttpResponder {
 public:
  explicit PipelinedResponder(std::function<void(const io::HttpResponse&)> on_send) : on_send_(std::move(on_send)) {}
  void Send(io::HttpResponse response) override { on_send_(response); }
  void StartChunked(int, std::string, io::Headers) override {}
  bool Write(ByteView) override { return false; }
  void Finish() override {}
  std::size_t queued_bytes() const override { return 0; }
  void ReadBody(std::function<void(ByteView)>, std::function<void(Status<>)>) override {}
  void PauseBody() override {}
  void ResumeBody() override {}
  void set_on_closed(std::function<void()>) override {}

 private:
  std::function<void(const io::HttpResponse&)> on_send_;
};

TEST_F(SocketIoBinding, ARequestFreedByAnAnswerWaitsForTheNextTurn) {
  io::HttpRequest request;
  request.method = "GET";
  request.path = "/socket.io/";
  request.query = io::Query::Parse("EIO=4&transport=polling");
  request.remote = *SocketAddress::Parse("127.0.0.1", 1);
  int answers = 0;
  const auto second = std::make_shared<PipelinedResponder>(
      [&](const io::HttpResponse& response) { answers += response.status == 200 ? 1 : 0; });
  const auto first = std::make_shared<PipelinedResponder>([&](const io::HttpResponse& response) {
    answers += response.status == 200 ? 1 : 0;
    server_.HandleRequest(request, second);
  });
  server_.HandleRequest(request, first);
  ASSERT_TRUE(Until([&] { return answers == 2; }));
  EXPECT_EQ(server_.sessions(), 2u);
}

TEST_F(SocketIoBinding, MayBeDestroyedWhileClientsAreThere) {
  auto own = std::make_unique<Application>();
  auto server = std::make_unique<SocketIoServer>(loop_, random_, MakeConfig(), *own);
  own->server = server.get();
  Router router(*server);
  auto http = io::HttpServer::Listen(loop_, LoopbackConfig(), router);
  ASSERT_TRUE(http.ok());
  clients_.emplace_back(loop_, "ws://127.0.0.1:" + std::to_string((*http)->port()));
  ASSERT_TRUE(Until([&] { return own->sockets.size() == 1; }));
  http->reset();
  server.reset();
  own->kept("into the void");
  ASSERT_TRUE(Until([&] { return !clients_.back().ended.empty(); }));
}

}  // namespace
}  // namespace jb::services
