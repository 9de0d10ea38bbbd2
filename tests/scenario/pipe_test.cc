// SPDX-License-Identifier: Apache-2.0
// A room that spans two workers: Alice sends to one, Bob receives from the other, and what she sends crosses once.
#include <gtest/gtest.h>

#include <deque>

#include "scenario/media_sender.h"

namespace jb::scenario {
namespace {

const sfu::WorkerIndex kOrigin(0), kOther(1);

class PipeTest : public ::testing::Test {
 protected:
  PipeTest()
      : alice(origin, "alice-send", sfu::TransportDirection::kSend, UdpTuple("198.51.100.1", 50001)),
        bob(other, "bob-recv", sfu::TransportDirection::kRecv, UdpTuple("198.51.100.2", 50002)) {
    origin.on_pipe = [this](sfu::WorkerIndex to, const sfu::PipeMessage& message) { Cross(to, kOther, message); };
    other.on_pipe = [this](sfu::WorkerIndex to, const sfu::PipeMessage& message) { Cross(to, kOrigin, message); };
    alice.on_rtcp = [this](ByteView compound) {
      for (MediaSender& sender : senders_) sender.HandleRtcp(compound);
    };
    bob.on_rtp = [this](const ReceivedRtp& packet) {
      for (MediaReceiver& receiver : receivers_) receiver.HandlePacket(packet);
    };
    alice.Connect();
    bob.Connect();
    Run(1s);
    EXPECT_TRUE(alice.connected() && bob.connected());
  }

  // Both workers, a millisecond at a time: that is how long a crossing takes here.
  void Run(Duration span) {
    for (Duration done{0}; done < span; done += 1ms) {
      origin.Run(1ms);
      other.Run(1ms);
      for (; !crossing_.empty(); crossing_.pop_front()) {
        Crossing& it = crossing_.front();
        it.message.payload = it.payload;
        World& to = it.to == kOrigin ? origin : other;
        to.worker().HandlePipeMessages({&it.message, 1}, to.now());
      }
      for (MediaReceiver& receiver : receivers_) receiver.Poll();
    }
  }
  MediaSender& Produce(const char* id, SenderOptions options, const std::vector<std::string>& rids = {}) {
    const json::value parameters = options.video ? VideoParameters(options, rids) : AudioParameters(options);
    const auto kind = options.video ? sfu::MediaKind::kVideo : sfu::MediaKind::kAudio;
    EXPECT_TRUE(origin.worker().Produce(alice.id(), ProducerId(id), kind, parameters, false, origin.now()).ok());
    return senders_.emplace_back(alice, options);
  }
  MediaSender& Camera() { return Produce("camera", {.ssrc = 2001, .rtx_ssrc = 2002, .mid = "1"}); }
  MediaSender& Microphone() { return Produce("mic", {.video = false, .ssrc = 1001, .mid = "0"}); }
  void Pipe(const char* id, sfu::PipeId pipe = sfu::PipeId(7)) {
    const auto description = origin.worker().AddPipe(ProducerId(id), pipe, kOther);
    ASSERT_TRUE(description.ok());
    ASSERT_TRUE(other.worker().AddPipedProducer(*description, pipe, kOrigin).ok());
  }
  MediaReceiver& Watch(const char* id) {
    const ConsumerId consumer(std::string("consumer-") + id);
    auto consumed = other.worker().Consume(bob.id(), consumer, ProducerId(id), RecvCapabilities(other.worker()),
                                           other.now());
    EXPECT_TRUE(consumed.ok());
    EXPECT_TRUE(other.worker().ResumeConsumer(consumer, other.now()).ok());
    return receivers_.emplace_back(bob, *consumed);
  }
  void SendVideo(MediaSender& camera, int frames) {
    for (int i = 0; i < frames; ++i) {
      camera.SendFrame(camera.TakeKeyFrameWanted());
      Run(33ms);
    }
  }

  World origin{1}, other{2};
  TestPeer alice, bob;
  std::function<bool(const sfu::PipeMessage&)> lose = [](const sfu::PipeMessage&) { return false; };
  std::size_t crossed = 0;

