// SPDX-License-Identifier: Apache-2.0
// The packet buffers of a worker are everybody's: streams that stop give theirs back, and a crowd that
// holds too many silences nobody else.
#include <gtest/gtest.h>

#include "scenario/media_sender.h"

namespace jb::scenario {
namespace {

constexpr std::size_t kPool = 640;

sfu::WorkerConfig SmallPool() {
  sfu::WorkerConfig config;
  config.max_pooled_packets = kPool;
  return config;
}

// One room with a camera, another with a microphone, on one worker.
class PoolTest : public ::testing::Test {
 protected:
  PoolTest() {
    for (TestPeer* peer : Peers()) peer->keep_received = false;
    eye_.gives_feedback = false;  // more at once than a link that is being measured would be trusted with
    eye_.on_rtp = [this](const ReceivedRtp& packet) {
      if (packet.view().ssrc().value() != 1234) ++seen_;  // not the probes
    };
    ear_.on_rtp = [this](const ReceivedRtp&) { ++heard_; };
    SenderOptions camera;
    camera.ssrc = 10;
    camera.rtx_ssrc = 11;
    Join(alice_, eye_, "camera", sfu::MediaKind::kVideo, VideoParameters(camera));
    SenderOptions mic;
    mic.video = false;
    mic.ssrc = 20;
    Join(bob_, ear_, "mic", sfu::MediaKind::kAudio, AudioParameters(mic));
    for (TestPeer* peer : Peers()) peer->Connect();
    EXPECT_TRUE(world_.RunUntil(
        [this] { return alice_.connected() && eye_.connected() && bob_.connected() && ear_.connected(); }, 10s));
    world_.Run(100ms);
    camera_ = std::make_unique<MediaSender>(alice_, camera);
    mic_ = std::make_unique<MediaSender>(bob_, mic);
  }

  std::vector<TestPeer*> Peers() { return {&alice_, &eye_, &bob_, &ear_}; }
  void Join(TestPeer& from, TestPeer& to, const std::string& name, sfu::MediaKind kind, const json::value& parameters) {
    sfu::Worker& worker = world_.worker();
    const ProducerId producer(name);
    const ConsumerId consumer(name);
    EXPECT_TRUE(worker.Produce(from.id(), producer, kind, parameters, false, world_.now()).ok());
    EXPECT_TRUE(worker.Consume(to.id(), consumer, producer, RecvCapabilities(worker), world_.now()).ok());
    EXPECT_TRUE(worker.ResumeConsumer(consumer, world_.now()).ok());
  }
  // Over half a second, so that none of it is old yet.
  void Film(int packets) {
    for (int i = 0; i < packets; i += 5) {
      camera_->SendFrame(i == 0, 5, 200);
      world_.Run(500'000us * 5 / packets);
    }
    world_.Run(20ms);
  }
  std::size_t Talk(int packets) {
    const std::size_t before = heard_;
    for (int i = 0; i < packets; ++i) {
      mic_->SendOpus();
      world_.Run(20ms);
    }
    world_.Run(50ms);
    return heard_ - before;
  }
  std::size_t Held() { return world_.worker().stats().pooled_packets; }

  World world_{1, SmallPool()};
  TestPeer alice_{world_, "alice", sfu::TransportDirection::kSend, UdpTuple("10.0.0.1", 1)};
  TestPeer eye_{world_, "eye", sfu::TransportDirection::kRecv, UdpTuple("10.0.0.2", 2)};
  TestPeer bob_{world_, "bob", sfu::TransportDirection::kSend, UdpTuple("10.0.0.3", 3)};
  TestPeer ear_{world_, "ear", sfu::TransportDirection::kRecv, UdpTuple("10.0.0.4", 4)};
  std::unique_ptr<MediaSender> camera_, mic_;
  std::size_t seen_ = 0, heard_ = 0;
};

TEST_F(PoolTest, VideoThatStoppedIsForgottenWithinSeconds) {
  Film(300);
  EXPECT_EQ(seen_, 300u);
  EXPECT_GE(Held(), 250u) << "kept for NACKs";
  world_.Run(5s);
  EXPECT_EQ(Held(), 0u);
}

TEST_F(PoolTest, APausedProducerHoldsNothing) {
  Film(300);
  ASSERT_TRUE(world_.worker().PauseProducer(ProducerId("camera"), world_.now()).ok());
  EXPECT_EQ(Held(), 0u);
}

TEST_F(PoolTest, AReceiverThatFellSilentHoldsNothing) {
  Film(300);
  world_.lose_up = [this](const Tuple& from, ByteView) { return from == eye_.local(); };
  ASSERT_TRUE(world_.RunUntil(
      [this] { return world_.LastStateOf(eye_.id()) == sfu::TransportState::kDisconnected; }, 60s));
  world_.Run(5s);
  EXPECT_EQ(Held(), 0u);
}

TEST_F(PoolTest, ASenderThatFellSilentHoldsNothing) {
  Film(300);
  world_.lose_up = [this](const Tuple& from, ByteView) { return from == alice_.local(); };
  ASSERT_TRUE(world_.RunUntil(
      [this] { return world_.LastStateOf(alice_.id()) == sfu::TransportState::kDisconnected; }, 60s));
  world_.Run(5s);
  EXPECT_EQ(Held(), 0u);
}

TEST_F(PoolTest, ACrowdedPoolKeepsForwardingAndOnlyStopsKeeping) {
  Film(900);
  EXPECT_EQ(seen_, 900u) << "more than there are buffers";
  EXPECT_GT(Held(), kPool / 2);
  EXPECT_LT(Held(), kPool);
  EXPECT_EQ(Talk(10), 10u) << "the other room";
  world_.Run(5s);
  EXPECT_EQ(Held(), 0u);
  Film(300);
  EXPECT_GE(Held(), 250u) << "and keeps again";
}

}  // namespace
}  // namespace jb::scenario
