// SPDX-License-Identifier: Apache-2.0
// Each receiver its own layers: simulcast and SVC through the whole SFU, judged picture by picture.
#include <gtest/gtest.h>

#include <algorithm>

#include "proto/rtcp/remb.h"
#include "scenario/layered_viewer.h"

namespace jb::scenario {
namespace {

using media::Layers;

// One who watches.
struct Seat {
  ConsumerId consumer;
  MediaReceiver* receiver;
  LayeredViewer viewer;
};

class Theatre {
 public:
  explicit Theatre(CameraShape shape, CameraOptions options = {}, std::uint64_t seed = 1)
      : call(seed), camera(call, std::move(shape), std::move(options)) {
    call.bob.keep_received = false;
  }

  Seat& Sit(BandwidthFeedback feedback = BandwidthFeedback::kNone) {
    MediaReceiver& receiver = call.Watch(camera.producer().value(), RecvCapabilities(call.world.worker(), feedback));
    seats_.push_back({call.last_consumer, &receiver, LayeredViewer(receiver, camera.shape())});
    return seats_.back();
  }
  void Film(int pictures) {
    for (int i = 0; i < pictures; ++i) {
      camera.Capture();
      for (int step = 0; step < 3; ++step) {
        call.world.Run(LayeredCamera::kInterval / 3);
        Look();
      }
    }
  }
  void Settle() {
    for (int i = 0; i < 200; ++i) {
      call.world.Run(10ms);
      Look();
    }
  }
  void Prefer(const Seat& seat, Layers layers) {
    ASSERT_TRUE(call.world.worker()
                    .SetPreferredLayers(seat.consumer, layers.spatial, layers.temporal, call.world.now())
                    .ok());
  }
  // Films until the change has had its time, and says what is seen then.
  std::optional<Layers> SeenAfter(Seat& seat, int pictures) {
    Film(pictures - 40);
    seat.viewer.LookAfresh(call.world.now());
    Film(40);  // eight pictures of the lowest temporal layer, and some
    return seat.viewer.Seen();
  }
  Layers Top() const {
    return {static_cast<std::uint8_t>(camera.shape().SpatialLayers() - 1),
            static_cast<std::uint8_t>(camera.shape().temporal - 1)};
  }
  Layers AnyLayers() {
    const Layers top = Top();
    return {static_cast<std::uint8_t>(call.world.random().Between(0, top.spatial)),
            static_cast<std::uint8_t>(call.world.random().Between(0, top.temporal))};
  }
  std::vector<sfu::ConsumerLayersChanged> EventsFor(const Seat& seat) const {
    auto events = call.world.EventsOf<sfu::ConsumerLayersChanged>();
    std::erase_if(events, [&](const auto& event) { return event.consumer != seat.consumer; });
    return events;
  }

  Call call;
  LayeredCamera camera;

