// SPDX-License-Identifier: Apache-2.0
// Commands in any order, with media flowing: clear errors, and nothing left behind.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "scenario/call.h"

namespace jb::scenario {
namespace {

using sfu::MediaKind;
using sfu::TransportDirection;

TEST(LifecycleTest, CommandsOnWhatIsNotThereSayWhatIsMissing) {
  World world;
  sfu::Worker& w = world.worker();
  const Time now = world.now();
  const TransportId t("t");
  const ProducerId p("p");
  const ConsumerId c("c");
  const json::value none = json::object();
  EXPECT_EQ(w.ConnectTransport(t, none, now).error().code, "transport_not_found");
  EXPECT_EQ(w.RestartIce(t, now).error().code, "transport_not_found");
  EXPECT_EQ(w.Produce(t, p, MediaKind::kAudio, none, false, now).error().code, "transport_not_found");
  EXPECT_EQ(w.Consume(t, c, p, none, now).error().code, "transport_not_found");
  EXPECT_EQ(w.PauseProducer(p, now).error().code, "producer_not_found");
  EXPECT_EQ(w.ResumeProducer(p, now).error().code, "producer_not_found");
  EXPECT_EQ(w.CloseProducer(p, now).error().code, "producer_not_found");
  EXPECT_EQ(w.SetTap(p, true).error().code, "producer_not_found");
  EXPECT_EQ(w.SetSpeakerGroup(p, RoomCode("r")).error().code, "producer_not_found");
  EXPECT_EQ(w.PauseConsumer(c, now).error().code, "consumer_not_found");
  EXPECT_EQ(w.ResumeConsumer(c, now).error().code, "consumer_not_found");
  EXPECT_EQ(w.CloseConsumer(c, now).error().code, "consumer_not_found");
  EXPECT_EQ(w.RequestKeyFrame(c, now).error().code, "consumer_not_found");
  EXPECT_EQ(w.SetPreferredLayers(c, 0, std::nullopt, now).error().code, "consumer_not_found");
  w.CloseTransport(t, now);
  w.InjectOpus(p, Bytes(3), 0, false, 0, false, now);
}

TEST(LifecycleTest, WhatDoesNotFitIsRefusedWithItsReason) {
  Call call;
  sfu::Worker& w = call.world.worker();
  const Time now = call.world.now();
  call.Microphone();
  SenderOptions options;
  options.ssrc = 5000;
  options.rtx_ssrc = 5001;
  options.mid = "5";
  const json::value good = VideoParameters(options);
  const ProducerId p("p");
  const auto produce = [&](const json::value& parameters, MediaKind kind = MediaKind::kVideo) {
    const auto result = w.Produce(call.alice.id(), p, kind, parameters, false, now);
    return result.ok() ? "" : result.error().code;
  };
  EXPECT_EQ(w.Produce(call.bob.id(), p, MediaKind::kVideo, good, false, now).error().code, "wrong_direction");
  EXPECT_EQ(produce(json::value()), "invalid_parameters");
  EXPECT_EQ(produce(good, MediaKind::kAudio), "invalid_parameters");
  SenderOptions same_mid = options;
  same_mid.mid = "0";
  EXPECT_EQ(produce(VideoParameters(same_mid)), "invalid_parameters");
  SenderOptions same_ssrc = options;
  same_ssrc.ssrc = 1001;
  EXPECT_EQ(produce(VideoParameters(same_ssrc)), "invalid_parameters");
  EXPECT_EQ(w.stats().producers, 1u);
  EXPECT_EQ(produce(good), "");
  EXPECT_EQ(produce(good), "invalid_parameters");  // the id is taken

  const ConsumerId c("c");
  const json::value caps = RecvCapabilities(w);
  EXPECT_EQ(w.Consume(call.alice.id(), c, p, caps, now).error().code, "wrong_direction");
  EXPECT_EQ(w.Consume(call.bob.id(), c, ProducerId("x"), caps, now).error().code, "producer_not_found");
  EXPECT_EQ(w.Consume(call.bob.id(), c, p, json::object(), now).error().code, "cannot_consume");
  EXPECT_EQ(w.Consume(call.bob.id(), c, p, json::value(5), now).error().code, "invalid_parameters");
  EXPECT_TRUE(w.Consume(call.bob.id(), c, p, caps, now).ok());
  EXPECT_EQ(w.Consume(call.bob.id(), c, p, caps, now).error().code, "invalid_parameters");
  EXPECT_TRUE(w.SetPreferredLayers(c, 0, 0, now).ok());
  EXPECT_EQ(w.SetPreferredLayers(c, 1, std::nullopt, now).error().code, "invalid_parameters");
  EXPECT_EQ(w.CreateTransport(call.alice.id(), TransportDirection::kSend, now).error().code, "invalid_parameters");
  EXPECT_EQ(w.SetTap(p, true).error().code, "invalid_parameters");
  EXPECT_EQ(w.ProduceSynthetic(p, "cname", now).error().code, "invalid_parameters");
  EXPECT_EQ(w.ProduceSynthetic(ProducerId("v"), "", now).error().code, "invalid_parameters");
}

TEST(LifecycleTest, NoSsrcIsEverGivenOutTwiceOnOneTransport) {
  Call call;
  call.Microphone();
  call.Camera();
  call.Connect();
  sfu::Worker& worker = call.world.worker();
  const json::value caps = RecvCapabilities(worker);
  std::set<std::int64_t> seen;
  for (int i = 0; i < 100; ++i) {
    const ConsumerId id("again");
    const auto consumed =
        worker.Consume(call.bob.id(), id, ProducerId(i % 2 ? "mic" : "camera"), caps, call.world.now());
    ASSERT_TRUE(consumed.ok());
    const json::value described = *consumed;
    const json::value& encoding = GetArray(*GetMember(described, "rtpParameters"), "encodings")->front();
    EXPECT_TRUE(seen.insert(*GetInt(encoding, "ssrc")).second);
    if (const json::value* rtx = GetMember(encoding, "rtx")) EXPECT_TRUE(seen.insert(*GetInt(*rtx, "ssrc")).second);
    ASSERT_TRUE(worker.CloseConsumer(id, call.world.now()).ok());
  }
}

TEST(LifecycleTest, ConsumersAreCreatedPausedWithMidsThatCount) {
  Call call;
  call.Microphone();
  for (int i = 0; i < 3; ++i) {
    call.Watch("mic");
    EXPECT_EQ(GetString(*GetMember(call.last_consumed, "rtpParameters"), "mid"), std::to_string(i));
    EXPECT_EQ(GetString(call.last_consumed, "type"), "simple");
    EXPECT_EQ(GetString(call.last_consumed, "kind"), "audio");
    EXPECT_EQ(GetString(call.last_consumed, "producerId"), "mic");
    EXPECT_EQ(GetBool(call.last_consumed, "producerPaused"), false);
  }
  const json::value caps = RecvCapabilities(call.world.worker());
  ASSERT_TRUE(
      call.world.worker().Consume(call.bob.id(), ConsumerId("p"), ProducerId("mic"), caps, call.world.now()).ok());
  SenderOptions options;
  options.video = false;
  options.ssrc = 1001;
  MediaSender& mic = call.AddSender(options);
  call.Connect();
  const auto before = call.world.worker().stats().packets_out;
  mic.SendOpus();
  call.world.Run(100ms);
  EXPECT_EQ(call.world.worker().stats().packets_out, before + 3);  // three resumed, one still paused
}

TEST(LifecycleTest, LimitsAreEnforced) {
  sfu::WorkerConfig config;
  config.max_transports = 2;
  config.max_producers_per_transport = 1;
  config.max_consumers_per_transport = 1;
  World world(1, std::move(config));
  sfu::Worker& w = world.worker();
  ASSERT_TRUE(w.CreateTransport(TransportId("s"), TransportDirection::kSend, world.now()).ok());
  ASSERT_TRUE(w.CreateTransport(TransportId("r"), TransportDirection::kRecv, world.now()).ok());
  EXPECT_EQ(w.CreateTransport(TransportId("x"), TransportDirection::kRecv, world.now()).error().code, "limit_reached");
  SenderOptions options;
  options.video = false;
  options.ssrc = 1;
  ASSERT_TRUE(
      w.Produce(TransportId("s"), ProducerId("p"), MediaKind::kAudio, AudioParameters(options), false, world.now())
          .ok());
  options.mid = "1";
  options.ssrc = 2;
  EXPECT_EQ(
      w.Produce(TransportId("s"), ProducerId("q"), MediaKind::kAudio, AudioParameters(options), false, world.now())
          .error()
          .code,
      "limit_reached");
  const json::value caps = RecvCapabilities(w);
  ASSERT_TRUE(w.Consume(TransportId("r"), ConsumerId("c"), ProducerId("p"), caps, world.now()).ok());
  EXPECT_EQ(w.Consume(TransportId("r"), ConsumerId("d"), ProducerId("p"), caps, world.now()).error().code,
            "limit_reached");
}

TEST(LifecycleTest, ClosingTheSendersTransportClosesEverybodysConsumers) {
  Call call;
  call.Microphone();
  call.Camera();
  call.Watch("mic");
  call.Watch("camera");
  call.Connect();
  call.world.worker().CloseTransport(call.alice.id(), call.world.now());
  EXPECT_EQ(call.world.EventsOf<sfu::ConsumerClosed>().size(), 2u);
  EXPECT_EQ(call.world.worker().stats().producers, 0u);
  EXPECT_EQ(call.world.worker().stats().consumers, 0u);
}

// Everything that can be done, in random order, with packets in the air.
class RandomLife {
 public:
  explicit RandomLife(std::uint64_t seed) : random_(seed), world_(seed) {}

