// SPDX-License-Identifier: Apache-2.0
// The Socket.IO server core in virtual time, message by message. The transport is played by hand.
#include "proto/socketio/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "testing/advance.h"
#include "testing/seeded_random.h"

namespace jb::socketio {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;
using Strings = std::vector<std::string>;

constexpr SessionId kOne{1};
constexpr SessionId kTwo{2};

ServerConfig SuiteConfig() {
  ServerConfig config;
  config.namespaces = {"/", "/custom"};
  config.connect_timeout = 1000ms;
  return config;
}

class SocketIoServerCore : public ::testing::Test {
 protected:
  explicit SocketIoServerCore(ServerConfig config = SuiteConfig()) : server_(std::move(config), random_) {}

  void Drain() {
    while (auto output = server_.Poll()) {
      if (auto* text = std::get_if<SendText>(&*output)) {
        sent_[text->session].push_back(text->data);
      } else if (auto* binary = std::get_if<SendBinary>(&*output)) {
        sent_[binary->session].push_back("<" + binary->data);
      } else if (auto* close = std::get_if<CloseSession>(&*output)) {
        closed_.push_back(close->session);
        server_.HandleClosed(close->session, DisconnectReason::kTransport, now_);
      } else if (auto* request = std::get_if<ConnectRequested>(&*output)) {
        HandleRequest(*request);
      } else if (auto* event = std::get_if<EventReceived>(&*output)) {
        events_.push_back(event->event + json::serialize(event->args));
        if (on_event_) on_event_(*event);
      } else if (auto* ack = std::get_if<AckReceived>(&*output)) {
        acks_.push_back(std::to_string(ack->ack) + ":" + (ack->args ? json::serialize(*ack->args) : "none"));
      } else if (auto* gone = std::get_if<Disconnected>(&*output)) {
        gone_.push_back(gone->reason);
      }
    }
  }

  void HandleRequest(const ConnectRequested& request) {
    last_socket_ = request.socket;
    last_auth_ = json::serialize(request.auth);
    if (hold_) return;
    if (refuse_) return server_.Refuse(request.socket, {{"message", "no"}}, now_);
    server_.Accept(request.socket, now_);
  }

  void Open(SessionId session) {
    server_.HandleOpen(session, now_);
    Drain();
  }
  void Text(SessionId session, std::string text) {
    server_.HandleText(session, std::move(text), now_);
    Drain();
  }
  void Binary(SessionId session, std::string data) {
    server_.HandleBinary(session, std::move(data), now_);
    Drain();
  }
  void Advance(Duration by) {
    testing::Advance(server_, now_, by, [this] { Drain(); });
  }
  Strings Sent(SessionId session) { return std::exchange(sent_[session], {}); }
  // A session that is in "/".
  SocketId Join(SessionId session) {
    Open(session);
    Text(session, "0");
    Sent(session);
    return last_socket_;
  }