 private:
  void Look() {
    for (Seat& seat : seats_) {
      seat.receiver->Poll();
      seat.viewer.Look(call.world.now());
    }
  }
  std::deque<Seat> seats_;
};

// A stream that a decoder has nothing to complain of.
void ExpectFlawless(const LayeredViewer& viewer, bool ids_without_gap = true) {
  EXPECT_GT(viewer.pictures, 0u);
  EXPECT_EQ(viewer.broken, 0u);
  EXPECT_EQ(viewer.cut, 0u);
  EXPECT_EQ(viewer.gaps + viewer.key_gaps, 0u);
  EXPECT_EQ(viewer.markers, 0u);
  EXPECT_EQ(viewer.mixed, 0u);
  EXPECT_EQ(viewer.backwards, 0u);
  EXPECT_EQ(viewer.misnumbered, 0u);
  EXPECT_EQ(viewer.bad_switches, 0u);
  if (ids_without_gap) EXPECT_EQ(viewer.left_ids, 0u);
}

class LayersTest : public ::testing::TestWithParam<CameraShape> {};

TEST_P(LayersTest, WhoPrefersNothingIsSentEverything) {
  Theatre theatre(GetParam());
  Seat& seat = theatre.Sit();
  theatre.call.Connect();
  EXPECT_EQ(theatre.SeenAfter(seat, 120), theatre.Top());
  ExpectFlawless(seat.viewer);
  EXPECT_EQ(seat.receiver->wrong_mid, 0u);
  const auto events = theatre.EventsFor(seat);
  ASSERT_FALSE(events.empty());
  EXPECT_EQ(events.back().spatial_layer, theatre.Top().spatial);
  EXPECT_EQ(events.back().temporal_layer, theatre.Top().temporal);
}

TEST_P(LayersTest, PreferredLayersAreFollowedUpAndDownInOneStream) {
  Theatre theatre(GetParam());
  Seat& seat = theatre.Sit();
  theatre.call.Connect();
  theatre.Film(30);
  for (int round = 0; round < 12; ++round) {
    const Layers wanted = theatre.AnyLayers();
    theatre.Prefer(seat, wanted);
    EXPECT_EQ(theatre.SeenAfter(seat, 110), wanted) << round << ": " << int{wanted.spatial} << int{wanted.temporal};
    EXPECT_EQ(theatre.EventsFor(seat).back().spatial_layer, wanted.spatial);
    EXPECT_EQ(theatre.EventsFor(seat).back().temporal_layer, wanted.temporal);
  }
  ExpectFlawless(seat.viewer);
  EXPECT_EQ(seat.receiver->duplicates, 0u);
  // Two encodings lie within 75 ms of each other, or the switch waits; one frame more where they touch.
  EXPECT_LE(seat.viewer.timestamp_spread(), 110ms);
}

TEST_P(LayersTest, EachReceiverHasItsOwnLayers) {
  Theatre theatre(GetParam());
  Seat& low = theatre.Sit();
  Seat& high = theatre.Sit();
  Seat& middle = theatre.Sit();
  theatre.Prefer(low, {0, 0});
  theatre.Prefer(middle, {theatre.Top().spatial, 1});
  theatre.call.Connect();
  theatre.Film(80);
  for (Seat* seat : {&low, &high, &middle}) seat->viewer.LookAfresh(theatre.call.world.now());
  theatre.Film(40);
  EXPECT_EQ(low.viewer.Seen(), (Layers{0, 0}));
  EXPECT_EQ(high.viewer.Seen(), theatre.Top());
  EXPECT_EQ(middle.viewer.Seen(), (Layers{theatre.Top().spatial, 1}));
  for (Seat* seat : {&low, &high, &middle}) ExpectFlawless(seat->viewer);
}

TEST_P(LayersTest, LossAndReorderingOnTheWayInAreRepairedBeforeTheyShow) {
  CameraOptions options;
  options.packets = {1, 1, 2};  // so that a key frame that is late finds all that overtook it
  Theatre theatre(GetParam(), options);
  Seat& seat = theatre.Sit();
  theatre.call.Connect();
  theatre.Film(30);
  testing::NetemProfile network = testing::CleanNetwork();
  network.latency = 15ms;
  network.loss = 0.03;
  network.reorder = 0.02;
  network.reorder_lead = 5ms;
  theatre.call.world.set_network(network);
  for (int round = 0; round < 20; ++round) {
    theatre.Prefer(seat, theatre.AnyLayers());
    theatre.Film(90);
  }
  theatre.call.world.set_network({.latency = 10ms});
  theatre.Settle();
  theatre.Prefer(seat, theatre.Top());
  EXPECT_EQ(theatre.SeenAfter(seat, 150), theatre.Top());
  EXPECT_GT(theatre.call.world.worker().stats().recovered, 20u);
  EXPECT_EQ(seat.viewer.gaps, 0u);
  EXPECT_EQ(seat.viewer.broken, 0u);
  EXPECT_EQ(seat.viewer.mixed, 0u);
  EXPECT_EQ(seat.viewer.backwards, 0u);
  EXPECT_EQ(seat.viewer.bad_switches, 0u);
  EXPECT_EQ(seat.viewer.misnumbered, 0u);
  EXPECT_EQ(seat.receiver->differing, 0u);
  // The tail of an encoding that was left may never come: before the key picture of the next, nowhere else.
  EXPECT_LE(seat.viewer.cut, seat.viewer.switches);
  EXPECT_LE(seat.viewer.markers, seat.viewer.switches);
  EXPECT_LE(seat.viewer.key_gaps, 10u);
  EXPECT_LE(seat.viewer.spoilt, 20u);
}

TEST_P(LayersTest, WhatIsSentAgainIsWhatWasSent) {
  Theatre theatre(GetParam());
  Seat& seat = theatre.Sit();
  theatre.call.Connect();
  theatre.Film(60);
  theatre.Prefer(seat, {theatre.Top().spatial, 1});
  theatre.Film(60);
  for (std::int64_t number = seat.receiver->payloads.rbegin()->first, i = 0; i < 25; ++i) {
    seat.receiver->SendNack(static_cast<std::uint16_t>(number - i));
  }
  theatre.Settle();
  EXPECT_EQ(seat.receiver->rtx_packets, 25u);
  EXPECT_EQ(seat.receiver->duplicates, 25u);
  EXPECT_EQ(seat.receiver->differing, 0u);
  ExpectFlawless(seat.viewer);
}

TEST_P(LayersTest, APausedConsumerGoesOnWhereItWasWithTheLayersOfThen) {
  Theatre theatre(GetParam());
  Seat& seat = theatre.Sit();
  theatre.call.Connect();
  theatre.Film(60);
  sfu::Worker& worker = theatre.call.world.worker();
  ASSERT_TRUE(worker.PauseConsumer(seat.consumer, theatre.call.world.now()).ok());
  const std::uint64_t sent = worker.stats().packets_out;
  theatre.Prefer(seat, {0, 1});
  theatre.Film(60);
  EXPECT_EQ(worker.stats().packets_out, sent);
  ASSERT_TRUE(worker.ResumeConsumer(seat.consumer, theatre.call.world.now()).ok());
  EXPECT_EQ(theatre.SeenAfter(seat, 120), (Layers{0, 1}));
  ExpectFlawless(seat.viewer);
  EXPECT_EQ(theatre.EventsFor(seat).back().spatial_layer, 0);
  EXPECT_EQ(theatre.EventsFor(seat).back().temporal_layer, 1);
}

TEST_P(LayersTest, APausedProducerGoesOnWithoutAGap) {
  Theatre theatre(GetParam());
  Seat& seat = theatre.Sit();
  theatre.call.Connect();
  theatre.Film(60);
  sfu::Worker& worker = theatre.call.world.worker();
  ASSERT_TRUE(worker.PauseProducer(theatre.camera.producer(), theatre.call.world.now()).ok());
  theatre.Film(60);
  ASSERT_TRUE(worker.ResumeProducer(theatre.camera.producer(), theatre.call.world.now()).ok());
  EXPECT_EQ(theatre.SeenAfter(seat, 120), theatre.Top());
  ExpectFlawless(seat.viewer);
}

TEST_P(LayersTest, ALayerLeftOutThatComesLateLeavesNoGap) {
  Theatre theatre(GetParam());
  Seat& seat = theatre.Sit();
  theatre.Prefer(seat, {theatre.Top().spatial, 1});
  theatre.call.Connect();
  theatre.Film(60);
  // One packet in five is lost on its way in, for a while: some were for this receiver and some were not, and nobody
  // can tell before they come again.
  theatre.call.world.lose_up = [dice = testing::SeededRandom(3)](const Tuple& from, ByteView datagram) mutable {
    return from == UdpTuple("198.51.100.1", 50001) && datagram.size() > 100 && dice.Between(0, 4) == 0;
  };
  theatre.Film(120);
  theatre.call.world.lose_up = [](const Tuple&, ByteView) { return false; };
  theatre.Settle();
  theatre.Film(30);
  EXPECT_GT(seat.viewer.empty, 0u) << "numbers kept for what was not wanted are filled";
  ExpectFlawless(seat.viewer, /*ids_without_gap=*/false);
}

INSTANTIATE_TEST_SUITE_P(All, LayersTest,
                         ::testing::Values(Vp8Simulcast(), Vp8SimulcastBySsrc(), Vp8Temporal(), H264Temporal(), Vp9Svc(),
                                           Vp9KeySvc(), Av1Svc(), Av1KeySvc()),
                         [](const auto& info) { return info.param.name; });

// --- numbers ---

TEST(LayeredNumbersTest, SevenBitPictureIdsBecomeLongOnes) {
  CameraOptions options;
  options.start.short_picture_id = true;
  options.start.picture_id = 120;
  Theatre theatre(Vp8Simulcast(), options);
  Seat& seat = theatre.Sit();
  theatre.call.Connect();
  for (int round = 0; round < 6; ++round) {
    theatre.Prefer(seat, theatre.AnyLayers());
    theatre.Film(90);
  }
  ExpectFlawless(seat.viewer);
}

TEST(LayeredNumbersTest, WithoutSenderReportsTimeGoesForwardsAtItsPace) {
  CameraOptions options;
  options.sends_reports = false;
  Theatre theatre(Vp8Simulcast(), options);
  Seat& seat = theatre.Sit();
  theatre.call.Connect();
  for (int round = 0; round < 8; ++round) {
    theatre.Prefer(seat, {static_cast<std::uint8_t>(round % 3), 2});
    theatre.Film(90);
  }
  ExpectFlawless(seat.viewer);
  EXPECT_GE(seat.viewer.switches, 7u);
  EXPECT_LE(seat.viewer.timestamp_spread(), 40ms * (seat.viewer.switches + 1));
}

TEST(LayeredNumbersTest, AConsumerOfOneEncodingSeesTheSendersPictureIds) {
  // So that what goes to it need not be patched: nothing was left out yet.
  CameraOptions options;
  options.start.picture_id = 500;
  Theatre theatre(Vp8Temporal(), options);
  Seat& seat = theatre.Sit();
  theatre.call.Connect();
  theatre.Film(40);
  ASSERT_FALSE(seat.receiver->payloads.empty());
  const auto first = media::vp8::Parse(seat.receiver->payloads.begin()->second);
  ASSERT_TRUE(first && first->picture_id);
  EXPECT_EQ(*first->picture_id, 500);
}

// --- key frames ---

TEST(LayerSwitchTest, ReceiversThatSwitchTogetherAskForOneKeyFrame) {
  Theatre theatre(Vp8Simulcast());
  std::vector<Seat*> seats;
  for (int i = 0; i < 5; ++i) seats.push_back(&theatre.Sit());
  for (Seat* seat : seats) theatre.Prefer(*seat, {0, 2});
  theatre.call.Connect();
  theatre.Film(90);
  std::array<std::size_t, 3> before{};
  for (std::size_t i = 0; i < 3; ++i) before[i] = theatre.camera.sender(i).plis;
  for (Seat* seat : seats) theatre.Prefer(*seat, {2, 2});
  theatre.Film(60);
  EXPECT_EQ(theatre.camera.sender(0).plis, before[0]);
  EXPECT_EQ(theatre.camera.sender(1).plis, before[1]);
  EXPECT_EQ(theatre.camera.sender(2).plis, before[2] + 1);
  for (Seat* seat : seats) {
    EXPECT_EQ(seat->viewer.Seen(), (Layers{2, 2}));
    EXPECT_LE(seat->viewer.longest_freeze, 150ms);
  }
}

TEST(LayerSwitchTest, UntilTheKeyFrameComesTheOldEncodingGoesOn) {
  Theatre theatre(Vp8Simulcast());
  Seat& seat = theatre.Sit();
  theatre.Prefer(seat, {0, 2});
  theatre.call.Connect();
  EXPECT_EQ(theatre.SeenAfter(seat, 90), (Layers{0, 2}));
  const std::size_t before = theatre.camera.sender(2).plis;
  theatre.camera.set_answers_requests(false);
  theatre.Prefer(seat, {2, 2});
  EXPECT_EQ(theatre.SeenAfter(seat, 150), (Layers{0, 2}));  // five seconds
  EXPECT_GE(theatre.camera.sender(2).plis, before + 2) << "asks again";
  EXPECT_LE(theatre.camera.sender(2).plis, before + 6) << "no more than once a second";
  EXPECT_LE(seat.viewer.longest_freeze, 100ms);
  theatre.camera.set_answers_requests(true);
  EXPECT_EQ(theatre.SeenAfter(seat, 60), (Layers{2, 2}));
  EXPECT_LE(seat.viewer.longest_freeze, 150ms);
  ExpectFlawless(seat.viewer);
}

TEST(LayerSwitchTest, WhoMustGoDownIsSentLessUntilTheKeyFrameComes) {
  Theatre theatre(Vp8Simulcast());
  Seat& seat = theatre.Sit();
  theatre.call.Connect();
  theatre.Film(90);
  theatre.camera.set_answers_requests(false);
  theatre.Prefer(seat, {0, 2});
  EXPECT_EQ(theatre.SeenAfter(seat, 90), (Layers{2, 0}));
  theatre.camera.set_answers_requests(true);
  EXPECT_EQ(theatre.SeenAfter(seat, 90), (Layers{0, 2}));
  ExpectFlawless(seat.viewer);
}

class KeyFrameWithTemplates : public ::testing::TestWithParam<CameraShape> {};

// The packet with the templates is lost: those behind it cannot be told apart until it comes again.
TEST_P(KeyFrameWithTemplates, LostAtTheBeginningOfAKeyFrameTheyHoldBackOnlyWhatNeedsThem) {
  Theatre theatre(GetParam());
  Seat& seat = theatre.Sit();
  theatre.call.Connect();
  theatre.Film(30);
  for (int round = 0; round < 5; ++round) {
    theatre.call.world.lose_up = [lost = false](const Tuple& from, ByteView datagram) mutable {
      return from == UdpTuple("198.51.100.1", 50001) && datagram.size() > 100 && !std::exchange(lost, true);
    };
    seat.receiver->SendPli();
    theatre.call.world.Run(40ms);
    theatre.Film(40);
  }
  theatre.Settle();
  EXPECT_GE(theatre.call.world.worker().stats().recovered, 5u);
  ExpectFlawless(seat.viewer);
  EXPECT_EQ(seat.viewer.empty, 0u);
}

INSTANTIATE_TEST_SUITE_P(All, KeyFrameWithTemplates, ::testing::Values(H264Temporal(), Av1Svc(), Av1KeySvc()),
                         [](const auto& info) { return info.param.name; });

// --- what the sender gives up ---

TEST(LayerFlowTest, AnEncodingThatStopsIsLeftAndTakenUpAgain) {
  Theatre theatre(Vp8Simulcast());
  Seat& seat = theatre.Sit();
  theatre.call.Connect();
  theatre.Film(90);
  seat.viewer.LookAfresh(theatre.call.world.now());
  theatre.camera.SwitchEncoding(2, false);
  theatre.Film(60);
  EXPECT_EQ(seat.viewer.Seen(), (Layers{1, 2}));
  EXPECT_LE(seat.viewer.longest_freeze, 700ms);
  theatre.camera.SwitchEncoding(1, false);
  theatre.Film(60);
  EXPECT_EQ(seat.viewer.Seen(), (Layers{0, 2}));
  EXPECT_LE(seat.viewer.longest_freeze, 700ms);
  seat.viewer.LookAfresh(theatre.call.world.now());
  theatre.camera.SwitchEncoding(2, true);
  theatre.Film(120);
  EXPECT_EQ(seat.viewer.Seen(), (Layers{2, 2}));
  EXPECT_LE(seat.viewer.longest_freeze, 150ms);
  ExpectFlawless(seat.viewer);
  const auto events = theatre.EventsFor(seat);
  std::vector<std::optional<std::uint8_t>> spatial;
  for (const auto& event : events) {
    if (spatial.empty() || spatial.back() != event.spatial_layer) spatial.push_back(event.spatial_layer);
  }
  ASSERT_GE(spatial.size(), 4u);
  EXPECT_EQ(std::vector(spatial.end() - 4, spatial.end()), (std::vector<std::optional<std::uint8_t>>{2, 1, 0, 2}));
}

TEST(LayerFlowTest, WhenTheUpperLayersOfSvcStopTheLowerOnesGoOn) {
  for (const CameraShape& shape : {Vp9Svc(), Av1Svc()}) {
    SCOPED_TRACE(shape.name);
    Theatre theatre(shape);
    Seat& seat = theatre.Sit();
    theatre.call.Connect();
    theatre.Film(90);
    seat.viewer.LookAfresh(theatre.call.world.now());
    theatre.camera.SetSpatialLayers(1);
    theatre.Film(90);
    EXPECT_EQ(seat.viewer.Seen(), (Layers{0, 2}));
    EXPECT_LE(seat.viewer.longest_freeze, 100ms);
    theatre.camera.SetSpatialLayers(3);
    theatre.Film(120);
    EXPECT_EQ(seat.viewer.Seen(), (Layers{2, 2}));
    ExpectFlawless(seat.viewer);
  }
}

TEST(LayerFlowTest, WhenNothingComesTheLayersAreNoneAndBackWithThePicture) {
  Theatre theatre(Vp8Simulcast());
  Seat& seat = theatre.Sit();
  theatre.call.Connect();
  theatre.Film(90);
  theatre.call.world.Run(6s);
  ASSERT_FALSE(theatre.EventsFor(seat).empty());
  EXPECT_EQ(theatre.EventsFor(seat).back().spatial_layer, std::nullopt);
  EXPECT_EQ(theatre.SeenAfter(seat, 120), (Layers{2, 2}));
  EXPECT_EQ(theatre.EventsFor(seat).back().spatial_layer, 2);
  EXPECT_EQ(theatre.EventsFor(seat).back().temporal_layer, 2);
  ExpectFlawless(seat.viewer);
}

TEST(LayerFlowTest, WhatNobodyWatchesIsNotAskedFor) {
  Theatre theatre(Vp8Simulcast());
  Seat& seat = theatre.Sit();
  theatre.Prefer(seat, {1, 2});
  theatre.call.Connect();
  theatre.Film(120);
  EXPECT_EQ(seat.viewer.Seen(), (Layers{1, 2}));
  EXPECT_EQ(theatre.camera.sender(2).plis, 0u);
}

// --- what the link carries ---

void SayBitrate(Theatre& theatre, const Seat& seat, std::uint64_t bps) {
  std::array<std::uint8_t, 64> buffer;
  ByteWriter out(buffer);
  const rtp::Ssrc about(seat.receiver->ssrc);
  rtcp::WriteRemb(out, rtp::Ssrc(1), bps, std::span(&about, 1));
  theatre.call.bob.SendRtcp(out.written());
}

// Films while the receiver says twice a second what it can take.
void FilmAt(Theatre& theatre, const Seat& seat, std::uint64_t bps, int pictures) {
  for (int i = 0; i < pictures; i += 15) {
    SayBitrate(theatre, seat, bps);
    theatre.Film(15);
  }
}

// 250, 500 and 1500 kbit/s.
CameraOptions CameraOfSomeBitrate() {
  CameraOptions options;
  options.packets = {1, 2, 6};
  options.packet_size = 1040;
  return options;
}

TEST(LinkTest, TheLinkChoosesTheLayersAndNothingIsOneOfThem) {
  Theatre theatre(Vp8Simulcast(), CameraOfSomeBitrate());
  Seat& seat = theatre.Sit(BandwidthFeedback::kRemb);
  theatre.call.Connect();
  FilmAt(theatre, seat, 5'000'000, 600);
  EXPECT_EQ(seat.viewer.Seen(), (Layers{2, 2}));
  FilmAt(theatre, seat, 110'000, 120);  // less than any picture of the middle size takes
  ASSERT_TRUE(seat.viewer.Seen());
  EXPECT_EQ(seat.viewer.Seen()->spatial, 0);
  FilmAt(theatre, seat, 30'000, 120);
  EXPECT_EQ(seat.viewer.Seen(), std::nullopt);
  EXPECT_EQ(theatre.EventsFor(seat).back().spatial_layer, std::nullopt);
  FilmAt(theatre, seat, 5'000'000, 900);
  EXPECT_EQ(seat.viewer.Seen(), (Layers{2, 2}));
  EXPECT_EQ(theatre.EventsFor(seat).back().spatial_layer, 2);
  ExpectFlawless(seat.viewer);
}

// Its base alone would fill the queue that the key frame of the smaller one has to pass.
TEST(LinkTest, ALargerPictureEndsBeforeTheSmallerOneComesWhereTheLinkDoesNotCarryItsBase) {
  Theatre theatre(Vp8Simulcast(), CameraOfSomeBitrate());
  Seat& seat = theatre.Sit(BandwidthFeedback::kRemb);
  theatre.call.Connect();
  FilmAt(theatre, seat, 5'000'000, 600);
  EXPECT_EQ(seat.viewer.Seen(), (Layers{2, 2}));
  theatre.camera.set_answers_requests(false);
  FilmAt(theatre, seat, 600'000, 30);
  seat.viewer.LookAfresh(theatre.call.world.now());
  FilmAt(theatre, seat, 600'000, 60);
  EXPECT_EQ(seat.viewer.Seen(), (Layers{2, 0})) << "it carries that";
  FilmAt(theatre, seat, 110'000, 30);
  seat.viewer.LookAfresh(theatre.call.world.now());
  FilmAt(theatre, seat, 110'000, 60);
  EXPECT_EQ(seat.viewer.Seen(), std::nullopt);
  theatre.camera.set_answers_requests(true);
  FilmAt(theatre, seat, 110'000, 90);
  ASSERT_TRUE(seat.viewer.Seen());
  EXPECT_EQ(seat.viewer.Seen()->spatial, 0);
  ExpectFlawless(seat.viewer);
}

TEST(LinkTest, APreferenceIsACapOnWhatTheLinkWouldCarry) {
  Theatre theatre(Vp8Simulcast(), CameraOfSomeBitrate());
  Seat& seat = theatre.Sit(BandwidthFeedback::kRemb);
  theatre.Prefer(seat, {1, 1});
  theatre.call.Connect();
  FilmAt(theatre, seat, 5'000'000, 300);
  EXPECT_EQ(seat.viewer.Seen(), (Layers{1, 1}));
  ExpectFlawless(seat.viewer);
}

TEST(LinkTest, ASharedScreenIsSharpBeforeItIsSmooth) {
  CameraOptions options = CameraOfSomeBitrate();
  options.content = sfu::VideoContent::kScreen;
  Theatre theatre(Vp8Simulcast(), options);
  Seat& seat = theatre.Sit(BandwidthFeedback::kRemb);
  theatre.call.Connect();
  // A camera would go smoothly in its smaller size.
  FilmAt(theatre, seat, 900'000, 600);
  ASSERT_TRUE(seat.viewer.Seen());
  EXPECT_EQ(seat.viewer.Seen()->spatial, 2);
  EXPECT_LT(seat.viewer.Seen()->temporal, 2);
  ExpectFlawless(seat.viewer);
}

// Nothing leads from an upper layer to the lowest but a key picture, and only silence tells that one is needed.
TEST(LinkTest, WhenTheUpperLayersOfKeySvcStopTheLowestIsShownAfterItsSilence) {
  for (const CameraShape& shape : {Vp9KeySvc(), Av1KeySvc()}) {
    SCOPED_TRACE(shape.name);
    Theatre theatre(shape);
    Seat& seat = theatre.Sit(BandwidthFeedback::kRemb);
    theatre.call.Connect();
    FilmAt(theatre, seat, 5'000'000, 450);
    EXPECT_EQ(seat.viewer.Seen(), (Layers{2, 2}));
    seat.viewer.LookAfresh(theatre.call.world.now());
    theatre.camera.SetSpatialLayers(1);
    FilmAt(theatre, seat, 5'000'000, 150);
    EXPECT_EQ(seat.viewer.Seen(), (Layers{0, 2}));
    EXPECT_LE(seat.viewer.longest_freeze, 2s);
    theatre.camera.SetSpatialLayers(3);
    FilmAt(theatre, seat, 5'000'000, 450);
    EXPECT_EQ(seat.viewer.Seen(), (Layers{2, 2}));
    ExpectFlawless(seat.viewer);
  }
}

// --- long ---

TEST(LayersForHoursTest, NoStreamGetsStuckWhateverIsAskedFor) {
  CameraOptions options;
  options.packets = {1, 1, 1};
  options.packet_size = 60;
  Theatre theatre(Vp8Simulcast(), options, 7);
  Seat& seat = theatre.Sit();
  theatre.call.Connect();
  sfu::Worker& worker = theatre.call.world.worker();
  Random& dice = theatre.call.world.random();
  const Time end = theatre.call.world.now() + 4h;
  bool paused = false;
  while (theatre.call.world.now() < end) {
    const Time now = theatre.call.world.now();
    switch (dice.Between(0, 9)) {
      case 0: theatre.camera.SwitchEncoding(dice.Between(1, 2), dice.Between(0, 1) != 0); break;
      case 1:
        paused = !paused;
        EXPECT_TRUE((paused ? worker.PauseConsumer(seat.consumer, now) : worker.ResumeConsumer(seat.consumer, now)).ok());
        break;
      case 2: seat.receiver->SendPli(); break;
      default: theatre.Prefer(seat, theatre.AnyLayers()); break;
    }
    // Most of the time little happens: four pictures a second are enough to keep everything flowing.
    const int seconds = static_cast<int>(dice.Between(1, 20));
    for (int i = 0; i < 4 * seconds; ++i) {
      theatre.camera.Capture();
      theatre.call.world.Run(250ms);
      seat.receiver->Poll();
      seat.viewer.Look(theatre.call.world.now());
    }
    if (paused) continue;
    if (seconds < 8) continue;
    theatre.Film(40);
    ASSERT_TRUE(seat.viewer.Seen()) << "stuck at " << (end - theatre.call.world.now()) / 1s << " s before the end";
  }
  EXPECT_EQ(seat.viewer.broken, 0u);
  EXPECT_EQ(seat.viewer.gaps, 0u);
  EXPECT_EQ(seat.viewer.backwards, 0u);
  EXPECT_EQ(seat.viewer.misnumbered, 0u);
  EXPECT_GT(seat.viewer.switches, 200u);
}

}  // namespace
}  // namespace jb::scenario
