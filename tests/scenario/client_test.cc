// SPDX-License-Identifier: Apache-2.0
// The headless participant's cores against the SFU: connecting, sending as `join` sends, hearing as it
// hears, over a bad network in virtual time.
#include <gtest/gtest.h>

#include <cmath>

#include "client/audio_track.h"
#include "client/peer_transport.h"
#include "client/remote_track.h"
#include "client/test_card.h"
#include "client/video_track.h"
#include "scenario/world.h"

namespace jb::scenario {
namespace {

using client::PeerState;
using client::PeerTransport;

// A PeerTransport at an address of the virtual network.
class Peer : public Endpoint {
 public:
  Peer(World& world, const char* id, sfu::TransportDirection direction, const char* ip)
      : world_(world), id_(id), local_(UdpTuple(ip, 5000)) {
    const auto options = world.worker().CreateTransport(id_, direction, world.now());
    auto remote = client::ParseRemoteTransport(*options);
    EXPECT_TRUE(remote.ok());
    transport_.emplace(*remote, world.client_certificate(), world.random());
    world.Attach(local_, *this);
    world.AddTimed(*this);
  }
  ~Peer() override {
    world_.Detach(local_);
    world_.RemoveTimed(*this);
  }

  void Connect() {
    EXPECT_TRUE(world_.worker().ConnectTransport(id_, transport_->DtlsParameters(), world_.now()).ok());
    transport_->Start(world_.now());
    Drain();
  }
  void HandleDatagram(const Tuple& at, ByteSpan datagram, Time now) override {
    // The network hands over the receiver's own address; the only sender there is is the worker.
    EXPECT_EQ(at, local_);
    const auto received = transport_->HandleDatagram(*SocketAddress::Parse("192.0.2.1", 40000), datagram, now);
    if (received.kind == PeerTransport::Kind::kRtp && on_rtp) on_rtp(received.packet, now);
    if (received.kind == PeerTransport::Kind::kRtcp) ++rtcp_received;
    Drain();
  }
  void HandleTimeout(Time now) override {
    transport_->HandleTimeout(now);
    Drain();
  }
  std::optional<Time> NextDeadline() const override { return transport_->NextDeadline(); }

  bool Send(ByteSpan buffer, std::size_t size) {
    const auto wire = transport_->ProtectRtp(buffer, size);
    if (wire) world_.SendToWorker(local_, *wire);
    return wire.has_value();
  }
  PeerState state() const { return transport_->state(); }
  const TransportId& id() const { return id_; }
  PeerTransport& transport() { return *transport_; }
  void Drain() {
    while (const auto out = transport_->PollTransmit()) world_.SendToWorker(local_, out->datagram);
  }

  std::function<void(ByteView, Time)> on_rtp;
  std::size_t rtcp_received = 0;

 private:
  World& world_;
  TransportId id_;
  Tuple local_;
  std::optional<PeerTransport> transport_;
};

class ClientTest : public ::testing::Test {
 protected:
  static std::shared_ptr<const std::vector<std::int16_t>> Tone() {
    std::vector<std::int16_t> pcm(48000);
    for (std::size_t i = 0; i < pcm.size(); ++i) {
      pcm[i] = static_cast<std::int16_t>(8000 * std::sin(static_cast<double>(i) * 440 * 2 * M_PI / 48000));
    }
    return std::make_shared<const std::vector<std::int16_t>>(std::move(pcm));
  }

  client::ConsumerInfo Watch(const char* producer, const char* consumer) {
    auto& worker = world_.worker();
    const auto data = worker.Consume(bob_.id(), ConsumerId(consumer), ProducerId(producer),
                                     worker.RouterRtpCapabilities(), world_.now());
    EXPECT_TRUE(data.ok());
    const auto info = client::ParseConsumer(*data);
    EXPECT_TRUE(info.ok());
    EXPECT_TRUE(worker.ResumeConsumer(ConsumerId(consumer), world_.now()).ok());
    return *info;
  }
  bool ConnectBoth(Duration limit) {
    alice_.Connect();
    bob_.Connect();
    return world_.RunUntil(
        [&] { return alice_.state() == PeerState::kConnected && bob_.state() == PeerState::kConnected; }, limit);
  }

