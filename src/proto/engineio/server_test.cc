// SPDX-License-Identifier: Apache-2.0
// The obligations of an Engine.IO server, in virtual time, frame by frame. E1-E9 are the points the
// public protocol suite enforces; the rest is the specification's text and our limits.
#include "proto/engineio/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/json.h"
#include "testing/advance.h"
#include "testing/seeded_random.h"

namespace jb::engineio {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Strings = std::vector<std::string>;

// The settings of the public protocol suite.
ServerConfig SuiteConfig() {
  ServerConfig config;
  config.ping_interval = 300ms;
  config.ping_timeout = 200ms;
  config.max_payload = 1000000;
  return config;
}

class EngineIoServer : public ::testing::Test {
 protected:
  struct Reply {
    int status = 0;
    std::string body;
    friend bool operator==(const Reply&, const Reply&) = default;
  };

  explicit EngineIoServer(ServerConfig config = SuiteConfig()) : server_(config, random_) {}

  void Drain() {
    while (auto output = server_.Poll()) {
      if (auto* reply = std::get_if<HttpReply>(&*output)) {
        EXPECT_FALSE(replies_.contains(reply->request)) << "answered twice";
        replies_[reply->request] = {reply->status, reply->body};
      } else if (auto* send = std::get_if<WebSocketSend>(&*output)) {
        EXPECT_FALSE(closed_.contains(send->socket)) << "a frame after the close";
        frames_[send->socket].push_back((send->binary ? "<" : "") + send->data);
      } else if (auto* close = std::get_if<WebSocketClose>(&*output)) {
        EXPECT_TRUE(closed_.emplace(close->socket, close->code).second) << "closed twice";
      } else if (auto* opened = std::get_if<SessionOpened>(&*output)) {
        last_session_ = opened->session;
      } else if (auto* message = std::get_if<SessionMessage>(&*output)) {
        messages_.push_back((message->binary ? "<" : "") + message->data);
        if (echo_) server_.Send(message->session, message->binary, message->data, now_);
      } else if (auto* ended = std::get_if<SessionClosed>(&*output)) {
        ends_.push_back(ended->reason);
      }
    }
  }

  // Lets time pass, timer by timer.
  void Advance(Duration by) {
    testing::Advance(server_, now_, by, [this] { Drain(); });
  }

  static Query MakeQuery(std::string_view transport, const std::string& sid) {
    return {.eio = "4", .transport = transport, .sid = sid, .has_sid = !sid.empty()};
  }

  RequestId Get(const std::string& sid) {
    const RequestId id(next_id_++);
    server_.HandleRequest(id, Method::kGet, MakeQuery("polling", sid), remote_, now_);
    Drain();
    return id;
  }
  Reply GetNow(const std::string& sid) { return ReplyTo(Get(sid)); }
  RequestId BeginPost(const std::string& sid) {
    const RequestId id(next_id_++);
    server_.BeginPost(id, MakeQuery("polling", sid), now_);
    Drain();
    return id;
  }
  void FinishPost(RequestId id, const std::string& body) {
    server_.FinishPost(id, body, now_);
    Drain();
  }
  Reply Post(const std::string& sid, const std::string& body) {
    const RequestId id = BeginPost(sid);
    if (!replies_.contains(id)) FinishPost(id, body);
    return ReplyTo(id);
  }
  bool Answered(RequestId id) const { return replies_.contains(id); }
  Reply ReplyTo(RequestId id) { return replies_[id]; }

  std::optional<Refusal> Upgrade(WebSocketId socket, const std::string& sid) {
    auto refusal = server_.HandleUpgrade(socket, MakeQuery("websocket", sid), remote_, now_);
    Drain();
    return refusal;
  }
  WebSocketId Connect(const std::string& sid = "") {
    const WebSocketId socket(next_id_++);
    EXPECT_FALSE(Upgrade(socket, sid));
    return socket;
  }
  void Text(WebSocketId socket, const std::string& text) {
    server_.HandleText(socket, text, now_);
    Drain();
  }
  void Binary(WebSocketId socket, const std::string& data) {
    server_.HandleBinary(socket, data, now_);
    Drain();
  }
  Strings Frames(WebSocketId socket) { return std::exchange(frames_[socket], {}); }

