// SPDX-License-Identifier: Apache-2.0
#include "proto/socketio/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace jb::socketio {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Strings = std::vector<std::string>;

constexpr char kOpenPacket[] =
    R"(0{"sid":"s","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":65536})";

class SocketIoClient : public ::testing::Test {
 protected:
  explicit SocketIoClient(ClientConfig config = {}) : client_(std::move(config), now_) {}

  // Outputs as one line each.
  Strings Take() {
    Strings lines;
    while (auto output = client_.Poll()) {
      if (auto* text = std::get_if<Client::SendText>(&*output)) {
        lines.push_back(text->data);
      } else if (auto* binary = std::get_if<Client::SendBinary>(&*output)) {
        lines.push_back("<" + binary->data);
      } else if (std::get_if<Client::CloseWebSocket>(&*output)) {
        lines.push_back("close");
      } else if (auto* connected = std::get_if<Client::Connected>(&*output)) {
        lines.push_back("connected " + connected->socket_id);
      } else if (auto* event = std::get_if<Client::Event>(&*output)) {
        lines.push_back("event " + event->name + json::serialize(event->args) +
                        (event->ack ? " ack " + std::to_string(*event->ack) : ""));
      } else if (auto* ack = std::get_if<Client::Ack>(&*output)) {
        lines.push_back("ack " + std::to_string(ack->ack) + " " + (ack->args ? json::serialize(*ack->args) : "none"));
      } else if (auto* ended = std::get_if<Client::Ended>(&*output)) {
        lines.push_back("ended " + ended->reason + " " + json::serialize(ended->detail));
      }
    }
    return lines;
  }

  void Connect() {
    client_.HandleText(kOpenPacket, now_);
    client_.HandleText(R"(40{"sid":"me"})", now_);
    Take();
  }

  Time now_{1000s};
  Client client_;
};

TEST_F(SocketIoClient, ConnectsAfterTheHandshake) {
  client_.HandleText(kOpenPacket, now_);
  EXPECT_THAT(Take(), ElementsAre("40"));
  client_.HandleText(R"(40{"sid":"me"})", now_);
  EXPECT_THAT(Take(), ElementsAre("connected me"));
  EXPECT_TRUE(client_.connected());
}

TEST_F(SocketIoClient, SendsItsAuth) {
  Client client({.nsp = "/calls", .auth = {{"token", "t"}}}, now_);
  client.HandleText(kOpenPacket, now_);
  EXPECT_EQ(std::get<Client::SendText>(*client.Poll()).data, R"(40/calls,{"token":"t"})");
}

TEST_F(SocketIoClient, NamesItsTarget) { EXPECT_EQ(Client::Target(), "/socket.io/?EIO=4&transport=websocket"); }

TEST_F(SocketIoClient, AnswersPings) {
  Connect();
  client_.HandleText("2", now_);
  EXPECT_THAT(Take(), ElementsAre("3"));
}

TEST_F(SocketIoClient, EmitsAndReceives) {
  Connect();
  client_.Emit("e", json::array{1});
  client_.Emit("b", json::array{Placeholder(0)}, {"bytes"});
  EXPECT_THAT(Take(), ElementsAre(R"(42["e",1])", R"(451-["b",{"_placeholder":true,"num":0}])", "<bytes"));
  client_.HandleText(R"(42["x",{"a":1}])", now_);
  client_.HandleText(R"(427["q"])", now_);
  client_.Acknowledge(7, json::array{"a"});
  EXPECT_THAT(Take(), ElementsAre(R"(event x[{"a":1}])", "event q[] ack 7", R"(437["a"])"));
  client_.HandleText(R"(451-["bin",{"_placeholder":true,"num":0}])", now_);
  client_.HandleBinary("\x01", now_);
  EXPECT_THAT(Take(), ElementsAre(R"(event bin[{"_placeholder":true,"num":0}])"));
}

TEST_F(SocketIoClient, MatchesAcknowledgements) {
  Connect();
  EXPECT_EQ(client_.EmitWithAck("e", json::array{}, now_), 0u);
  EXPECT_EQ(client_.EmitWithAck("e", json::array{}, now_), 1u);
  EXPECT_THAT(Take(), ElementsAre(R"(420["e"])", R"(421["e"])"));
  client_.HandleText(R"(431[{"ok":true}])", now_);
  client_.HandleText(R"(431["again"])", now_);
  EXPECT_THAT(Take(), ElementsAre(R"(ack 1 [{"ok":true}])"));
  client_.HandleTimeout(now_ + 10s);
  EXPECT_THAT(Take(), ElementsAre("ack 0 none"));
}

TEST_F(SocketIoClient, EndsWhenRefused) {
  client_.HandleText(kOpenPacket, now_);
  Take();
  client_.HandleText(R"(44{"message":"no"})", now_);
  EXPECT_THAT(Take(), ElementsAre("close", R"(ended refused {"message":"no"})"));
  EXPECT_FALSE(client_.NextDeadline());
}

TEST_F(SocketIoClient, EndsWhenNobodyAnswers) {
  EXPECT_EQ(client_.NextDeadline(), now_ + 20s);
  client_.HandleTimeout(now_ + 20s);
  EXPECT_THAT(Take(), ElementsAre("close", "ended connect timeout null"));
}

TEST_F(SocketIoClient, EndsWhenThePingsStop) {
  Connect();
  EXPECT_EQ(client_.NextDeadline(), now_ + 45s);
  client_.HandleText("2", now_ + 25s);
  EXPECT_EQ(client_.NextDeadline(), now_ + 70s);
  Take();
  client_.EmitWithAck("e", json::array{}, now_ + 69s);
  Take();
  client_.HandleTimeout(now_ + 70s);
  EXPECT_THAT(Take(), ElementsAre("ack 0 none", "close", "ended ping timeout null"));
}

TEST_F(SocketIoClient, EndsOnNonsense) {
  for (const char* text : {"", "x", "4abc", "40", "0{}", "9"}) {
    Client client({}, now_);
    client.HandleText(kOpenPacket, now_);
    client.HandleText(text, now_);
    EXPECT_TRUE(client.ended()) << text;
  }
  for (const char* text : {"", "1", "0", "0[]", R"(0{"pingInterval":-1,"pingTimeout":1})", "40"}) {
    Client client({}, now_);
    client.HandleText(text, now_);
    EXPECT_TRUE(client.ended()) << text;
  }
}

TEST_F(SocketIoClient, EndsOnceAndSaysNothingAfter) {
  Connect();
  client_.Disconnect(now_);
  EXPECT_THAT(Take(), ElementsAre("41", "close", "ended client disconnect null"));
  client_.HandleClosed(now_);
  client_.HandleText("2", now_);
  client_.HandleBinary("x", now_);
  client_.Emit("e", json::array{});
  EXPECT_THAT(Take(), IsEmpty());
  client_.EmitWithAck("e", json::array{}, now_);
  EXPECT_THAT(Take(), ElementsAre("ack 0 none"));
}

TEST_F(SocketIoClient, SaysWhyTheServerEnded) {
  Connect();
  client_.HandleText("41", now_);
  EXPECT_THAT(Take(), ElementsAre("close", "ended server disconnect null"));
}

}  // namespace
}  // namespace jb::socketio
