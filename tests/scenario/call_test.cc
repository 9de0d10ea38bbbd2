// SPDX-License-Identifier: Apache-2.0
// Two clients through the worker: media flows, losses are repaired, pauses and switches leave no gap.
#include <gtest/gtest.h>

#include <algorithm>

#include "proto/rtcp/receiver_report.h"
#include "proto/rtcp/xr.h"
#include "scenario/call.h"

namespace jb::scenario {
namespace {

using sfu::TransportState;

TEST(CallTest, OpusArrivesWithTheConsumersNumbersAndNothingMissing) {
  Call call;
  MediaSender& mic = call.Microphone();
  MediaReceiver& ear = call.Watch("mic");
  call.Connect();
  for (int i = 0; i < 100; ++i) {
    mic.SendOpus();
    call.world.Run(20ms);
  }
  call.world.Run(100ms);
  EXPECT_EQ(ear.packets, 100u);
  EXPECT_TRUE(ear.IsContiguous());
  EXPECT_EQ(ear.wrong_mid, 0u);
  EXPECT_GE(ear.sender_reports, 1u);
  EXPECT_EQ(ear.cname, "peer-cname");
  EXPECT_GE(mic.receiver_reports, 1u);
  EXPECT_GE(mic.twcc_feedbacks, 10u);
  const rtp::PacketView last = call.bob.received.back().view();
  EXPECT_EQ(last.payload_type().value(), 100);  // T4: the router's, not the producer's 111
  EXPECT_TRUE(last.FindExtension(6));           // audio level travels along
  EXPECT_TRUE(last.FindExtension(4));
  EXPECT_FALSE(last.FindExtension(5));  // no transport-cc for audio
  EXPECT_GE(ear.payloads.begin()->first, 1000);
  EXPECT_LE(ear.payloads.begin()->first, 32767);
}

TEST(CallTest, KeyFrameRequestsOfManyConsumersBecomeOnePerSecond) {
  Call call;
  MediaSender& camera = call.Camera();
  std::vector<MediaReceiver*> eyes;
  for (int i = 0; i < 10; ++i) eyes.push_back(&call.Watch("camera"));
  call.Connect();
  for (int i = 0; i < 90; ++i) {
    camera.SendFrame(i == 0);
    for (MediaReceiver* eye : eyes) eye->SendPli();
    call.world.Run(33ms);
  }
  EXPECT_GE(camera.plis, 2u);
  EXPECT_LE(camera.plis, 5u);  // three seconds
}

TEST(CallTest, AFullIntraRequestCountsOnceHoweverOftenItIsSent) {
  Call call;
  MediaSender& camera = call.Camera();
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  call.SendVideo(camera, 40, true);
  const std::size_t before = camera.plis;
  const auto ask = [&](std::uint8_t request) {
    eye.SendFir(request);
    call.SendVideo(camera, 60, true);  // two seconds: nothing is held back for coming too soon
    return camera.plis - before;
  };
  EXPECT_EQ(ask(7), 1u);
  EXPECT_EQ(ask(7), 1u) << "a repetition";
  EXPECT_EQ(ask(8), 2u);
}

TEST(CallTest, ASenderThatAsksForTheRoundTripIsAnswered) {
  Call call;
  call.Microphone();
  call.Connect();
  constexpr rtp::Ssrc kAsking(77);
  std::optional<rtcp::DlrrItem> answer;
  call.alice.on_rtcp = [&](ByteView compound) {
    const auto parsed = rtcp::Compound::Parse(compound);
    ASSERT_TRUE(parsed.ok());
    parsed->ForEach([&](const rtcp::RawPacket& packet) {
      if (!packet.Is(rtcp::PacketType::kExtendedReport)) return;
      const auto report = rtcp::ExtendedReport::Parse(packet);
      if (report.ok() && report->dlrr_count() > 0) answer = report->dlrr_item(0);
    });
  };
  std::array<std::uint8_t, 64> buffer;
  ByteWriter out(buffer);
  rtcp::WriteReceiverReport(out, kAsking, {});
  rtcp::WriteRrtr(out, kAsking, {0x1234'5678, 0x9abc'def0});
  call.alice.SendRtcp(out.written());
  call.world.Run(2s);
  ASSERT_TRUE(answer) << "before it has sent any media";
  EXPECT_EQ(answer->ssrc, kAsking);
  EXPECT_EQ(answer->last_rr, 0x5678'9abcu);
}

TEST(CallTest, LossOnTheWayOutIsRepairedByNackAndRtx) {
  Call call;
  MediaSender& camera = call.Camera();
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  call.SendVideo(camera, 5, true);
  testing::SeededRandom dice(8);
  call.world.lose_down = [&](const Tuple& to, ByteView d) {
    return to == call.bob.local() && d.size() > 500 && dice.Between(0, 19) == 0;
  };
  call.SendVideo(camera, 300, true);
  call.world.lose_down = [](const Tuple&, ByteView) { return false; };
  call.SendVideo(camera, 5, true);
  call.Settle();
  EXPECT_GT(eye.rtx_packets, 25u);
  EXPECT_TRUE(eye.IsContiguous());
  EXPECT_EQ(eye.wrong_mid, 0u);
  EXPECT_EQ(call.bob.undecryptable, 0u);
}

// A browser asks again after 100 ms, when the picture has long stood still.
TEST(CallTest, WhereARepetitionIsOftenLostTooItIsSentTwice) {
  for (const auto& [reported, times] : {std::pair{8, 1u}, std::pair{26, 2u}, std::pair{77, 1u}}) {
    Call call;
    MediaSender& camera = call.Camera();
    MediaReceiver& eye = call.Watch("camera");
    call.Connect();
    call.SendVideo(camera, 5, true);
    eye.SendReceiverReport(static_cast<std::uint8_t>(reported));
    call.SendVideo(camera, 5, true);
    bool lost = false;
    call.world.lose_down = [&](const Tuple& to, ByteView d) {
      return to == call.bob.local() && d.size() > 500 && !std::exchange(lost, true);
    };
    call.SendVideo(camera, 5, true);
    call.Settle();
    EXPECT_EQ(eye.rtx_packets, times) << reported;
    EXPECT_TRUE(eye.IsContiguous());
  }
}

TEST(CallTest, WhatIsLostAgainAndAgainIsMadeUpForByAKeyFrame) {
  Call call;
  MediaSender& camera = call.Camera();
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  call.SendVideo(camera, 30, true);
  const std::size_t before = camera.plis;
  const auto number = static_cast<std::uint16_t>(eye.payloads.rbegin()->first);
  for (int tries = 0; tries < 3; ++tries) {
    eye.SendNack(number);
    call.world.Run(200ms);
  }
  EXPECT_EQ(eye.rtx_packets, 3u);
  EXPECT_EQ(camera.plis, before);
  eye.SendNack(static_cast<std::uint16_t>(number + 100));
  call.world.Run(200ms);
  EXPECT_EQ(camera.plis, before) << "what has not come to us may still come";
  for (int tries = 0; tries < 5; ++tries) eye.SendNack(number);
  call.world.Run(200ms);
  EXPECT_EQ(camera.plis, before + 1);
}

TEST(CallTest, APictureOfWhichThreeInTenPacketsAreLostIsRepairedForAMinute) {
  Call call;
  MediaSender& camera = call.Camera();
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  call.SendVideo(camera, 5, true);
  testing::SeededRandom dice(8);
  call.world.lose_down = [&](const Tuple& to, ByteView d) {
    return to == call.bob.local() && d.size() > 500 && dice.Between(0, 9) < 3;
  };
  for (int second = 0; second < 60; ++second) {
    eye.SendReceiverReport(77);
    call.SendVideo(camera, 30, true);
  }
  call.world.lose_down = [](const Tuple&, ByteView) { return false; };
  call.Settle();
  const double all = static_cast<double>(eye.payloads.rbegin()->first - eye.payloads.begin()->first + 1);
  // Lost four times in a row: 0.8 %.
  EXPECT_GT(static_cast<double>(eye.payloads.size()) / all, 0.985);
}

TEST(CallTest, ReorderedPacketsComeThroughWithoutDuplicates) {
  Call call;
  MediaSender& camera = call.Camera();
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  call.SendVideo(camera, 5, true);
  call.world.set_network({.latency = 20ms, .jitter = 8ms, .jitter_reorders = true});
  eye.nack = false;  // it would ask for what is only late
  call.SendVideo(camera, 200, true);
  call.Settle();
  EXPECT_TRUE(eye.IsContiguous());
  EXPECT_EQ(eye.duplicates, 0u);
}

TEST(CallTest, VideoGetsThroughTheNetworksPeopleAreOn) {
  const std::pair<testing::NetemProfile, double> cases[] = {
      {testing::WifiNetwork(), 0.99}, {testing::MobileNetwork(), 0.99}, {testing::BadNetwork(), 0.9}};
  for (const auto& [profile, share] : cases) {
    SCOPED_TRACE(profile.latency.count());
    Call call;
    MediaSender& camera = call.Camera();
    MediaReceiver& eye = call.Watch("camera");
    call.Connect();
    call.world.set_network(profile);
    call.SendVideo(camera, 300, true);
    call.Settle();
    EXPECT_GE(static_cast<double>(eye.payloads.size()), share * static_cast<double>(camera.sent));
    EXPECT_EQ(eye.wrong_mid, 0u);
  }
}

TEST(CallTest, PaddingOnlyPacketsLeaveNoGap) {
  Call call;
  MediaSender& camera = call.Camera();
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  for (int i = 0; i < 50; ++i) {
    camera.SendFrame(i % 10 == 0);
    if (i % 3 == 0) camera.SendPadding();
    call.world.Run(33ms);
  }
  EXPECT_TRUE(eye.IsContiguous());
  EXPECT_EQ(eye.rtx_packets, 0u);
}

TEST(CallTest, OldPacketsSentAgainByRtxAsPaddingAreDropped) {
  Call call;
  MediaSender& camera = call.Camera();
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  call.SendVideo(camera, 20, true);
  const std::size_t before = eye.packets;
  // What Chrome's prober does: packets that had arrived, once more.
  for (std::uint16_t back = 1; back < 10; ++back)
    camera.SendAgainByRtx(static_cast<std::uint16_t>(camera.sequence() - back));
  call.world.Run(100ms);
  EXPECT_EQ(eye.packets, before);
  EXPECT_EQ(eye.duplicates, 0u);
  EXPECT_GE(call.Drops(sfu::DropReason::kDuplicate), 9u);
}

TEST(CallTest, PausingTheConsumerStopsItAndResumingContinuesItsNumbers) {
  Call call;
  MediaSender& camera = call.Camera();
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  call.SendVideo(camera, 20, true);
  ASSERT_TRUE(call.world.worker().PauseConsumer(call.last_consumer, call.world.now()).ok());
  call.world.Run(20ms);
  const std::size_t paused_at = eye.packets;
  call.SendVideo(camera, 20, true);
  EXPECT_EQ(eye.packets, paused_at);
  ASSERT_TRUE(call.world.worker().ResumeConsumer(call.last_consumer, call.world.now()).ok());
  call.SendVideo(camera, 40, true);
  EXPECT_GT(eye.packets, paused_at);
  EXPECT_TRUE(eye.IsContiguous());
}

TEST(CallTest, PausingTheProducerTellsItsConsumersAndLeavesNoGap) {
  Call call;
  MediaSender& mic = call.Microphone();
  MediaReceiver& ear = call.Watch("mic");
  call.Connect();
  const auto talk = [&](int packets) {
    for (int i = 0; i < packets; ++i) {
      mic.SendOpus();
      call.world.Run(20ms);
    }
  };
  talk(10);
  ASSERT_TRUE(call.world.worker().PauseProducer(ProducerId("mic"), call.world.now()).ok());
  EXPECT_EQ(call.world.EventsOf<sfu::ConsumerPaused>().size(), 1u);
  const std::size_t paused_at = ear.packets;
  talk(10);
  EXPECT_EQ(ear.packets, paused_at);
  ASSERT_TRUE(call.world.worker().ResumeProducer(ProducerId("mic"), call.world.now()).ok());
  EXPECT_EQ(call.world.EventsOf<sfu::ConsumerResumed>().size(), 1u);
  talk(10);
  EXPECT_GE(ear.packets, paused_at + 9);
  EXPECT_TRUE(ear.IsContiguous());
  // Twice is once.
  ASSERT_TRUE(call.world.worker().ResumeProducer(ProducerId("mic"), call.world.now()).ok());
  EXPECT_EQ(call.world.EventsOf<sfu::ConsumerResumed>().size(), 1u);
}

TEST(CallTest, ClosingTheProducerClosesItsConsumers) {
  Call call;
  MediaSender& mic = call.Microphone();
  call.Watch("mic");
  call.Connect();
  ASSERT_TRUE(call.world.worker().CloseProducer(ProducerId("mic"), call.world.now()).ok());
  const auto closed = call.world.EventsOf<sfu::ConsumerClosed>();
  ASSERT_EQ(closed.size(), 1u);
  EXPECT_EQ(closed[0].consumer, call.last_consumer);
  EXPECT_FALSE(call.world.worker().ResumeConsumer(call.last_consumer, call.world.now()).ok());
  mic.SendOpus();
  call.world.Run(100ms);
  EXPECT_EQ(call.world.worker().stats().producers, 0u);
}

TEST(CallTest, AnUndeclaredSsrcIsFoundByItsMid) {
  Call call;
  SenderOptions options;
  options.declare_ssrc = false;
  MediaSender& camera = call.Camera(options);
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  call.SendVideo(camera, 20, true);
  EXPECT_GT(eye.packets, 30u);
}

TEST(CallTest, TheBestSimulcastStreamThatArrivesIsForwardedAndAStallFallsBack) {
  Call call;
  auto [r0, r1] = call.SimulcastCamera(/*with_rtx=*/false);
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  const auto run = [&](int frames, bool low_on, bool high_on) {
    for (int i = 0; i < frames; ++i) {
      if (low_on) r0.SendFrame(r0.TakeKeyFrameWanted(), 1, 100);
      if (high_on) r1.SendFrame(r1.TakeKeyFrameWanted(), 1, 900);
      call.world.Run(33ms);
    }
  };
  run(60, true, false);
  ASSERT_FALSE(eye.payloads.empty());
  EXPECT_EQ(eye.payloads.rbegin()->second.size(), 100u);
  run(90, true, true);
  EXPECT_EQ(eye.payloads.rbegin()->second.size(), 900u);
  run(150, true, false);
  EXPECT_EQ(eye.payloads.rbegin()->second.size(), 100u);
  EXPECT_TRUE(eye.IsContiguous());
  std::uint32_t before = eye.timestamps.begin()->second;
  for (const auto& [number, timestamp] : eye.timestamps) {
    EXPECT_LT(timestamp - before, 90'000u * 3) << number;  // forwards, without a jump
    before = timestamp;
  }
  const auto layers = call.world.EventsOf<sfu::ConsumerLayersChanged>();
  ASSERT_EQ(layers.size(), 3u);
  EXPECT_EQ(layers[0].spatial_layer, 0);
  EXPECT_EQ(layers[1].spatial_layer, 1);
  EXPECT_EQ(layers[2].spatial_layer, 0);
}

TEST(CallTest, WhoJoinsLateIsToldTheLayerToo) {
  Call call;
  auto [r0, r1] = call.SimulcastCamera(/*with_rtx=*/false);
  call.Watch("camera");
  call.Connect();
  const auto run = [&, low = &r0, high = &r1](int frames) {
    for (int i = 0; i < frames; ++i) {
      low->SendFrame(low->TakeKeyFrameWanted(), 1, 100);
      high->SendFrame(high->TakeKeyFrameWanted(), 1, 900);
      call.world.Run(33ms);
    }
  };
  run(90);
  call.Watch("camera");
  const std::size_t before = call.world.EventsOf<sfu::ConsumerLayersChanged>().size();
  run(60);
  const auto layers = call.world.EventsOf<sfu::ConsumerLayersChanged>();
  ASSERT_EQ(layers.size(), before + 1);
  EXPECT_EQ(layers.back().consumer, call.last_consumer);
  EXPECT_EQ(layers.back().spatial_layer, 1);
}

TEST(CallTest, ASyntheticVoiceReachesItsListenerOnAStreamOfItsOwn) {
  Call call;
  call.Microphone();
  ASSERT_TRUE(call.world.worker().ProduceSynthetic(ProducerId("voice"), "voice-cname", call.world.now()).ok());
  MediaReceiver& ear = call.Watch("voice");
  const std::string msid(*GetString(*GetMember(call.last_consumed, "rtpParameters"), "msid"));
  EXPECT_FALSE(msid.starts_with("stream "));
  call.Connect();
  const Bytes opus(80, 0x33);
  for (std::uint32_t i = 0; i < 50; ++i) {
    call.world.worker().InjectOpus(ProducerId("voice"), opus, 960 * i, i == 0, -20, true, call.world.now());
    call.world.Run(20ms);
  }
  call.world.Run(1500ms);
  EXPECT_EQ(ear.packets, 50u);
  EXPECT_TRUE(ear.IsContiguous());
  EXPECT_EQ(ear.payloads.begin()->second, opus);
  EXPECT_EQ(ear.cname, "voice-cname");
  const auto level = call.bob.received.back().view().FindExtension(6);
  ASSERT_TRUE(level);
  EXPECT_EQ((*level)[0], 0x80 | 20);
}

TEST(CallTest, ATapHearsEachPacketOnce) {
  Call call;
  MediaSender& mic = call.Microphone();
  ASSERT_TRUE(call.world.worker().SetTap(ProducerId("mic"), true).ok());
  call.Connect();
  for (int i = 0; i < 10; ++i) {
    mic.SendOpus(40, true);
    call.world.Run(20ms);
  }
  call.world.Run(100ms);
  ASSERT_EQ(call.world.tapped.size(), 10u);
  EXPECT_EQ(call.world.tapped[0].packet.sequence, 65'530);
  EXPECT_EQ(call.world.tapped[9].packet.sequence, 3);
  EXPECT_EQ(call.world.tapped[0].packet.level_dbov, -40);
  EXPECT_TRUE(call.world.tapped[0].packet.voice);
  EXPECT_EQ(call.world.tapped[0].payload.size(), 60u);
  ASSERT_TRUE(call.world.worker().SetTap(ProducerId("mic"), false).ok());
  mic.SendOpus();
  call.world.Run(100ms);
  EXPECT_EQ(call.world.tapped.size(), 10u);
}

TEST(CallTest, TheOneWhoSpeaksIsTheActiveSpeaker) {
  Call call;
  MediaSender& mic = call.Microphone();
  SenderOptions other;
  other.video = false;
  other.mid = "9";
  other.ssrc = 999;
  ASSERT_TRUE(call.world.worker()
                  .Produce(call.alice.id(), ProducerId("mic2"), sfu::MediaKind::kAudio, AudioParameters(other), false,
                           call.world.now())
                  .ok());
  MediaSender& mic2 = call.AddSender(other);
  ASSERT_TRUE(call.world.worker().SetSpeakerGroup(ProducerId("mic"), RoomCode("room")).ok());
  ASSERT_TRUE(call.world.worker().SetSpeakerGroup(ProducerId("mic2"), RoomCode("room")).ok());
  call.Connect();
  for (int i = 0; i < 250; ++i) {
    const bool talks = i >= 50;
    mic.SendOpus(static_cast<std::uint8_t>(talks ? 20 + i % 13 : 90 + i % 7), talks);
    mic2.SendOpus(static_cast<std::uint8_t>(90 + i % 5), false);
    call.world.Run(20ms);
  }
  const auto speakers = call.world.EventsOf<sfu::ActiveSpeaker>();
  ASSERT_FALSE(speakers.empty());
  EXPECT_EQ(speakers.back().room, RoomCode("room"));
  EXPECT_EQ(speakers.back().producer, ProducerId("mic"));
  ASSERT_TRUE(call.world.worker().CloseProducer(ProducerId("mic"), call.world.now()).ok());
  EXPECT_FALSE(call.world.EventsOf<sfu::ActiveSpeaker>().back().producer);
}

TEST(CallTest, FeedbackForUnknownStreamsIsIgnoredQuietly) {
  Call call;
  MediaSender& camera = call.Camera();
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  call.SendVideo(camera, 10, true);
  const std::size_t plis = camera.plis;
  eye.ssrc = 1234;  // T3: the prober
  eye.SendPli();
  eye.SendNack(5);
  eye.SendReceiverReport();
  call.world.Run(100ms);
  EXPECT_EQ(camera.plis, plis);
  EXPECT_EQ(call.world.worker().stats().feedback_ignored, 3u);
  EXPECT_EQ(call.world.LastStateOf(call.bob.id()), TransportState::kConnected);
}

TEST(CallTest, OnePacketIsResentAtMostThreeTimes) {
  Call call;
  MediaSender& camera = call.Camera();
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  call.SendVideo(camera, 10, true);
  const auto seq = static_cast<std::uint16_t>(eye.payloads.rbegin()->first);
  for (int i = 0; i < 20; ++i) {
    eye.SendNack(seq);
    call.world.Run(90ms);
  }
  EXPECT_GE(eye.rtx_packets, 1u);
  EXPECT_LE(eye.rtx_packets, 3u);
}

TEST(CallTest, TwoProducersOfOneTransportShareOneCname) {
  Call call;
  call.Microphone();
  SenderOptions options;
  options.cname = "";  // trap T2: VP8 simulcast comes without
  call.Camera(options);
  call.Watch("camera");
  const json::value& parameters = *GetMember(call.last_consumed, "rtpParameters");
  EXPECT_EQ(GetString(*GetMember(parameters, "rtcp"), "cname"), "peer-cname");
}

TEST(CallTest, ALoneProducerWithoutCnameGetsOne) {
  Call call;
  SenderOptions options;
  options.cname = "";
  call.Camera(options);
  call.Watch("camera");
  const json::value& parameters = *GetMember(call.last_consumed, "rtpParameters");
  EXPECT_EQ(GetString(*GetMember(parameters, "rtcp"), "cname")->size(), 8u);
}

}  // namespace
}  // namespace jb::scenario
