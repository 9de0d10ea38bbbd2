// SPDX-License-Identifier: Apache-2.0
// How well streams get through, as the SFU tells it: docs/protocol.md, consumerScore and producerScore.
#include <gtest/gtest.h>

#include "scenario/call.h"

namespace jb::scenario {
namespace {

constexpr int kPacketsPerSecond = 50;

void Speak(Call& call, MediaSender& microphone, int seconds) {
  for (int i = 0; i < seconds * kPacketsPerSecond; ++i) {
    microphone.SendOpus();
    call.world.Run(20ms);
  }
}

std::vector<std::uint8_t> ScoresOfProducers(const Call& call) {
  std::vector<std::uint8_t> scores;
  for (const auto& event : call.world.EventsOf<sfu::ProducerScoreChanged>()) scores.push_back(event.score);
  return scores;
}

TEST(ScoreTest, LossOnTheWayInAndSilenceLowerTheScoreOfTheProducer) {
  Call call;
  MediaSender& microphone = call.Microphone();
  call.Watch("mic");
  call.Connect();
  Speak(call, microphone, 5);
  EXPECT_TRUE(ScoresOfProducers(call).empty()) << "everything comes: nothing to tell";
  testing::NetemProfile lossy = testing::CleanNetwork();
  lossy.loss = 0.3;
  call.world.set_network(lossy);
  Speak(call, microphone, 10);
  call.world.set_network(testing::CleanNetwork());
  ASSERT_FALSE(ScoresOfProducers(call).empty());
  EXPECT_GE(ScoresOfProducers(call).back(), 1);
  EXPECT_LE(ScoresOfProducers(call).back(), 7);
  Speak(call, microphone, 40);
  EXPECT_EQ(ScoresOfProducers(call).back(), 10) << "forgotten";
  call.Settle(2s);
  EXPECT_EQ(ScoresOfProducers(call).back(), 10) << "quiet for a moment";
  call.Settle(3s);
  EXPECT_EQ(ScoresOfProducers(call).back(), 0);
  Speak(call, microphone, 3);
  EXPECT_GT(ScoresOfProducers(call).back(), 0);
  EXPECT_EQ(call.world.EventsOf<sfu::ProducerScoreChanged>().back().producer.value(), "mic");
}

TEST(ScoreTest, WhatIsPausedIsNotSilent) {
  Call call;
  MediaSender& microphone = call.Microphone();
  call.Watch("mic");
  call.Connect();
  Speak(call, microphone, 5);
  ASSERT_TRUE(call.world.worker().PauseProducer(ProducerId("mic"), call.world.now()).ok());
  call.Settle(10s);
  EXPECT_TRUE(ScoresOfProducers(call).empty());
}

TEST(ScoreTest, WhatAReceiverReportsLostLowersTheScoreOfItsConsumerAlone) {
  Call call;
  MediaSender& microphone = call.Microphone();
  MediaReceiver& near = call.Watch("mic");
  MediaReceiver& far = call.Watch("mic");
  call.Connect();
  for (int second = 1; second <= 10; ++second) {
    Speak(call, microphone, 1);
    near.SendReceiverReport();
    far.SendReceiverReport(51, second * 10);  // a fifth
  }
  const auto events = call.world.EventsOf<sfu::ConsumerScoreChanged>();
  ASSERT_FALSE(events.empty());
  for (const auto& event : events) EXPECT_EQ(event.consumer, call.last_consumer);
  EXPECT_EQ(events.back().score, 4);
  EXPECT_TRUE(ScoresOfProducers(call).empty());
}

}  // namespace
}  // namespace jb::scenario
