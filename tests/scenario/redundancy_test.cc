// SPDX-License-Identifier: Apache-2.0
// Sound that is lost on the way and made good by what other packets carry of it.
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "media/payload/test_red_writer.h"
#include "scenario/call.h"

namespace jb::scenario {
namespace {

struct ListenersTest : ::testing::Test {
  // Two seconds of sound, in which both listeners report once.
  void Talk(std::uint8_t first_loses, std::uint8_t second_loses) {
    for (int i = 0; i < 100; ++i) {
      mic.SendOpus();
      if (i == 10) first.SendReceiverReport(first_loses);
      if (i == 20) second.SendReceiverReport(second_loses);
      call.world.Run(20ms);
    }
  }
  Call call;
  MediaSender& mic = call.Microphone();
  MediaReceiver& first = call.Watch("mic");
  MediaReceiver& second = call.Watch("mic");
};

TEST_F(ListenersTest, TheSpeakerHearsOfTheWorstLossBehindTheServer) {
  call.Connect();
  Talk(0, 0);
  EXPECT_EQ(mic.fraction_lost, 0);
  Talk(10, 26);
  EXPECT_EQ(mic.fraction_lost, 26);
  Talk(10, 0);
  EXPECT_EQ(mic.fraction_lost, 10);
}

TEST_F(ListenersTest, LossThatIsNotReportedAnyMoreIsForgotten) {
  call.Connect();
  Talk(26, 0);
  ASSERT_EQ(mic.fraction_lost, 26);
  for (int i = 0; i < 350; ++i) {
    mic.SendOpus();
    call.world.Run(20ms);
  }
  EXPECT_EQ(mic.fraction_lost, 0);
}

// Sent again as it was, since browsers have no RTX for audio: all is heard, and the encoder still learns that it was lost.
TEST(Microphone, IsToldOfTheLossThatItsRepetitionsMadeGood) {
  Call call;
  SenderOptions options;
  options.nack = true;
  MediaSender& mic = call.Microphone(options);
  MediaReceiver& ear = call.Watch("mic");
  call.Connect();
  int number = 0;
  call.world.lose_up = [&](const Tuple&, ByteView) { return ++number % 10 == 0; };
  for (int i = 0; i < 500; ++i) {
    mic.SendOpus();
    call.world.Run(20ms);
  }
  EXPECT_GT(mic.nacked, 40u);
  EXPECT_GE(ear.payloads.size(), 499u);
  EXPECT_NEAR(mic.fraction_lost / 256.0, 0.1, 0.04);
}

TEST_F(ListenersTest, AListenerWhoPausedCountsNoMore) {
  call.Connect();
  Talk(0, 26);
  ASSERT_EQ(mic.fraction_lost, 26);
  ASSERT_TRUE(call.world.worker().PauseConsumer(call.last_consumer, call.world.now()).ok());
  Talk(0, 26);
  EXPECT_EQ(mic.fraction_lost, 0);
}

// A translated voice, and one who listens to it.
struct VoiceTest : ::testing::Test {
  VoiceTest() {
    EXPECT_TRUE(call.world.worker().ProduceSynthetic(ProducerId("voice"), "voice-cname", call.world.now()).ok());
  }
  // A report each second.
  void Speak(int seconds, std::uint8_t lost) {
    const Bytes opus(60, 0x78);
    for (int i = 0; i < seconds * 50; ++i) {
      call.world.worker().InjectOpus(ProducerId("voice"), opus, timestamp += 960, false, -30, true, call.world.now());
      if (i % 50 == 25) ear->SendReceiverReport(lost);
      call.world.Run(20ms);
    }
  }
  std::vector<int> Percents() const {
    std::vector<int> out;
    for (const auto& event : call.world.EventsOf<sfu::ExpectedLossChanged>()) {
      EXPECT_EQ(event.producer, ProducerId("voice"));
      out.push_back(event.percent);
    }
    return out;
  }
  Call call;
  MediaReceiver* ear = nullptr;
  std::uint32_t timestamp = 0;
};

TEST_F(VoiceTest, WhoMakesItHearsWhenItsListenersLosePacketsAndWhenNoMore) {
  ear = &call.Watch("voice");
  call.Connect();
  Speak(5, 0);
  EXPECT_EQ(Percents(), std::vector<int>{});
  Speak(5, 26);
  EXPECT_EQ(Percents(), std::vector{10});
  Speak(2, 77);
  EXPECT_EQ(Percents(), (std::vector{10, 20}));
  Speak(25, 0);
  EXPECT_EQ(Percents(), (std::vector{10, 20, 10, 0}));
}

TEST_F(VoiceTest, OfAMicrophoneNobodyIsToldSinceItsSenderHearsItByReports) {
  MediaSender& mic = call.Microphone();
  ear = &call.Watch("mic");
  call.Connect();
  for (int i = 0; i < 200; ++i) {
    mic.SendOpus();
    if (i % 50 == 25) ear->SendReceiverReport(77);
    call.world.Run(20ms);
  }
  EXPECT_EQ(mic.fraction_lost, 77);
  EXPECT_EQ(Percents(), std::vector<int>{});
}

// A microphone whose packets carry the ones before.
class RedTest : public ::testing::TestWithParam<std::size_t> {
 protected:
  static SenderOptions WithCopies(std::size_t copies) {
    SenderOptions options;
    options.red_copies = copies;
    return options;
  }
  void Talk(int packets) {
    for (int i = 0; i < packets; ++i) {
      mic.SendOpus();
      call.world.Run(20ms);
    }
  }
  std::uint64_t Recovered() { return call.world.worker().stats().recovered_by_redundancy; }
  static std::uint32_t CountIn(const Bytes& opus) { return LoadU32(opus.data() + 4); }
  // Everything that was heard has the number and the time that go with what was said.
  void ExpectInPlace() {
    ASSERT_FALSE(ear.payloads.empty());
    const auto [first, payload] = *ear.payloads.begin();
    const std::uint32_t said = CountIn(payload);
    const std::uint32_t at = ear.timestamps.begin()->second;
    for (const auto& [number, opus] : ear.payloads) {
      ASSERT_EQ(CountIn(opus) - said, number - first);
      ASSERT_EQ(ear.timestamps[number], at + (CountIn(opus) - said) * 960);
    }
    EXPECT_EQ(ear.duplicates, 0u);
  }

