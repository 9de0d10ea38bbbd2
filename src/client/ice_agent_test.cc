// SPDX-License-Identifier: Apache-2.0
// The agent against a lite server made of the STUN functions, in virtual time.
#include "client/ice_agent.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "testing/advance.h"
#include "testing/seeded_random.h"

namespace jb::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time kStart{seconds(50)};
const IceCredentials kServer{"serverUfrag", "serverPasswordserverPassword"};

SocketAddress Address(const char* ip, std::uint16_t port = 40000) { return *SocketAddress::Parse(ip, port); }

class IceAgentTest : public ::testing::Test {
 protected:
  struct Seen {
    Time at;
    SocketAddress to;
    bool nominated;
    std::string username;
  };

  // Carries what the agent sends to the server and its answers back, until nothing moves.
  void Drain() {
    while (const auto out = agent_.Poll()) {
      const auto request = stun::Message::Parse(out->datagram);
      ASSERT_TRUE(request.ok());
      ASSERT_TRUE(request->IsBindingRequest());
      EXPECT_TRUE(request->has_fingerprint());
      EXPECT_TRUE(request->ice_controlling());
      EXPECT_TRUE(request->priority());
      seen_.push_back({now_, out->to, request->use_candidate(), std::string(request->username().value_or(""))});
      if (!request->VerifyIntegrity(password_) || !answers_(out->to)) continue;
      std::uint8_t buffer[200];
      const auto answer =
          stun::WriteBindingSuccess(buffer, request->transaction_id(), Address("198.51.100.9", 5000), password_);
      Bytes bytes(answer->begin(), answer->end());
      if (tamper_) tamper_(bytes);
      agent_.HandlePacket(answer_from_.value_or(out->to), bytes, now_);
    }
  }

  void Start(std::vector<IceCandidate> candidates) {
    agent_.Start(kServer, std::move(candidates), now_);
    Drain();
  }

  void RunFor(Duration limit) {
    testing::Advance(agent_, now_, limit, [this] { Drain(); });
  }

  testing::SeededRandom random_{3};
  IceAgent agent_{random_};
  Time now_ = kStart;
  std::string password_ = kServer.password;
  std::function<bool(const SocketAddress&)> answers_ = [](const SocketAddress&) { return true; };
  std::function<void(Bytes&)> tamper_;
  std::optional<SocketAddress> answer_from_;
  std::vector<Seen> seen_;
};

TEST_F(IceAgentTest, ConnectsWithOneNominatingCheck) {
  Start({{Address("192.0.2.1"), 100}});
  EXPECT_EQ(agent_.state(), IceState::kConnected);
  EXPECT_EQ(agent_.selected(), Address("192.0.2.1"));
  ASSERT_EQ(seen_.size(), 1u);
  EXPECT_TRUE(seen_[0].nominated);
  EXPECT_EQ(seen_[0].username, "serverUfrag:" + agent_.local().ufrag);
  EXPECT_EQ(agent_.rtt(), Duration(0));
}

TEST_F(IceAgentTest, TriesCandidatesByPriorityFiftyMillisecondsApart) {
  answers_ = [](const SocketAddress& to) { return to == Address("192.0.2.3"); };
  Start({{Address("192.0.2.3"), 100}, {Address("192.0.2.1"), 300}, {Address("192.0.2.2"), 200}});
  RunFor(milliseconds(200));
  EXPECT_EQ(agent_.selected(), Address("192.0.2.3"));
  ASSERT_EQ(seen_.size(), 3u);
  EXPECT_EQ(seen_[0].to, Address("192.0.2.1"));
  EXPECT_EQ(seen_[1].to, Address("192.0.2.2"));
  EXPECT_EQ(seen_[1].at - seen_[0].at, milliseconds(50));
  EXPECT_EQ(seen_[2].at - seen_[0].at, milliseconds(100));
}

TEST_F(IceAgentTest, RetransmitsWithDoublingTimeoutsThenFails) {
  answers_ = [](const SocketAddress&) { return false; };
  Start({{Address("192.0.2.1"), 100}});
  RunFor(seconds(60));
  EXPECT_EQ(agent_.state(), IceState::kFailed);
  EXPECT_FALSE(agent_.selected());
  EXPECT_FALSE(agent_.NextDeadline());
  std::vector<std::int64_t> at;
  for (const Seen& s : seen_) at.push_back(ToMs(s.at - kStart));
  EXPECT_EQ(at, (std::vector<std::int64_t>{0, 250, 750, 1750, 3750, 7750, 11750}));
}

