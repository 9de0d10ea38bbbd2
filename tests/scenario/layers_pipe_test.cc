// SPDX-License-Identifier: Apache-2.0
// Layers across a pipe: everything a camera sends crosses once, with its dependency descriptors, and receivers on the
// other worker choose among it as those on its own do.
#include <gtest/gtest.h>

#include <deque>

#include "scenario/layered_viewer.h"

namespace jb::scenario {
namespace {

using media::Layers;

const sfu::WorkerIndex kOrigin(0), kOther(1);
const sfu::PipeId kPipe(7);

class LayersPipeTest : public ::testing::TestWithParam<CameraShape> {
 protected:
  struct Seat {
    ConsumerId consumer;
    MediaReceiver receiver;
    LayeredViewer viewer;
    Seat(TestPeer& peer, ConsumerId id, const json::value& consumed, const CameraShape& shape)
        : consumer(std::move(id)), receiver(peer, consumed), viewer(receiver, shape) {}
  };

  LayersPipeTest()
      : other(2),
        camera(call, GetParam()),
        zoe(other, "zoe-recv", sfu::TransportDirection::kRecv, UdpTuple("198.51.100.3", 50003)) {
    call.world.on_pipe = [this](sfu::WorkerIndex, const sfu::PipeMessage& message) { Cross(other, message); };
    other.on_pipe = [this](sfu::WorkerIndex, const sfu::PipeMessage& message) { Cross(call.world, message); };
    zoe.keep_received = false;
    zoe.on_rtp = [this](const ReceivedRtp& packet) {
      for (Seat& seat : seats_) seat.receiver.HandlePacket(packet);
    };
    call.Connect();
    zoe.Connect();
    const auto description = call.world.worker().AddPipe(camera.producer(), kPipe, kOther);
    EXPECT_TRUE(description.ok() && other.worker().AddPipedProducer(*description, kPipe, kOrigin).ok());
    Run(2s);
    EXPECT_TRUE(zoe.connected());
  }

  Seat& Sit(const char* name) {
    const ConsumerId id(name);
    const json::value capabilities = RecvCapabilities(other.worker(), BandwidthFeedback::kNone);
    const auto consumed = other.worker().Consume(zoe.id(), id, camera.producer(), capabilities, other.now());
    EXPECT_TRUE(consumed.ok() && other.worker().ResumeConsumer(id, other.now()).ok());
    return seats_.emplace_back(zoe, id, json::value(*consumed), camera.shape());
  }
  void Prefer(const Seat& seat, Layers layers) {
    EXPECT_TRUE(
        other.worker().SetPreferredLayers(seat.consumer, layers.spatial, layers.temporal, other.now()).ok());
  }
  Layers Top() const {
    return {static_cast<std::uint8_t>(camera.shape().SpatialLayers() - 1),
            static_cast<std::uint8_t>(camera.shape().temporal - 1)};
  }
  void Film(int pictures) {
    for (int i = 0; i < pictures; ++i) {
      camera.Capture();
      Run(LayeredCamera::kInterval);
    }
  }
  // A millisecond at a time: that is how long a crossing takes here.
  void Run(Duration span) {
    for (Duration done{0}; done < span; done += 1ms) {
      call.world.Run(1ms);
      other.Run(1ms);
      for (; !crossing_.empty(); crossing_.pop_front()) {
        Crossing& it = crossing_.front();
        it.message.payload = it.payload;
        it.to->worker().HandlePipeMessages({&it.message, 1}, it.to->now());
      }
      for (Seat& seat : seats_) {
        seat.receiver.Poll();
        seat.viewer.Look(other.now());
      }
    }
  }
  void ExpectFlawless(const LayeredViewer& viewer) {
    EXPECT_GT(viewer.pictures, 0u);
    EXPECT_EQ(viewer.broken + viewer.cut + viewer.gaps + viewer.key_gaps, 0u);
    EXPECT_EQ(viewer.markers + viewer.mixed + viewer.backwards + viewer.misnumbered + viewer.bad_switches, 0u);
  }

  Call call;
  World other;
  LayeredCamera camera;
  TestPeer zoe;

 private:
  struct Crossing {
    World* to;
    sfu::PipeMessage message;
    Bytes payload;
  };
  void Cross(World& to, const sfu::PipeMessage& message) {
    crossing_.push_back({&to, message, Bytes(message.payload.begin(), message.payload.end())});
  }

  std::deque<Crossing> crossing_;
  std::deque<Seat> seats_;
};

TEST_P(LayersPipeTest, EachReceiverOnTheOtherWorkerHasItsOwnLayers) {
  Seat& low = Sit("low");
  Seat& high = Sit("high");
  Prefer(low, {0, 0});
  Film(80);
  for (Seat* seat : {&low, &high}) seat->viewer.LookAfresh(other.now());
  Film(40);
  EXPECT_EQ(low.viewer.Seen(), (Layers{0, 0}));
  EXPECT_EQ(high.viewer.Seen(), Top());
  Prefer(low, Top());
  Prefer(high, {0, 1});
  Film(80);
  for (Seat* seat : {&low, &high}) seat->viewer.LookAfresh(other.now());
  Film(40);
  EXPECT_EQ(low.viewer.Seen(), Top());
  EXPECT_EQ(high.viewer.Seen(), (Layers{0, 1}));
  for (Seat* seat : {&low, &high}) ExpectFlawless(seat->viewer);
}

INSTANTIATE_TEST_SUITE_P(Cameras, LayersPipeTest,
                         ::testing::Values(Vp8Simulcast(), Vp8SimulcastBySsrc(), Vp8Temporal(), H264Temporal(),
                                           Vp9Svc(), Vp9KeySvc(), Av1Svc(), Av1KeySvc()),
                         [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace jb::scenario