 private:
  struct Crossing {
    sfu::WorkerIndex to;
    sfu::PipeMessage message;
    Bytes payload;
  };
  void Cross(sfu::WorkerIndex to, sfu::WorkerIndex expected, const sfu::PipeMessage& message) {
    EXPECT_EQ(to, expected);
    ++crossed;
    if (!lose(message)) crossing_.push_back({to, message, Bytes(message.payload.begin(), message.payload.end())});
  }

  std::deque<Crossing> crossing_;
  std::deque<MediaSender> senders_;
  std::deque<MediaReceiver> receivers_;
};

TEST_F(PipeTest, APictureBeginsWithTheKeyFrameThatItsReceiverNeeds) {
  MediaSender& camera = Camera();
  SendVideo(camera, 3);
  Pipe("camera");
  MediaReceiver& eye = Watch("camera");
  SendVideo(camera, 20);
  EXPECT_EQ(camera.plis, 1u);
  EXPECT_GE(eye.payloads.size(), 45u);
  EXPECT_TRUE(eye.IsContiguous());
}

TEST_F(PipeTest, APacketCrossesOnceHoweverManyReceiveIt) {
  MediaSender& mic = Microphone();
  Pipe("mic");
  MediaReceiver& ear = Watch("mic");
  const ConsumerId second("second");
  ASSERT_TRUE(other.worker()
                  .Consume(bob.id(), second, ProducerId("mic"), RecvCapabilities(other.worker()), other.now())
                  .ok());
  ASSERT_TRUE(other.worker().ResumeConsumer(second, other.now()).ok());
  for (int i = 0; i < 10; ++i) {
    mic.SendOpus();
    Run(20ms);
  }
  EXPECT_EQ(ear.payloads.size(), 10u);
  EXPECT_EQ(crossed, 10u);
  EXPECT_EQ(other.worker().stats().packets_out, 20u);
  EXPECT_EQ(other.worker().stats().producers, 0u) << "it is counted where it is sent to";
}

TEST_F(PipeTest, AllEncodingsOfASimulcastCross) {
  SenderOptions low{.ssrc = 700, .mid = "7", .rid = "r0"};
  SenderOptions high{.ssrc = 701, .mid = "7", .rid = "r1", .first_sequence = 100};
  MediaSender& r0 = Produce("camera", low, {"r0", "r1"});
  MediaSender r1(alice, high);
  Pipe("camera");
  MediaReceiver& eye = Watch("camera");
  for (int i = 0; i < 60; ++i) {
    r0.SendFrame(i % 10 == 0, 1, 100);
    r1.SendFrame(i % 10 == 0, 1, 900);
    Run(33ms);
  }
  ASSERT_GT(eye.payloads.size(), 30u);
  EXPECT_EQ(eye.payloads.rbegin()->second.size(), 900u);
  EXPECT_TRUE(eye.IsContiguous());
}

TEST_F(PipeTest, AKeyFrameRequestReachesTheSender) {
  MediaSender& camera = Camera();
  Pipe("camera");
  MediaReceiver& eye = Watch("camera");
  SendVideo(camera, 10);
  Run(2s);
  const std::size_t before = camera.plis;
  eye.SendPli();
  Run(100ms);
  EXPECT_EQ(camera.plis, before + 1);
}

TEST_F(PipeTest, NothingCrossesWhileItIsPausedAndItGoesOnAfterwards) {
  MediaSender& camera = Camera();
  Pipe("camera");
  MediaReceiver& eye = Watch("camera");
  SendVideo(camera, 10);
  for (World* world : {&origin, &other}) {
    ASSERT_TRUE(world->worker().PauseProducer(ProducerId("camera"), world->now()).ok());
  }
  EXPECT_EQ(other.EventsOf<sfu::ConsumerPaused>().size(), 1u);
  const std::size_t before = crossed;
  SendVideo(camera, 5);
  EXPECT_EQ(crossed, before);
  const std::size_t seen = eye.payloads.size();
  for (World* world : {&origin, &other}) {
    ASSERT_TRUE(world->worker().ResumeProducer(ProducerId("camera"), world->now()).ok());
  }
  EXPECT_EQ(other.EventsOf<sfu::ConsumerResumed>().size(), 1u);
  SendVideo(camera, 60);
  EXPECT_GE(eye.payloads.size(), seen + 30);
  EXPECT_TRUE(eye.IsContiguous());
}

TEST_F(PipeTest, AProducerThatIsPausedWhenThePipeIsLaidIsPausedThereToo) {
  MediaSender& mic = Microphone();
  ASSERT_TRUE(origin.worker().PauseProducer(ProducerId("mic"), origin.now()).ok());
  Pipe("mic");
  auto consumed = other.worker().Consume(bob.id(), ConsumerId("c"), ProducerId("mic"),
                                         RecvCapabilities(other.worker()), other.now());
  ASSERT_TRUE(consumed.ok());
  EXPECT_EQ(consumed->at("producerPaused"), true);
  mic.SendOpus();
  Run(20ms);
  EXPECT_EQ(crossed, 0u);
}

TEST_F(PipeTest, WhenItsProducerClosesNothingIsLeftAtEitherEnd) {
  MediaSender& camera = Camera();
  Pipe("camera");
  Watch("camera");
  SendVideo(camera, 5);
  camera.SendFrame(false);
  origin.Run(20ms);  // the last packets are on their way
  ASSERT_TRUE(origin.worker().CloseProducer(ProducerId("camera"), origin.now()).ok());
  ASSERT_TRUE(other.worker().CloseProducer(ProducerId("camera"), other.now()).ok());
  Run(100ms);
  ASSERT_EQ(other.EventsOf<sfu::ConsumerClosed>().size(), 1u);
  EXPECT_EQ(other.worker().stats().consumers, 0u);
  EXPECT_EQ(other.worker().stats().pooled_packets, 0u);
  Camera();
  Pipe("camera");  // the same ids again
}

TEST_F(PipeTest, APipeThatIsNotNeededAnyMoreCarriesNothing) {
  MediaSender& mic = Microphone();
  Pipe("mic");
  origin.worker().RemovePipe(sfu::PipeId(7));
  origin.worker().RemovePipe(sfu::PipeId(8));
  ASSERT_TRUE(other.worker().CloseProducer(ProducerId("mic"), other.now()).ok());
  mic.SendOpus();
  Run(20ms);
  EXPECT_EQ(crossed, 0u);
  Pipe("mic");
}

TEST_F(PipeTest, WhatAFullPipeLosesIsAsIfTheNetworkHadLostIt) {
  MediaSender& camera = Camera();
  Pipe("camera");
  MediaReceiver& eye = Watch("camera");
  SendVideo(camera, 10);
  int lost = 0;
  lose = [&](const sfu::PipeMessage& message) {
    return message.kind == sfu::PipeMessageKind::kPacket && lost < 4 && ++lost > 0;
  };
  SendVideo(camera, 3);
  EXPECT_EQ(lost, 4);
  EXPECT_FALSE(eye.IsContiguous());  // so that the decoder knows
  const std::size_t before = camera.plis;
  Run(1s);
  eye.SendPli();
  SendVideo(camera, 10);
  EXPECT_EQ(camera.plis, before + 1);
  EXPECT_GE(eye.payloads.size(), 60u);
}

TEST_F(PipeTest, WhatTheOriginRepairedByRetransmissionArrivesAcross) {
  MediaSender& camera = Camera();
  Pipe("camera");
  MediaReceiver& eye = Watch("camera");
  SendVideo(camera, 10);
  int lost = 0;
  origin.lose_up = [&](const Tuple&, ByteView datagram) { return datagram.size() > 500 && lost < 2 && ++lost > 0; };
  SendVideo(camera, 20);
  EXPECT_GE(camera.rtx_sent, 2u);
  EXPECT_TRUE(eye.IsContiguous());
  EXPECT_EQ(other.worker().stats().recovered, 0u) << "it is counted once";
}

TEST_F(PipeTest, TheRoomsSpeakerIsFoundWhereItsLevelsArriveByPipe) {
  MediaSender& mic = Microphone();
  MediaSender& quiet = Produce("quiet", {.video = false, .ssrc = 999, .mid = "9"});
  Pipe("mic");
  Pipe("quiet", sfu::PipeId(8));
  for (const char* id : {"mic", "quiet"}) {
    ASSERT_TRUE(other.worker().SetSpeakerGroup(ProducerId(id), RoomCode("room")).ok());
  }
  for (int i = 0; i < 250; ++i) {
    const bool talks = i >= 50;
    mic.SendOpus(static_cast<std::uint8_t>(talks ? 20 + i % 13 : 90 + i % 7), talks);
    quiet.SendOpus(static_cast<std::uint8_t>(90 + i % 5), false);
    Run(20ms);
  }
  const auto speakers = other.EventsOf<sfu::ActiveSpeaker>();
  ASSERT_FALSE(speakers.empty());
  EXPECT_EQ(speakers.back().producer, ProducerId("mic"));
  EXPECT_EQ(speakers.back().room, RoomCode("room"));
}

TEST_F(PipeTest, ATranslatedVoiceIsInjectedOnceAndHeardAcross) {
  ASSERT_TRUE(origin.worker().ProduceSynthetic(ProducerId("voice"), "voice-of-alice", origin.now()).ok());
  Pipe("voice");
  MediaReceiver& ear = Watch("voice");
  const Bytes opus{0xFC, 1, 2, 3};
  for (std::uint32_t i = 0; i < 5; ++i) {
    origin.worker().InjectOpus(ProducerId("voice"), opus, 960 * i, i == 0, -30, true, origin.now());
    Run(20ms);
  }
  ASSERT_EQ(ear.payloads.size(), 5u);
  EXPECT_EQ(ear.payloads.begin()->second, opus);
  EXPECT_EQ(ear.timestamps.rbegin()->second - ear.timestamps.begin()->second, 4u * 960u);
}

TEST_F(PipeTest, TheLossThatAListenerReportsReachesTheSpeaker) {
  MediaSender& mic = Microphone();
  Pipe("mic");
  MediaReceiver& ear = Watch("mic");
  for (int i = 0; i < 150; ++i) {
    mic.SendOpus();
    Run(20ms);
    if (i % 50 == 25) ear.SendReceiverReport(/*fraction_lost=*/64);
  }
  EXPECT_EQ(mic.fraction_lost, 64);
}

TEST_F(PipeTest, MessagesThatFitNothingChangeNothing) {
  MediaSender& camera = Camera();
  Pipe("camera");
  MediaReceiver& eye = Watch("camera");
  SendVideo(camera, 5);
  const Bytes garbage{0x00, 0x01, 0x02};
  using Kind = sfu::PipeMessageKind;
  for (const Kind kind : {Kind::kPacket, Kind::kInjected, Kind::kSenderReport, Kind::kKeyFrameRequest,
                          Kind::kListenerLoss}) {
    for (const std::uint32_t pipe : {7u, 99u}) {
      for (const std::uint8_t stream : std::initializer_list<std::uint8_t>{0, 1, 255}) {
        if (kind == Kind::kKeyFrameRequest && stream == 0) continue;  // fits
        sfu::PipeMessage message;
        message.kind = kind;
        message.pipe = sfu::PipeId(pipe);
        message.stream = stream;
        message.payload = garbage;
        for (World* world : {&origin, &other}) world->worker().HandlePipeMessages({&message, 1}, world->now());
      }
    }
  }
  SendVideo(camera, 5);
  EXPECT_TRUE(eye.IsContiguous());
  EXPECT_FALSE(origin.worker().AddPipe(ProducerId("nothing"), sfu::PipeId(8), kOther).ok());
  EXPECT_FALSE(origin.worker().AddPipe(ProducerId("camera"), sfu::PipeId(7), kOther).ok());
  EXPECT_FALSE(other.worker().AddPipe(ProducerId("camera"), sfu::PipeId(8), kOrigin).ok());
}

}  // namespace
}  // namespace jb::scenario