  Call call;
  MediaSender& mic = call.Microphone(WithCopies(GetParam()));
  MediaReceiver& ear = call.Watch("mic");
};
INSTANTIATE_TEST_SUITE_P(Copies, RedTest, ::testing::Values(1, 2, 4));

TEST_P(RedTest, ListenersAndTheTapGetPlainOpus) {
  ASSERT_TRUE(call.world.worker().SetTap(ProducerId("mic"), true).ok());
  call.Connect();
  Talk(50);
  EXPECT_EQ(ear.packets, 50u);
  EXPECT_TRUE(ear.IsContiguous());
  ExpectInPlace();
  EXPECT_EQ(ear.payloads.begin()->second.size(), 60u);
  const rtp::PacketView last = call.bob.received.back().view();
  EXPECT_EQ(last.payload_type().value(), 100);
  EXPECT_TRUE(last.FindExtension(6)) << "the audio level travels along";
  ASSERT_EQ(call.world.tapped.size(), 50u);
  EXPECT_EQ(call.world.tapped.back().payload, ear.payloads.rbegin()->second);
  EXPECT_EQ(Recovered(), 0u);
  EXPECT_EQ(call.Drops(sfu::DropReason::kDuplicate), 0u);
}

// A packet is gone only if those with its copies are too: of a share p that is lost, p^(copies + 1) stays lost.
TEST_P(RedTest, OfAThirdThatIsLostTheShareComesBackThatArithmeticSays) {
  constexpr int kPackets = 10'000;
  constexpr double kLoss = 0.3;
  ASSERT_TRUE(call.world.worker().SetTap(ProducerId("mic"), true).ok());
  call.Connect();
  call.bob.keep_received = false;
  Talk(10);
  testing::SeededRandom dice(11);
  std::uint64_t lost = 0;
  call.world.lose_up = [&](const Tuple&, ByteView datagram) {
    const bool red = (datagram[1] & 0x7F) == MediaSender::kRed;  // no STUN, no reports
    const bool lose = red && dice.Between(0, 9'999) < 10'000 * kLoss;
    lost += lose;
    return lose;
  };
  Talk(kPackets);
  call.world.lose_up = [](const Tuple&, ByteView) { return false; };
  Talk(10);
  const double expected = 1 - std::pow(kLoss, GetParam());
  // Four standard deviations of that many throws.
  const double margin = 4 * std::sqrt(expected * (1 - expected) / static_cast<double>(lost));
  EXPECT_NEAR(static_cast<double>(Recovered()) / static_cast<double>(lost), expected, margin);
  EXPECT_EQ(ear.packets, kPackets + 20 - lost + Recovered());
  EXPECT_EQ(call.world.tapped.size(), ear.packets);
  ExpectInPlace();
}

TEST_P(RedTest, TheSpeakerIsStillToldHowLossyItsLinkIs) {
  call.Connect();
  Talk(10);
  testing::SeededRandom dice(5);
  call.world.lose_up = [&](const Tuple&, ByteView) { return dice.Between(0, 9) < 3; };
  Talk(500);
  EXPECT_NEAR(mic.fraction_lost / 256.0, 0.3, 0.2);
}

TEST_P(RedTest, APacketThatWasOnlyLateIsHeardOnce) {
  call.Connect();
  Talk(10);
  testing::NetemProfile network;
  network.latency = 50ms;
  network.reorder = 0.2;
  network.reorder_lead = 30ms;
  call.world.set_network(network);
  Talk(500);
  call.world.Run(200ms);  // for what is on its way
  call.world.set_network({});
  Talk(10);
  EXPECT_GT(call.Drops(sfu::DropReason::kDuplicate), 20u) << "the copy was faster";
  EXPECT_LT(mic.fraction_lost, 256 * 3 / 50) << "late is not lost, but for what a report has not seen yet";
  EXPECT_EQ(ear.packets, 520u);
  EXPECT_TRUE(ear.IsContiguous());
  ExpectInPlace();
}

TEST_P(RedTest, WhatWasSaidBeforeAPauseComesAfterIt) {
  call.Connect();
  Talk(10);
  call.world.lose_up = [](const Tuple&, ByteView) { return true; };
  Talk(1);
  call.world.lose_up = [](const Tuple&, ByteView) { return false; };
  mic.KeepSilent(4800);
  call.world.Run(100ms);
  Talk(10);
  EXPECT_EQ(Recovered(), 1u);
  EXPECT_EQ(ear.packets, 21u);
  EXPECT_TRUE(ear.IsContiguous());
}

TEST_P(RedTest, BrokenRedIsDroppedAndCounted) {
  call.Connect();
  Talk(10);
  const Bytes truncated{0xEF, 0x0F};
  call.alice.SendRtp(mic.Build(MediaSender::kRed, false, truncated, mic.sequence()));
  mic.SkipSequence();
  mic.KeepSilent(960);
  // RED in RED, and in it a lost packet with a payload type that is RTCP's.
  const Bytes sound(60, 0x78);
  const std::array copies{media::red::Block{72, 960, sound}};
  call.alice.SendRtp(
      mic.Build(MediaSender::kRed, false, media::testing::WriteRed(copies, MediaSender::kRed, sound), mic.sequence()));
  mic.SkipSequence();
  mic.KeepSilent(960);
  Talk(10);
  EXPECT_EQ(call.Drops(sfu::DropReason::kRtpMalformed), 1u);
  EXPECT_EQ(call.Drops(sfu::DropReason::kUnknownPayloadType), 1u);
  EXPECT_EQ(ear.packets, 20u);
  EXPECT_EQ(Recovered(), 0u);
}

TEST(Listeners, LossOfPicturesIsTheServersOwnMatter) {
  Call call;
  MediaSender& camera = call.Camera();
  MediaReceiver& eye = call.Watch("camera");
  call.Connect();
  call.SendVideo(camera, 30, true);
  eye.SendReceiverReport(100);
  call.SendVideo(camera, 60, true);
  EXPECT_EQ(camera.fraction_lost, 0);
}

}  // namespace
}  // namespace jb::scenario
