// SPDX-License-Identifier: Apache-2.0
#include "scenario/call.h"

#include <gtest/gtest.h>

namespace jb::scenario {

Call::Call(std::uint64_t seed)
    : world(seed),
      alice(world, "alice-send", sfu::TransportDirection::kSend, UdpTuple("198.51.100.1", 50001)),
      bob(world, "bob-recv", sfu::TransportDirection::kRecv, UdpTuple("198.51.100.2", 50002)) {
  alice.on_rtcp = [this](ByteView compound) {
    for (MediaSender& sender : senders_) sender.HandleRtcp(compound);
  };
  bob.on_rtp = [this](const ReceivedRtp& packet) {
    for (MediaReceiver& receiver : receivers_) receiver.HandlePacket(packet);
  };
  bob.on_rtcp = [this](ByteView compound) {
    for (MediaReceiver& receiver : receivers_) receiver.HandleRtcp(compound);
  };
}

void Call::Connect() {
  alice.Connect();
  bob.Connect();
  EXPECT_TRUE(world.RunUntil(
      [this] {
        return world.LastStateOf(alice.id()) == sfu::TransportState::kConnected &&
               world.LastStateOf(bob.id()) == sfu::TransportState::kConnected && alice.connected() && bob.connected();
      },
      5s));
  world.Run(50ms);
}

MediaSender& Call::Microphone(SenderOptions options) {
  options.video = false;
  options.ssrc = 1001;
  options.mid = "0";
  EXPECT_TRUE(
      world.worker()
          .Produce(alice.id(), ProducerId("mic"), sfu::MediaKind::kAudio, AudioParameters(options), false, world.now())
          .ok());
  return AddSender(options);
}

MediaSender& Call::Camera(SenderOptions options) {
  options.ssrc = 2001;
  options.rtx_ssrc = 2002;
  options.mid = "1";
  const auto produced = world.worker().Produce(alice.id(), ProducerId("camera"), sfu::MediaKind::kVideo,
                                               VideoParameters(options), false, world.now());
  EXPECT_TRUE(produced.ok());
  return AddSender(options);
}

std::pair<MediaSender&, MediaSender&> Call::SimulcastCamera(bool with_rtx) {
  SenderOptions low;
  low.mid = "7";
  low.rid = "r0";
  low.ssrc = 700;
  SenderOptions high = low;
  high.rid = "r1";
  high.ssrc = 701;
  high.first_sequence = 100;
  if (with_rtx) {
    low.rtx_ssrc = 710;
    high.rtx_ssrc = 711;
  }
  const auto produced = world.worker().Produce(alice.id(), ProducerId("camera"), sfu::MediaKind::kVideo,
                                               VideoParameters(low, {"r0", "r1"}), false, world.now());
  EXPECT_TRUE(produced.ok());
  MediaSender& r0 = AddSender(low);
  return {r0, AddSender(high)};
}

MediaReceiver& Call::Watch(const std::string& producer, const json::value& capabilities) {
  last_consumer = ConsumerId("consumer" + std::to_string(next_consumer_++));
  auto consumed =
      world.worker().Consume(bob.id(), last_consumer, ProducerId(producer), capabilities, world.now());
  EXPECT_TRUE(consumed.ok()) << (consumed.ok() ? "" : consumed.error().message);
  last_consumed = *consumed;
  EXPECT_TRUE(world.worker().ResumeConsumer(last_consumer, world.now()).ok());
  return receivers_.emplace_back(bob, last_consumed);
}

void Call::SendVideo(MediaSender& camera, int frames, bool answer_pli) {
  for (int i = 0; i < frames; ++i) {
    camera.SendFrame(answer_pli && camera.TakeKeyFrameWanted());
    for (int step = 0; step < 3; ++step) {
      world.Run(11ms);
      for (MediaReceiver& receiver : receivers_) receiver.Poll();
    }
  }
}

void Call::Settle(Duration span) {
  for (Duration done{0}; done < span; done += 10ms) {
    world.Run(10ms);
    for (MediaReceiver& receiver : receivers_) receiver.Poll();
  }
}

}  // namespace jb::scenario