TEST_F(IceAgentTest, SurvivesTheLossOfTheFirstFiveRequests) {
  answers_ = [&](const SocketAddress&) { return seen_.size() > 5; };
  Start({{Address("192.0.2.1"), 100}});
  RunFor(seconds(10));
  EXPECT_EQ(agent_.state(), IceState::kConnected);
  EXPECT_FALSE(agent_.rtt()) << "which transmission was answered is unknown";
}

TEST_F(IceAgentTest, FailsAtOnceWithoutCandidates) {
  Start({});
  EXPECT_EQ(agent_.state(), IceState::kFailed);
}

TEST_F(IceAgentTest, IgnoresAnswersThatAreNotAuthentic) {
  tamper_ = [](Bytes& b) { b[b.size() - 20] ^= 1; };
  Start({{Address("192.0.2.1"), 100}});
  EXPECT_EQ(agent_.state(), IceState::kChecking);
}

TEST_F(IceAgentTest, IgnoresAnswersFromAnotherAddress) {
  answer_from_ = Address("192.0.2.77");
  Start({{Address("192.0.2.1"), 100}});
  EXPECT_EQ(agent_.state(), IceState::kChecking);
}

TEST_F(IceAgentTest, IgnoresEveryTruncatedAnswer) {
  Bytes answer;
  tamper_ = [&](Bytes& b) {
    answer = b;
    b.clear();
  };
  Start({{Address("192.0.2.1"), 100}});
  for (std::size_t n = 0; n < answer.size(); ++n) {
    agent_.HandlePacket(Address("192.0.2.1"), ByteView(answer).first(n), now_);
  }
  EXPECT_EQ(agent_.state(), IceState::kChecking);
  agent_.HandlePacket(Address("192.0.2.1"), answer, now_);
  EXPECT_EQ(agent_.state(), IceState::kConnected);
}

TEST_F(IceAgentTest, RenewsConsentEveryFourToSixSeconds) {
  Start({{Address("192.0.2.1"), 100}});
  RunFor(seconds(120));
  EXPECT_EQ(agent_.state(), IceState::kConnected);
  ASSERT_GE(seen_.size(), 20u);
  for (std::size_t i = 1; i < seen_.size(); ++i) {
    const Duration gap = seen_[i].at - seen_[i - 1].at;
    EXPECT_GE(gap, seconds(4));
    EXPECT_LE(gap, seconds(6));
  }
}

TEST_F(IceAgentTest, StopsThirtySecondsAfterTheLastAnswer) {
  Start({{Address("192.0.2.1"), 100}});
  answers_ = [](const SocketAddress&) { return false; };
  RunFor(seconds(29));
  EXPECT_EQ(agent_.state(), IceState::kConnected);
  RunFor(seconds(1));
  EXPECT_EQ(agent_.state(), IceState::kDisconnected);
  EXPECT_FALSE(agent_.selected());
  EXPECT_FALSE(agent_.NextDeadline());
}

TEST_F(IceAgentTest, ConsentSurvivesLostAnswers) {
  Start({{Address("192.0.2.1"), 100}});
  answers_ = [&](const SocketAddress&) { return seen_.size() % 4 == 0; };
  RunFor(seconds(300));
  EXPECT_EQ(agent_.state(), IceState::kConnected);
}

TEST_F(IceAgentTest, ARestartUsesNewCredentialsAndKeepsThePairMeanwhile) {
  Start({{Address("192.0.2.1"), 100}});
  const IceCredentials before = agent_.local();
  answers_ = [](const SocketAddress&) { return false; };
  agent_.Start({"newUfrag", "newPasswordnewPasswordnewPassword"}, {{Address("192.0.2.2"), 100}}, now_);
  password_ = "newPasswordnewPasswordnewPassword";
  Drain();
  EXPECT_NE(agent_.local().ufrag, before.ufrag);
  EXPECT_NE(agent_.local().password, before.password);
  EXPECT_EQ(agent_.selected(), Address("192.0.2.1"));
  EXPECT_EQ(seen_.back().username, "newUfrag:" + agent_.local().ufrag);
  answers_ = [](const SocketAddress&) { return true; };
  RunFor(seconds(1));
  EXPECT_EQ(agent_.selected(), Address("192.0.2.2"));
}

TEST_F(IceAgentTest, CredentialsHaveTheEntropyThatRfc8445Wants) {
  Start({{Address("192.0.2.1"), 100}});
  EXPECT_GE(agent_.local().ufrag.size() * 5, 24u);
  EXPECT_GE(static_cast<double>(agent_.local().password.size()) * 5.95, 128.0);
}

}  // namespace
}  // namespace jb::client