  World world_{7};
  Peer alice_{world_, "alice", sfu::TransportDirection::kSend, "203.0.113.1"};
  Peer bob_{world_, "bob", sfu::TransportDirection::kRecv, "203.0.113.2"};
};

TEST_F(ClientTest, ConnectsInThreeRoundTrips) {
  EXPECT_TRUE(ConnectBoth(70ms));  // 10 ms each way: one for ICE, two for DTLS
}

TEST_F(ClientTest, WhatIsPlayedIsRecordedAtTheOtherEnd) {
  ASSERT_TRUE(ConnectBoth(1s));
  client::AudioTrack track(Tone(), false, "cname", world_.random());
  ASSERT_TRUE(
      world_.worker()
          .Produce(alice_.id(), ProducerId("mic"), sfu::MediaKind::kAudio, track.RtpParameters(), false, world_.now())
          .ok());
  client::Recorder recorder(48000 * 5);
  client::RemoteTrack remote(Watch("mic", "c1"), world_.now(), &recorder);
  bob_.on_rtp = [&](ByteView packet, Time now) { remote.HandlePacket(*rtp::PacketView::Parse(packet), now); };
  for (int i = 0; i < 50; ++i) {
    Bytes buffer(client::kPacketBuffer);
    const auto packet = track.Next(buffer);
    EXPECT_TRUE(alice_.Send(buffer, packet.size));
    world_.Run(20ms);
  }
  world_.Run(200ms);
  EXPECT_EQ(remote.receiver().packets(), 50u);
  EXPECT_GE(bob_.rtcp_received, 1u);
  double energy = 0;
  for (std::int16_t s : recorder.samples()) energy += static_cast<double>(s) * s;
  EXPECT_NEAR(std::sqrt(energy / 48000), 8000 / std::sqrt(2.0), 400);
}

TEST_F(ClientTest, TheBuiltInCameraIsForwardedFromItsKeyFrameOn) {
  ASSERT_TRUE(ConnectBoth(1s));
  client::VideoTrack track(*client::ParseIvf(client::TestCardIvf()), "cname", world_.random());
  ASSERT_TRUE(world_.worker()
                  .Produce(alice_.id(), ProducerId("camera"), sfu::MediaKind::kVideo, track.RtpParameters(), false,
                           world_.now())
                  .ok());
  client::RemoteTrack remote(Watch("camera", "c1"), world_.now(), nullptr);
  std::optional<bool> first_is_key;
  bob_.on_rtp = [&](ByteView packet, Time now) {
    const auto view = *rtp::PacketView::Parse(packet);
    if (!first_is_key) first_is_key = (view.payload()[4] & 1) == 0;
    remote.HandlePacket(view, now);
  };
  for (int i = 0; i < 20; ++i) {
    track.Next(world_.now(), [&](ByteSpan buffer, std::size_t size, std::size_t) { alice_.Send(buffer, size); });
    world_.Run(200ms);
  }
  EXPECT_EQ(first_is_key, true);
  EXPECT_GE(remote.receiver().packets(), 18u);
  EXPECT_EQ(remote.receiver().packets_lost(), 0);
}

TEST_F(ClientTest, ConnectsThroughALossOfThreeInTen) {
  testing::SeededRandom dice(5);
  world_.lose_up = world_.lose_down = [&](const Tuple&, ByteView) { return dice.Between(0, 9) < 3; };
  EXPECT_TRUE(ConnectBoth(20s));
}

TEST_F(ClientTest, KeepsItsConsentForAsLongAsTheCallLasts) {
  ASSERT_TRUE(ConnectBoth(1s));
  world_.Run(5min);
  EXPECT_EQ(alice_.state(), PeerState::kConnected);
  EXPECT_EQ(world_.LastStateOf(alice_.id()), sfu::TransportState::kConnected);
}

TEST_F(ClientTest, FindsTheWayBackByAnIceRestartAfterAnOutage) {
  ASSERT_TRUE(ConnectBoth(1s));
  bool down = true;
  world_.lose_up = world_.lose_down = [&](const Tuple&, ByteView) { return down; };
  world_.Run(40s);
  EXPECT_EQ(alice_.state(), PeerState::kDisconnected);
  EXPECT_EQ(world_.LastStateOf(alice_.id()), sfu::TransportState::kDisconnected);
  down = false;
  const auto answer = world_.worker().RestartIce(alice_.id(), world_.now());
  ASSERT_TRUE(answer.ok());
  const json::value& ice = answer->at("iceParameters");
  alice_.transport().RestartIce(
      {std::string(*GetString(ice, "usernameFragment")), std::string(*GetString(ice, "password"))}, world_.now());
  alice_.Drain();
  world_.Run(1s);
  EXPECT_EQ(alice_.state(), PeerState::kConnected);
  EXPECT_EQ(world_.LastStateOf(alice_.id()), sfu::TransportState::kConnected);
}

TEST_F(ClientTest, GoodbyeClosesTheTransportAtTheServer) {
  ASSERT_TRUE(ConnectBoth(1s));
  alice_.transport().Close(world_.now());
  alice_.Drain();
  world_.Run(100ms);
  EXPECT_EQ(world_.LastStateOf(alice_.id()), sfu::TransportState::kClosed);
}

}  // namespace
}  // namespace jb::scenario