  std::string SidOf(const std::string& open_packet) {
    const auto handshake = ParseJson(open_packet.substr(1));
    return std::string(GetString(*handshake, "sid").value());
  }
  std::string OpenPolling() { return SidOf(GetNow("").body); }
  WebSocketId OpenWebSocket() {
    const WebSocketId socket = Connect();
    Frames(socket);
    return socket;
  }

  void ExpectStatus(int status, const Reply& reply) { EXPECT_EQ(reply.status, status) << reply.body; }

  testing::SeededRandom random_{1};
  Server server_;
  SocketAddress remote_ = *SocketAddress::Parse("192.0.2.1", 5000);
  Time now_{1000s};
  bool echo_ = true;
  std::uint64_t next_id_ = 1;
  SessionId last_session_;
  std::map<RequestId, Reply> replies_;
  std::map<WebSocketId, Strings> frames_;
  std::map<WebSocketId, std::uint16_t> closed_;
  Strings messages_;
  std::vector<CloseReason> ends_;
};

TEST_F(EngineIoServer, OpensAPollingSessionWithExactlyFiveKeys) {
  const Reply reply = GetNow("");
  ASSERT_EQ(reply.status, 200);
  ASSERT_EQ(reply.body.front(), '0');
  const auto handshake = ParseJson(reply.body.substr(1));
  ASSERT_TRUE(handshake.ok());
  EXPECT_EQ(handshake->get_object().size(), 5u);
  EXPECT_EQ(GetString(*handshake, "sid")->size(), 32u);  // 128 bits
  EXPECT_EQ(json::serialize(*GetArray(*handshake, "upgrades")), "[\"websocket\"]");
  EXPECT_EQ(GetInt(*handshake, "pingInterval"), 300);
  EXPECT_EQ(GetInt(*handshake, "pingTimeout"), 200);
  EXPECT_EQ(GetInt(*handshake, "maxPayload"), 1000000);
  EXPECT_EQ(server_.sessions(), 1u);
}

TEST_F(EngineIoServer, OffersNoUpgradeOnAWebSocket) {
  const WebSocketId socket = Connect();
  const Strings frames = Frames(socket);
  ASSERT_THAT(frames, SizeIs(1));
  const auto handshake = ParseJson(frames[0].substr(1));
  EXPECT_EQ(handshake->get_object().size(), 5u);
  EXPECT_THAT(*GetArray(*handshake, "upgrades"), IsEmpty());
}

TEST_F(EngineIoServer, E1RefusesBadVersionsTransportsAndMethods) {
  const Query bad[] = {
      {.eio = "", .transport = "polling", .sid = ""},  {.eio = "abc", .transport = "polling", .sid = ""},
      {.eio = "3", .transport = "polling", .sid = ""}, {.eio = "4", .transport = "", .sid = ""},
      {.eio = "4", .transport = "abc", .sid = ""},     {.eio = "4", .transport = "websocket", .sid = ""}};
  for (const Query& query : bad) {
    const RequestId id(next_id_++);
    server_.HandleRequest(id, Method::kGet, query, remote_, now_);
    Drain();
    ExpectStatus(400, ReplyTo(id));
  }
  ExpectStatus(400, Post("", "4hello"));
  const RequestId put(next_id_++);
  server_.HandleRequest(put, Method::kOther, MakeQuery("polling", ""), remote_, now_);
  Drain();
  ExpectStatus(400, ReplyTo(put));
  EXPECT_EQ(server_.sessions(), 0u);
}

TEST_F(EngineIoServer, E1RefusesBadWebSocketHandshakes) {
  EXPECT_EQ(
      server_.HandleUpgrade(WebSocketId(1), {.eio = "", .transport = "websocket", .sid = ""}, remote_, now_)->code, 5);
  EXPECT_EQ(server_.HandleUpgrade(WebSocketId(2), {.eio = "4", .transport = "abc", .sid = ""}, remote_, now_)->code, 0);
  EXPECT_EQ(server_.HandleUpgrade(WebSocketId(3), {.eio = "4", .transport = "polling", .sid = ""}, remote_, now_)->code,
            3);
}

TEST_F(EngineIoServer, AnswersUnknownSessionsWith400) {
  const Reply reply = GetNow("nobody");
  EXPECT_EQ(reply, (Reply{400, R"({"code":1,"message":"Session ID unknown"})"}));
  ExpectStatus(400, Post("nobody", "4a"));
  EXPECT_EQ(Upgrade(WebSocketId(9), "nobody")->status, 400);
}

TEST_F(EngineIoServer, E2EchoesTextAndBinaryOverPolling) {
  const std::string sid = OpenPolling();
  EXPECT_EQ(Post(sid,
                 "4hello\x1e"
                 "bAQIDBA==\x1e"
                 "4w"),
            (Reply{200, "ok"}));
  EXPECT_EQ(GetNow(sid), (Reply{200,
                                "4hello\x1e"
                                "bAQIDBA==\x1e"
                                "4w"}));
}

TEST_F(EngineIoServer, AParkedPollIsAnsweredByTheNextMessage) {
  const std::string sid = OpenPolling();
  const RequestId poll = Get(sid);
  EXPECT_FALSE(Answered(poll));
  Post(sid, "4hello");
  EXPECT_EQ(ReplyTo(poll), (Reply{200, "4hello"}));
}

TEST_F(EngineIoServer, E3ASecondPollClosesTheSession) {
  const std::string sid = OpenPolling();
  const RequestId first = Get(sid);
  ExpectStatus(400, GetNow(sid));
  EXPECT_EQ(ReplyTo(first), (Reply{200, "1"}));
  ExpectStatus(400, GetNow(sid));
  EXPECT_THAT(ends_, ElementsAre(CloseReason::kProtocolError));
  EXPECT_EQ(server_.sessions(), 0u);
}

TEST_F(EngineIoServer, ASecondPostAtATimeClosesTheSession) {
  const std::string sid = OpenPolling();
  const RequestId first = BeginPost(sid);
  ExpectStatus(400, Post(sid, "4b"));
  ExpectStatus(400, ReplyTo(first));
  FinishPost(first, "4a");  // its body may still arrive
  EXPECT_THAT(messages_, IsEmpty());
  ExpectStatus(400, GetNow(sid));
}

TEST_F(EngineIoServer, PostsOneAfterTheOtherAreFine) {
  const std::string sid = OpenPolling();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(Post(sid, "4a"), (Reply{200, "ok"}));
  EXPECT_THAT(messages_, SizeIs(100));
}

TEST_F(EngineIoServer, E4ABrokenPayloadClosesTheSession) {
  const std::string sid = OpenPolling();
  const RequestId poll = Get(sid);
  ExpectStatus(400, Post(sid, "abc"));
  EXPECT_EQ(ReplyTo(poll), (Reply{200, "1"}));
  ExpectStatus(400, GetNow(sid));
  EXPECT_THAT(ends_, ElementsAre(CloseReason::kParseError));
}

TEST_F(EngineIoServer, E5PingsAreBareAndComeEveryInterval) {
  const std::string sid = OpenPolling();
  for (int i = 0; i < 3; ++i) {
    const RequestId poll = Get(sid);
    Advance(299ms);
    EXPECT_FALSE(Answered(poll));
    Advance(1ms);
    EXPECT_EQ(ReplyTo(poll), (Reply{200, "2"}));
    EXPECT_EQ(Post(sid, "3"), (Reply{200, "ok"}));
  }
}

TEST_F(EngineIoServer, E6ClosesExactlyAtIntervalPlusTimeout) {
  const std::string sid = OpenPolling();
  Advance(499ms);
  EXPECT_EQ(server_.sessions(), 1u);
  // The timer may fire late: a request at the deadline must find the session gone all the same.
  now_ += 1ms;
  ExpectStatus(400, GetNow(sid));
  EXPECT_THAT(ends_, ElementsAre(CloseReason::kPingTimeout));
}

TEST_F(EngineIoServer, OurOwnStallDoesNotCutClients) {
  const WebSocketId socket = OpenWebSocket();
  now_ += 10s;  // nothing ran for ten seconds
  server_.HandleTimeout(now_);
  Drain();
  EXPECT_THAT(Frames(socket), ElementsAre("2"));
  Advance(199ms);
  Text(socket, "3");
  Advance(250ms);
  EXPECT_THAT(ends_, IsEmpty());
}

TEST_F(EngineIoServer, E7AClosePacketReleasesTheParkedPollWithANoop) {
  const std::string sid = OpenPolling();
  const RequestId poll = Get(sid);
  EXPECT_EQ(Post(sid,
                 "1\x1e"
                 "4late"),
            (Reply{200, "ok"}));
  EXPECT_EQ(ReplyTo(poll), (Reply{200, "6"}));
  ExpectStatus(400, GetNow(sid));
  EXPECT_THAT(ends_, ElementsAre(CloseReason::kClientClosed));
  EXPECT_THAT(messages_, IsEmpty());
}

TEST_F(EngineIoServer, E8UpgradesWithAParkedPoll) {
  const std::string sid = OpenPolling();
  const RequestId poll = Get(sid);
  const WebSocketId socket = Connect(sid);
  EXPECT_FALSE(Answered(poll));
  Text(socket, "2probe");
  EXPECT_THAT(Frames(socket), ElementsAre("3probe"));
  EXPECT_EQ(ReplyTo(poll), (Reply{200, "6"}));
  Text(socket, "5");
  Text(socket, "4hello");
  EXPECT_THAT(Frames(socket), ElementsAre("4hello"));
}

TEST_F(EngineIoServer, E8APollThatComesAfterTheProbeIsReleasedToo) {
  const std::string sid = OpenPolling();
  const WebSocketId socket = Connect(sid);
  Text(socket, "2probe");
  const RequestId poll = Get(sid);
  Advance(5ms);
  EXPECT_EQ(ReplyTo(poll), (Reply{200, "6"}));
  Text(socket, "5");
  ExpectStatus(400, GetNow(sid));
}

TEST_F(EngineIoServer, E8APollThatOvertakesTheUpgradePacketGets400) {
  const std::string sid = OpenPolling();
  const WebSocketId socket = Connect(sid);
  Text(socket, "2probe");
  const RequestId poll = Get(sid);
  Text(socket, "5");
  ExpectStatus(400, ReplyTo(poll));
  Text(socket, "4hello");
  EXPECT_THAT(Frames(socket), ElementsAre("3probe", "4hello"));
}

TEST_F(EngineIoServer, E8ASecondWebSocketIsClosedAndTheFirstWorksOn) {
  const std::string sid = OpenPolling();
  const WebSocketId first = Connect(sid);
  const WebSocketId while_probing = Connect(sid);
  EXPECT_TRUE(closed_.contains(while_probing));
  Text(first, "2probe");
  Text(first, "5");
  const WebSocketId after = Connect(sid);
  EXPECT_TRUE(closed_.contains(after));
  Text(after, "4ignored");
  Text(first, "4hello");
  EXPECT_THAT(Frames(first), ElementsAre("3probe", "4hello"));
  EXPECT_THAT(messages_, ElementsAre("hello"));
}

TEST_F(EngineIoServer, MessagesQueuedDuringTheUpgradeAreNotLost) {
  echo_ = false;
  const std::string sid = OpenPolling();
  server_.Send(last_session_, false, "one", now_);
  const WebSocketId socket = Connect(sid);
  Text(socket, "2probe");
  server_.Send(last_session_, true, "two", now_);
  Text(socket, "5");
  EXPECT_THAT(Frames(socket), ElementsAre("3probe", "4one", "<two"));
}

TEST_F(EngineIoServer, DuringTheProbeMessagesStillLeaveByPolling) {
  echo_ = false;
  const std::string sid = OpenPolling();
  const WebSocketId socket = Connect(sid);
  Text(socket, "2probe");
  server_.Send(last_session_, false, "one", now_);
  EXPECT_EQ(GetNow(sid), (Reply{200, "4one"}));
}

TEST_F(EngineIoServer, AProbeThatDoesNotCompleteIsClosedAndPollingGoesOn) {
  ServerConfig config;  // production's intervals, so that no ping is missed meanwhile
  Server server(config, random_);
  server.HandleRequest(RequestId(1), Method::kGet, MakeQuery("polling", ""), remote_, now_);
  server.Poll();
  const std::string sid = SidOf(std::get<HttpReply>(*server.Poll()).body);
  ASSERT_FALSE(server.HandleUpgrade(WebSocketId(2), MakeQuery("websocket", sid), remote_, now_));
  EXPECT_EQ(server.NextDeadline(), now_ + 10s);
  server.HandleTimeout(now_ + 10s);
  EXPECT_EQ(std::get<WebSocketClose>(*server.Poll()).socket, WebSocketId(2));
  EXPECT_EQ(server.sessions(), 1u);
  // The next try may succeed.
  ASSERT_FALSE(server.HandleUpgrade(WebSocketId(3), MakeQuery("websocket", sid), remote_, now_ + 10s));
  EXPECT_FALSE(server.Poll());
}

TEST_F(EngineIoServer, AProbeThatSaysAnythingElseIsClosed) {
  for (const char* text : {"2", "5", "4hello", "2probes", "", "abc"}) {
    const std::string sid = OpenPolling();
    const WebSocketId socket = Connect(sid);
    Text(socket, text);
    EXPECT_TRUE(closed_.contains(socket)) << text;
    EXPECT_EQ(Post(sid, "4still here"), (Reply{200, "ok"}));
  }
}

TEST_F(EngineIoServer, E9PingTimeoutClosesAWebSocket) {
  const WebSocketId socket = OpenWebSocket();
  Advance(300ms);
  EXPECT_THAT(Frames(socket), ElementsAre("2"));
  Advance(200ms);
  EXPECT_TRUE(closed_.contains(socket));
  EXPECT_THAT(ends_, ElementsAre(CloseReason::kPingTimeout));
  EXPECT_FALSE(server_.NextDeadline());
}

TEST_F(EngineIoServer, E9AClosePacketClosesAWebSocket) {
  const WebSocketId socket = OpenWebSocket();
  Text(socket, "1");
  EXPECT_EQ(closed_.at(socket), kCloseNormal);
  EXPECT_THAT(ends_, ElementsAre(CloseReason::kClientClosed));
}

TEST_F(EngineIoServer, WebSocketsEchoTextAndBinary) {
  const WebSocketId socket = OpenWebSocket();
  Text(socket, "4hello");
  Binary(socket, "\x01\x02");
  Text(socket, "bAQI=");
  EXPECT_THAT(Frames(socket), ElementsAre("4hello", "<\x01\x02", "<\x01\x02"));
}

TEST_F(EngineIoServer, ABase64ClientGetsBinaryAsText) {
  Query query = MakeQuery("websocket", "");
  query.base64 = true;
  ASSERT_FALSE(server_.HandleUpgrade(WebSocketId(77), query, remote_, now_));
  Drain();
  Frames(WebSocketId(77));
  Text(WebSocketId(77), "bAQI=");
  EXPECT_THAT(Frames(WebSocketId(77)), ElementsAre("bAQI="));
}

TEST_F(EngineIoServer, BrokenFramesAndClientPingsCloseAWebSocket) {
  for (const char* text : {"abc", "", "2", "2probe", "b!"}) {
    const WebSocketId socket = OpenWebSocket();
    Text(socket, text);
    EXPECT_EQ(closed_.at(socket), kCloseProtocolError) << text;
  }
  EXPECT_EQ(server_.sessions(), 0u);
}

TEST_F(EngineIoServer, PacketsThatMeanNothingToAServerAreIgnored) {
  const WebSocketId socket = OpenWebSocket();
  for (const char* text : {"0{}", "5", "6", "3"}) Text(socket, text);
  EXPECT_THAT(closed_, IsEmpty());
}

TEST_F(EngineIoServer, AWebSocketThatGoesAwayEndsTheSession) {
  const WebSocketId socket = OpenWebSocket();
  server_.HandleWebSocketClosed(socket, now_);
  Drain();
  EXPECT_THAT(ends_, ElementsAre(CloseReason::kTransport));
  EXPECT_EQ(server_.sessions(), 0u);
  EXPECT_FALSE(server_.NextDeadline());
}

TEST_F(EngineIoServer, AnAbandonedPollDoesNotEndTheSession) {
  const std::string sid = OpenPolling();
  const RequestId poll = Get(sid);
  server_.HandleRequestClosed(poll, now_);
  Drain();
  Post(sid, "4hello");
  EXPECT_EQ(GetNow(sid), (Reply{200, "4hello"}));
}

TEST_F(EngineIoServer, AnAbandonedPostLetsTheNextOneIn) {
  const std::string sid = OpenPolling();
  server_.HandleRequestClosed(BeginPost(sid), now_);
  EXPECT_EQ(Post(sid, "4hello"), (Reply{200, "ok"}));
}

TEST_F(EngineIoServer, APostWhoseSessionEndsMeanwhileIsAnsweredOnce) {
  const std::string sid = OpenPolling();
  const RequestId post = BeginPost(sid);
  Advance(500ms);  // ping timeout
  ExpectStatus(400, ReplyTo(post));
  FinishPost(post, "4late");
  EXPECT_THAT(messages_, IsEmpty());
}

TEST_F(EngineIoServer, APostThatStraddlesTheUpgradeIsRefused) {
  const std::string sid = OpenPolling();
  const RequestId post = BeginPost(sid);
  const WebSocketId socket = Connect(sid);
  Text(socket, "2probe");
  Text(socket, "5");
  FinishPost(post, "4late");
  ExpectStatus(400, ReplyTo(post));
  EXPECT_EQ(server_.sessions(), 1u);
}

TEST_F(EngineIoServer, APostIsAnsweredWhenTheUpgradedWebSocketCloses) {
  const std::string sid = OpenPolling();
  const RequestId post = BeginPost(sid);
  const WebSocketId socket = Connect(sid);
  Text(socket, "2probe");
  Text(socket, "5");
  server_.HandleWebSocketClosed(socket, now_);
  Drain();
  ExpectStatus(400, ReplyTo(post));
  FinishPost(post, "4late");
}

TEST_F(EngineIoServer, OurCloseIsDeliveredWithTheLastMessages) {
  echo_ = false;
  const std::string sid = OpenPolling();
  server_.Send(last_session_, false, "bye", now_);
  server_.Close(last_session_, now_);
  Drain();
  EXPECT_THAT(ends_, ElementsAre(CloseReason::kServerClosed));
  EXPECT_EQ(server_.sessions(), 0u);
  ExpectStatus(400, Post(sid, "4x"));
  EXPECT_EQ(GetNow(sid), (Reply{200,
                                "4bye\x1e"
                                "1"}));
  ExpectStatus(400, GetNow(sid));
}

TEST_F(EngineIoServer, OurCloseReleasesAParkedPollOrClosesTheWebSocket) {
  const std::string sid = OpenPolling();
  const RequestId poll = Get(sid);
  server_.Close(last_session_, now_);
  Drain();
  EXPECT_EQ(ReplyTo(poll), (Reply{200, "1"}));
  const WebSocketId socket = OpenWebSocket();
  server_.CloseAll(now_);
  Drain();
  EXPECT_EQ(closed_.at(socket), kCloseNormal);
  EXPECT_FALSE(server_.NextDeadline());
}

TEST_F(EngineIoServer, AClosedSessionDoesNotLingerForEver) {
  const std::string sid = OpenPolling();
  server_.Close(last_session_, now_);
  Advance(10s);
  ExpectStatus(400, GetNow(sid));
  EXPECT_FALSE(server_.NextDeadline());
}

TEST_F(EngineIoServer, APollingClientThatFetchesNothingIsCutOff) {
  echo_ = false;
  const std::string sid = OpenPolling();
  for (int i = 0; i < 130; ++i) server_.Send(last_session_, false, std::string(1024, 'x'), now_);
  Drain();
  EXPECT_THAT(ends_, IsEmpty());  // a burst; more than 128 KiB wait from here on
  now_ += 299ms;
  server_.Send(last_session_, false, "x", now_);
  Drain();
  EXPECT_THAT(ends_, IsEmpty());
  EXPECT_GT(GetNow(sid).body.size(), 130u * 1024);
  EXPECT_EQ(server_.sessions(), 1u);
}

TEST_F(EngineIoServer, ABacklogOfAMegabyteIsCutAtOnce) {
  echo_ = false;
  const std::string sid = OpenPolling();
  for (int i = 0; i < 1025; ++i) server_.Send(last_session_, false, std::string(1024, 'x'), now_);
  Drain();
  EXPECT_THAT(ends_, ElementsAre(CloseReason::kSlowClient));
  ExpectStatus(400, GetNow(sid));
}

TEST(EngineIoSlowClient, IsCutAfterTwoSecondsOfBacklog) {
  testing::SeededRandom random(1);
  Server server({}, random);
  const SocketAddress remote = *SocketAddress::Parse("192.0.2.1", 1);
  const WebSocketId socket(1);
  ASSERT_FALSE(server.HandleUpgrade(socket, {.eio = "4", .transport = "websocket", .sid = ""}, remote, Time(0s)));
  constexpr std::size_t kLimit = 128 * 1024;
  EXPECT_TRUE(server.MaySend(socket, kLimit, Time(1s)));
  EXPECT_TRUE(server.MaySend(socket, kLimit + 1, Time(2s)));
  EXPECT_TRUE(server.MaySend(socket, kLimit + 1, Time(3999ms)));
  EXPECT_TRUE(server.MaySend(socket, 0, Time(4s)));  // it was only a burst
  EXPECT_TRUE(server.MaySend(socket, kLimit + 1, Time(5s)));
  EXPECT_FALSE(server.MaySend(socket, kLimit + 1, Time(7s)));
  EXPECT_EQ(server.sessions(), 0u);
}

TEST(EngineIoSlowClient, OverPollingIsCutAfterTwoSecondsToo) {
  testing::SeededRandom random(1);
  Server server({}, random);
  server.HandleRequest(RequestId(1), Method::kGet, {.eio = "4", .transport = "polling", .sid = ""},
                       *SocketAddress::Parse("192.0.2.1", 1), Time(0s));
  const SessionId session = std::get<SessionOpened>(*server.Poll()).session;
  server.Send(session, false, std::string(200 * 1024, 'x'), Time(1s));
  server.Send(session, false, "x", Time(1s));
  server.Send(session, false, "x", Time(2999ms));
  EXPECT_EQ(server.sessions(), 1u);
  server.Send(session, false, "x", Time(3s));
  EXPECT_EQ(server.sessions(), 0u);
}

TEST_F(EngineIoServer, OneLargeMessageIsNotASlowClient) {
  echo_ = false;
  const std::string sid = OpenPolling();
  server_.Send(last_session_, false, std::string(300 * 1024, 'x'), now_);
  Drain();
  EXPECT_EQ(GetNow(sid).body.size(), 300 * 1024 + 1u);
}

TEST_F(EngineIoServer, ASlowWebSocketIsClosedWithTryAgainLater) {
  const WebSocketId socket = OpenWebSocket();
  EXPECT_TRUE(server_.MaySend(socket, 1024 * 1024, now_));
  EXPECT_FALSE(server_.MaySend(socket, 1024 * 1024 + 1, now_));
  Drain();
  EXPECT_EQ(closed_.at(socket), kCloseTryAgainLater);
  EXPECT_THAT(ends_, ElementsAre(CloseReason::kSlowClient));
  EXPECT_TRUE(server_.MaySend(socket, 1 << 30, now_));  // the core knows it no more
}

TEST_F(EngineIoServer, BoundsHandshakesPerClient) {
  int accepted = 0;
  for (int i = 0; i < 100; ++i) accepted += GetNow("").status == 200 ? 1 : 0;
  EXPECT_EQ(accepted, 30);  // the burst
  ExpectStatus(429, GetNow(""));
  now_ += 100ms;
  ExpectStatus(200, GetNow(""));
  ExpectStatus(429, GetNow(""));
  remote_ = *SocketAddress::Parse("192.0.2.2", 1);
  ExpectStatus(200, GetNow(""));  // another client is not affected
}

TEST_F(EngineIoServer, CountsAnIpv6SubnetAsOneClient) {
  for (int i = 0; i < 30; ++i) {
    remote_ = *SocketAddress::Parse("2001:db8::" + std::to_string(i + 1), 1);
    ExpectStatus(200, GetNow(""));
  }
  remote_ = *SocketAddress::Parse("2001:db8::ffff", 1);
  ExpectStatus(429, GetNow(""));
  remote_ = *SocketAddress::Parse("2001:db8:0:1::1", 1);
  ExpectStatus(200, GetNow(""));
}

TEST_F(EngineIoServer, DoesNotLimitLoopbackUnlessTold) {
  remote_ = *SocketAddress::Parse("127.0.0.1", 1);
  for (int i = 0; i < 100; ++i) ExpectStatus(200, GetNow(""));
}

TEST(EngineIoLimits, BoundsSessionsPerClientAndInAll) {
  testing::SeededRandom random(1);
  ServerConfig config;
  config.max_sessions = 3;
  config.max_sessions_per_client = 2;
  Server server(config, random);
  const auto open = [&](const char* ip, std::uint64_t id) {
    server.HandleRequest(RequestId(id), Method::kGet, {.eio = "4", .transport = "polling", .sid = ""},
                         *SocketAddress::Parse(ip, 1), Time(1s));
    int status = 0;
    while (auto output = server.Poll()) {
      if (auto* reply = std::get_if<HttpReply>(&*output)) status = reply->status;
    }
    return status;
  };
  EXPECT_EQ(open("192.0.2.1", 1), 200);
  EXPECT_EQ(open("192.0.2.1", 2), 200);
  EXPECT_EQ(open("192.0.2.1", 3), 429);
  EXPECT_EQ(open("192.0.2.2", 4), 200);
  EXPECT_EQ(open("192.0.2.3", 5), 503);
  EXPECT_EQ(server.refused_handshakes(), 2u);
}

TEST(EngineIoLimits, ForgetsIdleClients) {
  ClientLimits limits(10, 30, 5);
  const ClientKey client = KeyOf(*SocketAddress::Parse("192.0.2.1", 1));
  EXPECT_EQ(limits.Enter(client, Time(0s)), ClientLimits::Verdict::kOk);
  limits.Sweep(Time(100s));
  EXPECT_EQ(limits.size(), 1u);  // it has a session
  limits.Leave(client);
  limits.Sweep(Time(100s));
  EXPECT_EQ(limits.size(), 0u);
}

}  // namespace
}  // namespace jb::engineio