  testing::SeededRandom random_{1};
  Server server_;
  Time now_{1000s};
  bool refuse_ = false;
  bool hold_ = false;
  std::function<void(const EventReceived&)> on_event_;
  SocketId last_socket_;
  std::string last_auth_;
  std::map<SessionId, Strings> sent_;
  std::vector<SessionId> closed_;
  Strings events_;
  Strings acks_;
  std::vector<DisconnectReason> gone_;
};

TEST_F(SocketIoServerCore, ConnectsToTheMainNamespace) {
  Open(kOne);
  Text(kOne, "0");
  EXPECT_EQ(last_auth_, "{}");
  EXPECT_THAT(Sent(kOne), ElementsAre("0{\"sid\":\"" + last_socket_.value() + "\"}"));
  EXPECT_TRUE(server_.connected(last_socket_));
}

TEST_F(SocketIoServerCore, ConnectsToANamespaceWithAuth) {
  Open(kOne);
  Text(kOne, R"(0/custom,{"token":"abc"})");
  EXPECT_EQ(last_auth_, R"({"token":"abc"})");
  EXPECT_THAT(Sent(kOne), ElementsAre("0/custom,{\"sid\":\"" + last_socket_.value() + "\"}"));
}

TEST_F(SocketIoServerCore, RefusesUnknownNamespacesAndKeepsTheSession) {
  Open(kOne);
  Text(kOne, "0/random");
  EXPECT_THAT(Sent(kOne), ElementsAre(R"(4/random,{"message":"Invalid namespace"})"));
  EXPECT_THAT(closed_, IsEmpty());
  Advance(1s);  // but it counts as not connected
  EXPECT_THAT(closed_, ElementsAre(kOne));
}

TEST_F(SocketIoServerCore, TheApplicationMayRefuse) {
  refuse_ = true;
  Open(kOne);
  Text(kOne, "0");
  EXPECT_THAT(Sent(kOne), ElementsAre(R"(4{"message":"no"})"));
  EXPECT_THAT(gone_, IsEmpty());  // it was never there
  refuse_ = false;
  Text(kOne, "0");  // and it may try again
  EXPECT_TRUE(server_.connected(last_socket_));
}

TEST_F(SocketIoServerCore, MessagesWaitForTheDecisionOnConnect) {
  hold_ = true;
  Open(kOne);
  Text(kOne, "0");
  Text(kOne, R"(2["early"])");
  EXPECT_THAT(events_, IsEmpty());
  server_.Accept(last_socket_, now_);
  Advance(0s);
  EXPECT_THAT(events_, ElementsAre("early[]"));
}

TEST_F(SocketIoServerCore, ClosesASessionThatDoesNotConnect) {
  Open(kOne);
  Advance(999ms);
  EXPECT_THAT(closed_, IsEmpty());
  Advance(1ms);
  EXPECT_THAT(closed_, ElementsAre(kOne));
  EXPECT_EQ(server_.sessions(), 0u);
}

TEST_F(SocketIoServerCore, DeliversEventsAndAcknowledgements) {
  const SocketId socket = Join(kOne);
  on_event_ = [&](const EventReceived& event) {
    if (event.ack) server_.Acknowledge(event.socket, *event.ack, event.args);
  };
  Text(kOne, R"(2["message",1,"2",{"3":[true]}])");
  Text(kOne, R"(2456["with-ack",1,"2",{"3":[false]}])");
  EXPECT_THAT(events_, ElementsAre(R"(message[1,"2",{"3":[true]}])", R"(with-ack[1,"2",{"3":[false]}])"));
  EXPECT_THAT(Sent(kOne), ElementsAre(R"(3456[1,"2",{"3":[false]}])"));
  server_.Emit(socket, "hello", json::array{1});
  Drain();
  EXPECT_THAT(Sent(kOne), ElementsAre(R"(2["hello",1])"));
}

TEST_F(SocketIoServerCore, EchoesBinary) {
  Join(kOne);
  on_event_ = [&](const EventReceived& event) {
    if (event.ack) return server_.Acknowledge(event.socket, *event.ack, event.args, event.attachments);
    server_.Emit(event.socket, "back", event.args, event.attachments);
  };
  Text(kOne, R"(51-["m",{"_placeholder":true,"num":0}])");
  Binary(kOne, "\x01");
  EXPECT_THAT(Sent(kOne), ElementsAre(R"(51-["back",{"_placeholder":true,"num":0}])", "<\x01"));
  Text(kOne, R"(51-789["m",{"_placeholder":true,"num":0}])");
  Binary(kOne, "\x02");
  EXPECT_THAT(Sent(kOne), ElementsAre(R"(61-789[{"_placeholder":true,"num":0}])", "<\x02"));
}

TEST_F(SocketIoServerCore, AsksAndGetsAnswers) {
  const SocketId socket = Join(kOne);
  EXPECT_EQ(server_.EmitWithAck(socket, "q", json::array{}, now_), 0u);
  EXPECT_EQ(server_.EmitWithAck(socket, "q", json::array{}, now_), 1u);
  Drain();
  EXPECT_THAT(Sent(kOne), ElementsAre(R"(20["q"])", R"(21["q"])"));
  Text(kOne, R"(31["yes"])");
  Text(kOne, R"(31["again"])");
  Text(kOne, R"(399["never asked"])");
  EXPECT_THAT(acks_, ElementsAre(R"(1:["yes"])"));
  Advance(10s);
  EXPECT_THAT(acks_, ElementsAre(R"(1:["yes"])", "0:none"));
  EXPECT_THAT(closed_, IsEmpty());
}

TEST_F(SocketIoServerCore, UnansweredQuestionsEndWithTheSocket) {
  const SocketId socket = Join(kOne);
  server_.EmitWithAck(socket, "q", json::array{}, now_);
  server_.HandleClosed(kOne, DisconnectReason::kPingTimeout, now_);
  Drain();
  EXPECT_THAT(acks_, ElementsAre("0:none"));
  EXPECT_THAT(gone_, ElementsAre(DisconnectReason::kPingTimeout));
  EXPECT_FALSE(server_.EmitWithAck(socket, "q", json::array{}, now_));
  EXPECT_FALSE(server_.NextDeadline());
}

TEST_F(SocketIoServerCore, BoundsOpenQuestions) {
  const SocketId socket = Join(kOne);
  for (int i = 0; i < 65; ++i) server_.EmitWithAck(socket, "q", json::array{}, now_);
  Drain();
  EXPECT_THAT(acks_, ElementsAre("0:none"));
}

TEST_F(SocketIoServerCore, DisconnectFromOneNamespaceLeavesTheOther) {
  Join(kOne);
  Text(kOne, "0/custom,");
  Text(kOne, "1/custom");
  EXPECT_THAT(gone_, ElementsAre(DisconnectReason::kClient));
  Text(kOne, R"(2["still"])");
  EXPECT_THAT(events_, ElementsAre("still[]"));
}

TEST_F(SocketIoServerCore, DisconnectFromAllLeavesTheSession) {
  Join(kOne);
  Text(kOne, "1");
  EXPECT_THAT(gone_, ElementsAre(DisconnectReason::kClient));
  Advance(1h);
  EXPECT_THAT(closed_, IsEmpty());
  Text(kOne, "0");
  EXPECT_TRUE(server_.connected(last_socket_));
}

TEST_F(SocketIoServerCore, BadMessagesCloseTheSession) {
  const char* bad[] = {"abc",      "2{}", R"(2abc["m"])",        R"(2/custom,["not joined"])",
                       "1/custom", "0",   R"(4{"message":"x"})", R"(2["connect"])",
                       ""};
  for (const char* text : bad) {
    Join(kOne);
    closed_.clear();
    gone_.clear();
    Text(kOne, text);
    EXPECT_THAT(closed_, ElementsAre(kOne)) << text;
    EXPECT_THAT(gone_, ElementsAre(DisconnectReason::kParseError)) << text;
  }
}

TEST_F(SocketIoServerCore, AnEventBeforeConnectClosesTheSession) {
  Open(kOne);
  Text(kOne, R"(2["m"])");
  EXPECT_THAT(closed_, ElementsAre(kOne));
}

TEST_F(SocketIoServerCore, UnexpectedBinaryClosesTheSession) {
  Join(kOne);
  Binary(kOne, "x");
  EXPECT_THAT(closed_, ElementsAre(kOne));
}

TEST_F(SocketIoServerCore, RoomsReachTheirMembersInOrderOfArrival) {
  const SocketId one = Join(kOne);
  const SocketId two = Join(kTwo);
  EXPECT_TRUE(server_.Join(one, "r"));
  EXPECT_TRUE(server_.Join(two, "r"));
  EXPECT_TRUE(server_.Join(two, "r"));
  EXPECT_THAT(server_.Members("r"), ElementsAre(one, two));
  server_.EmitTo("r", "e", json::array{1});
  server_.EmitTo("r", "x", json::array{}, &one);
  server_.EmitTo("nobody", "e", json::array{});
  Drain();
  EXPECT_THAT(Sent(kOne), ElementsAre(R"(2["e",1])"));
  EXPECT_THAT(Sent(kTwo), ElementsAre(R"(2["e",1])", R"(2["x"])"));
  server_.Leave(two, "r");
  server_.HandleClosed(kOne, DisconnectReason::kTransport, now_);
  EXPECT_THAT(server_.Members("r"), IsEmpty());
}

TEST_F(SocketIoServerCore, RoomMembersInSeveralNamespacesGetTheirOwnEncoding) {
  const SocketId one = Join(kOne);
  Text(kOne, "0/custom,");
  Sent(kOne);
  server_.Join(one, "r");
  server_.Join(last_socket_, "r");
  server_.EmitTo("r", "e", json::array{});
  Drain();
  EXPECT_THAT(Sent(kOne), ElementsAre(R"(2["e"])", R"(2/custom,["e"])"));
}

TEST_F(SocketIoServerCore, BoundsRoomsPerSocket) {
  const SocketId one = Join(kOne);
  for (int i = 0; i < 16; ++i) EXPECT_TRUE(server_.Join(one, std::to_string(i)));
  EXPECT_FALSE(server_.Join(one, "one more"));
  EXPECT_FALSE(server_.Join(SocketId("nobody"), "r"));
}

TEST_F(SocketIoServerCore, DisconnectsASocketOrItsWholeSession) {
  const SocketId one = Join(kOne);
  server_.Disconnect(one, false, now_);
  Drain();
  EXPECT_THAT(Sent(kOne), ElementsAre("1"));
  EXPECT_THAT(closed_, IsEmpty());
  Text(kOne, "0");
  Sent(kOne);
  server_.Disconnect(last_socket_, true, now_);
  Drain();
  EXPECT_THAT(Sent(kOne), ElementsAre("1"));
  EXPECT_THAT(closed_, ElementsAre(kOne));
  EXPECT_THAT(gone_, ElementsAre(DisconnectReason::kServer, DisconnectReason::kServer));
}

TEST_F(SocketIoServerCore, EventsOfADisconnectedSocketAreDropped) {
  const SocketId one = Join(kOne);
  server_.HandleText(kOne, R"(2["a"])", now_);
  server_.HandleText(kOne, R"(2["b"])", now_);
  server_.Disconnect(one, true, now_);
  Drain();
  EXPECT_THAT(events_, IsEmpty());
}

TEST_F(SocketIoServerCore, PacesMessagesAboveTheBurst) {
  Join(kOne);  // took one of the hundred
  for (int i = 0; i < 150; ++i) Text(kOne, R"(2["m"])");
  EXPECT_THAT(events_, SizeIs(99));
  Advance(20ms);
  EXPECT_THAT(events_, SizeIs(100));
  Advance(980ms);
  EXPECT_THAT(events_, SizeIs(149));
  Advance(20ms);
  EXPECT_THAT(events_, SizeIs(150));
  EXPECT_FALSE(server_.NextDeadline());
}

TEST_F(SocketIoServerCore, AFullQueueClosesTheSession) {
  Join(kOne);
  for (int i = 0; i < 99 + 512; ++i) Text(kOne, R"(2["m"])");
  EXPECT_THAT(closed_, IsEmpty());
  Text(kOne, R"(2["m"])");
  EXPECT_THAT(closed_, ElementsAre(kOne));
  EXPECT_THAT(gone_, ElementsAre(DisconnectReason::kTooFast));
}

TEST_F(SocketIoServerCore, QueuedBytesAreBoundedToo) {
  Join(kOne);
  const std::string large = R"(2["m",")" + std::string(60 * 1024, 'x') + R"("])";
  for (int i = 0; i < 99 + 17; ++i) Text(kOne, large);
  EXPECT_THAT(closed_, IsEmpty());
  Text(kOne, large);
  EXPECT_THAT(gone_, ElementsAre(DisconnectReason::kTooFast));
}

TEST_F(SocketIoServerCore, NothingIsSentOrKeptAfterTheEnd) {
  const SocketId one = Join(kOne);
  server_.Join(one, "r");
  server_.HandleClosed(kOne, DisconnectReason::kTransport, now_);
  Drain();
  server_.Emit(one, "e", json::array{});
  server_.Acknowledge(one, 1, json::array{});
  server_.Disconnect(one, true, now_);
  server_.EmitTo("r", "e", json::array{});
  server_.HandleText(kOne, "2[]", now_);
  Drain();
  EXPECT_THAT(Sent(kOne), IsEmpty());
  EXPECT_EQ(server_.sockets(), 0u);
  EXPECT_EQ(server_.sessions(), 0u);
  EXPECT_FALSE(server_.NextDeadline());
}

}  // namespace
}  // namespace jb::socketio