  void Run(int steps) {
    for (int i = 0; i < steps; ++i) {
      Act();
      Speak();
      world_.Run(Duration(random_.Between(0, 60'000)));
    }
  }
  void TearDown() {
    while (!peers_.empty()) ClosePeer(random_.Between(0, static_cast<std::uint32_t>(peers_.size()) - 1));
    while (!producers_.empty()) {
      const std::size_t at = random_.Between(0, static_cast<std::uint32_t>(producers_.size()) - 1);
      static_cast<void>(world_.worker().CloseProducer(producers_[at], world_.now()));
      producers_.erase(producers_.begin() + static_cast<std::ptrdiff_t>(at));
    }
    world_.Run(2s);
    const sfu::WorkerStats stats = world_.worker().stats();
    EXPECT_EQ(stats.transports, 0u);
    EXPECT_EQ(stats.producers, 0u);
    EXPECT_EQ(stats.consumers, 0u);
    EXPECT_EQ(world_.worker().NextDeadline(), std::nullopt);
  }
  World& world() { return world_; }

 private:
  struct Peer {
    std::unique_ptr<TestPeer> client;
    TransportDirection direction;
    std::vector<std::unique_ptr<MediaSender>> senders;
  };

  template <class T>
  const T* Pick(const std::vector<T>& from) {
    return from.empty() ? nullptr : &from[random_.Between(0, static_cast<std::uint32_t>(from.size()) - 1)];
  }

  void Act() {
    sfu::Worker& w = world_.worker();
    const Time now = world_.now();
    const auto* producer = Pick(producers_);
    const auto* consumer = Pick(consumers_);
    switch (random_.Between(0, 15)) {
      case 0: return OpenPeer();
      case 1:
      case 2: return Produce();
      case 3:
      case 4:
      case 5: return Consume();
      case 6: return producer ? static_cast<void>(w.PauseProducer(*producer, now)) : OpenPeer();
      case 7: return producer ? static_cast<void>(w.ResumeProducer(*producer, now)) : OpenPeer();
      case 8: return consumer ? static_cast<void>(w.PauseConsumer(*consumer, now)) : OpenPeer();
      case 9: return consumer ? static_cast<void>(w.ResumeConsumer(*consumer, now)) : OpenPeer();
      case 10: return consumer ? static_cast<void>(w.RequestKeyFrame(*consumer, now)) : OpenPeer();
      case 11:
        return producer && random_.Between(0, 2) == 0 ? static_cast<void>(w.CloseProducer(*producer, now)) : OpenPeer();
      case 12:
        return consumer && random_.Between(0, 2) == 0 ? static_cast<void>(w.CloseConsumer(*consumer, now)) : OpenPeer();
      case 13: return Voice();
      case 14: return Restart();
      default:
        if (peers_.size() > 3) ClosePeer(random_.Between(0, static_cast<std::uint32_t>(peers_.size()) - 1));
    }
  }

  void OpenPeer() {
    if (peers_.size() >= 6) return;
    Peer peer;
    peer.direction = random_.Between(0, 1) ? TransportDirection::kSend : TransportDirection::kRecv;
    const std::string id = "t" + std::to_string(next_++);
    peer.client = std::make_unique<TestPeer>(world_, id, peer.direction,
                                             UdpTuple("198.51.100.1", static_cast<std::uint16_t>(50'000 + next_)));
    peer.client->keep_received = false;
    if (random_.Between(0, 3) > 0) peer.client->Connect();
    peers_.push_back(std::move(peer));
  }

  void Produce() {
    for (Peer& peer : peers_) {
      if (peer.direction != TransportDirection::kSend || random_.Between(0, 1)) continue;
      SenderOptions options;
      options.video = random_.Between(0, 1) != 0;
      options.ssrc = 1'000'000 + 2 * next_;
      options.rtx_ssrc = options.ssrc + 1;
      options.mid = std::to_string(next_);
      options.declare_ssrc = random_.Between(0, 1) != 0;
      options.first_sequence = static_cast<std::uint16_t>(random_.U32());
      const ProducerId id("p" + std::to_string(next_++));
      const json::value parameters = options.video ? VideoParameters(options) : AudioParameters(options);
      const MediaKind kind = options.video ? MediaKind::kVideo : MediaKind::kAudio;
      ASSERT_TRUE(world_.worker().Produce(peer.client->id(), id, kind, parameters, false, world_.now()).ok());
      producers_.push_back(id);
      if (!options.video) {
        static_cast<void>(world_.worker().SetTap(id, true));
        static_cast<void>(world_.worker().SetSpeakerGroup(id, RoomCode("room")));
      }
      peer.senders.push_back(std::make_unique<MediaSender>(*peer.client, options));
      return;
    }
  }

  void Consume() {
    const auto* producer = Pick(producers_);
    if (!producer) return;
    for (Peer& peer : peers_) {
      if (peer.direction != TransportDirection::kRecv || random_.Between(0, 1)) continue;
      const ConsumerId id("c" + std::to_string(next_++));
      const json::value caps = RecvCapabilities(world_.worker());
      if (!world_.worker().Consume(peer.client->id(), id, *producer, caps, world_.now()).ok()) continue;
      static_cast<void>(world_.worker().ResumeConsumer(id, world_.now()));
      consumers_.push_back(id);
    }
  }

  void Voice() {
    const ProducerId id("v" + std::to_string(next_++));
    ASSERT_TRUE(world_.worker().ProduceSynthetic(id, "cname", world_.now()).ok());
    producers_.push_back(id);
    voices_.push_back(id);
  }

  void Restart() {
    for (Peer& peer : peers_) {
      if (random_.Between(0, 2)) continue;
      const auto restarted = world_.worker().RestartIce(peer.client->id(), world_.now());
      if (!restarted.ok() || random_.Between(0, 1)) continue;
      const json::value answer = *restarted;
      peer.client->UseIceParameters(*GetMember(answer, "iceParameters"));
    }
  }

  void Speak() {
    for (Peer& peer : peers_) {
      for (auto& sender : peer.senders) {
        if (sender->options().video) {
          sender->SendFrame(random_.Between(0, 4) == 0, 2, 300);
        } else {
          sender->SendOpus();
        }
      }
    }
    for (const ProducerId& voice : voices_) {
      world_.worker().InjectOpus(voice, Bytes(30, 1), next_ * 960, false, -30, true, world_.now());
    }
  }

  void ClosePeer(std::size_t at) {
    world_.worker().CloseTransport(peers_[at].client->id(), world_.now());
    peers_.erase(peers_.begin() + static_cast<std::ptrdiff_t>(at));
  }

  testing::SeededRandom random_;
  World world_;
  std::vector<Peer> peers_;
  std::vector<ProducerId> producers_, voices_;
  std::vector<ConsumerId> consumers_;
  std::uint32_t next_ = 1;
};

TEST(LifecycleTest, AnyOrderOfCommandsEndsWithNothingLeft) {
  std::uint64_t forwarded = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    SCOPED_TRACE(seed);
    RandomLife life(seed);
    life.world().lose_up = [&](const Tuple&, ByteView) {
      return seed % 3 == 0 && life.world().random().Between(0, 9) == 0;
    };
    life.Run(60);
    forwarded += life.world().worker().stats().packets_out;
    life.TearDown();
    if (::testing::Test::HasFailure()) return;
  }
  EXPECT_GT(forwarded, 10'000u);
}

TEST(LifecycleTest, AWorkerMayGoAwayWithEverythingOpen) {
  for (std::uint64_t seed = 1000; seed < 1020; ++seed) {
    RandomLife life(seed);
    life.Run(40);
  }
}

}  // namespace
}  // namespace jb::scenario
