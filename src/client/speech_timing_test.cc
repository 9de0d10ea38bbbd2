// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <functional>

#include "client/latency_meter.h"
#include "client/recorder.h"
#include "client/speech_meter.h"

namespace jb::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time kStart{seconds(7)};
constexpr Duration kFrame = milliseconds(20);

Time At(int ms) { return kStart + milliseconds(ms); }

// One frame per 20 ms over [0, ms), loud where `loud` says.
std::vector<SpeechEvent> Feed(SpeechMeter& meter, int ms, const std::function<bool(int)>& loud) {
  std::vector<SpeechEvent> events;
  for (int t = 0; t < ms; t += 20) {
    if (const auto e = meter.HandleFrame(loud(t) ? std::uint8_t{20} : std::uint8_t{90}, At(t), kFrame))
      events.push_back(*e);
  }
  return events;
}

using Kind = SpeechEvent::Kind;

TEST(SpeechMeter, ReportsWhenSpeechBeganAndEndedNotWhenItWasNoticed) {
  SpeechMeter meter;
  const auto events = Feed(meter, 4000, [](int t) { return t >= 1000 && t < 2000; });
  EXPECT_EQ(events, (std::vector<SpeechEvent>{{Kind::kOnset, At(1000)}, {Kind::kEnd, At(2000)}}));
}

TEST(SpeechMeter, HearsPausesOverTheNoiseOfARoom) {
  SpeechMeter meter;
  std::vector<SpeechEvent> events;
  for (int t = 0; t < 6000; t += 20) {
    const bool speech = t % 2000 < 1200;
    const auto e = meter.HandleFrame(speech ? std::uint8_t{12} : std::uint8_t{42}, At(t),
                                     kFrame);  // 42 alone would not be silence
    if (e && e->kind == Kind::kEnd) events.push_back(*e);
  }
  EXPECT_EQ(events, (std::vector<SpeechEvent>{{Kind::kEnd, At(1200)}, {Kind::kEnd, At(3200)}, {Kind::kEnd, At(5200)}}));
}

TEST(SpeechMeter, PausesBetweenWordsDoNotEndASpurt) {
  SpeechMeter meter;
  const auto events = Feed(meter, 5000, [](int t) { return t < 3000 && t % 800 < 500; });
  EXPECT_EQ(events, (std::vector<SpeechEvent>{{Kind::kOnset, At(0)}, {Kind::kEnd, At(2900)}}));
}

TEST(SpeechMeter, AClickIsNoSpeech) {
  SpeechMeter meter;
  EXPECT_TRUE(Feed(meter, 3000, [](int t) { return t >= 1000 && t < 1100; }).empty());
}

TEST(SpeechMeter, MissingFramesCountAsSilence) {
  SpeechMeter meter;
  Feed(meter, 500, [](int) { return true; });
  EXPECT_FALSE(meter.HandleTimeout(At(800)));
  EXPECT_EQ(meter.HandleTimeout(At(900)), (SpeechEvent{Kind::kEnd, At(500)}));
  EXPECT_FALSE(meter.HandleTimeout(At(2000)));
}

TEST(LatencyMeter, PairsClausesWithVoicesInOrder) {
  LatencyMeter meter;
  meter.HandleSpeechEnd("mic", At(1000));
  meter.HandleSpeechEnd("mic", At(3000));
  meter.HandleTranslationOnset("mic", At(3500));
  meter.HandleTranslationOnset("mic", At(5000));
  EXPECT_EQ(meter.delays(), (std::vector<Duration>{milliseconds(2500), milliseconds(2000)}));
  EXPECT_EQ(meter.Quantile(0.5), milliseconds(2000));
  EXPECT_EQ(meter.Quantile(0.95), milliseconds(2500));
}

TEST(LatencyMeter, AVoiceMayBeginBeforeThePauseWasLongEnoughToBeNoticed) {
  LatencyMeter meter;
  meter.HandleTranslationOnset("mic", At(1300));
  EXPECT_TRUE(meter.delays().empty());
  meter.HandleSpeechEnd("mic", At(1000));
  EXPECT_EQ(meter.delays(), (std::vector<Duration>{milliseconds(300)}));
}

TEST(LatencyMeter, AVoiceThatBeganBeforeAnyClauseEndedIsNotCounted) {
  LatencyMeter meter;
  meter.HandleTranslationOnset("mic", At(900));
  meter.HandleSpeechEnd("mic", At(1000));
  meter.HandleTranslationOnset("mic", At(2500));
  EXPECT_EQ(meter.delays(), (std::vector<Duration>{milliseconds(1500)}));
}

TEST(LatencyMeter, ClausesSaidWithinOneSpurtDoNotShiftTheNextOnes) {
  LatencyMeter meter;
  meter.HandleSpeechEnd("mic", At(1000));
  meter.HandleTranslationOnset("mic", At(2500));
  meter.HandleSpeechEnd("mic", At(3000));
  meter.HandleSpeechEnd("mic", At(4000));
  meter.HandleTranslationEnd("mic", At(6000));  // said all three
  meter.HandleSpeechEnd("mic", At(9000));
  meter.HandleTranslationOnset("mic", At(10000));
  EXPECT_EQ(meter.delays(), (std::vector<Duration>{milliseconds(1500), milliseconds(1000)}));
}

TEST(LatencyMeter, AClauseThatEndedJustBeforeTheVoiceFellSilentStillWaits) {
  LatencyMeter meter;
  meter.HandleSpeechEnd("mic", At(1000));
  meter.HandleTranslationOnset("mic", At(2500));
  meter.HandleSpeechEnd("mic", At(5500));
  meter.HandleTranslationEnd("mic", At(6000));
  meter.HandleTranslationOnset("mic", At(7200));
  EXPECT_EQ(meter.delays(), (std::vector<Duration>{milliseconds(1500), milliseconds(1700)}));
}

TEST(LatencyMeter, AClauseThatGotNothingInTimeDoesNotShiftTheNextOnes) {
  LatencyMeter meter(seconds(4));
  meter.HandleSpeechEnd("ann", At(1000));  // noise: no caption comes of it
  meter.HandleTranslationOnset("ann", At(7400));
  meter.HandleSpeechEnd("ann", At(7000));
  EXPECT_EQ(meter.delays(), (std::vector<Duration>{milliseconds(400)}));
}

TEST(LatencyMeter, ForgetsClausesThatWereNeverTranslatedAndKeepsSpeakersApart) {
  LatencyMeter meter;
  meter.HandleSpeechEnd("a", At(0));
  meter.HandleSpeechEnd("a", At(40000));
  meter.HandleSpeechEnd("b", At(40500));
  meter.HandleTranslationOnset("a", At(41000));
  EXPECT_EQ(meter.delays(), (std::vector<Duration>{milliseconds(1000)}));
  EXPECT_FALSE(LatencyMeter().Quantile(0.5));
}

TEST(Recorder, MixesVoicesAndClipsTheSum) {
  Recorder recorder(10);
  recorder.Mix(2, std::vector<std::int16_t>{100, 30000});
  recorder.Mix(3, std::vector<std::int16_t>{30000, 5});
  EXPECT_EQ(recorder.samples(), (std::vector<std::int16_t>{0, 0, 100, 32767, 5}));
}

TEST(Recorder, DropsWhatLiesOutside) {
  Recorder recorder(4);
  recorder.Mix(-2, std::vector<std::int16_t>{1, 2, 3});
  recorder.Mix(3, std::vector<std::int16_t>{4, 5});
  recorder.Mix(100, std::vector<std::int16_t>{6});
  recorder.Mix(-5, std::vector<std::int16_t>{7});
  EXPECT_EQ(recorder.samples(), (std::vector<std::int16_t>{3, 0, 0, 4}));
  recorder.ExtendTo(100);
  EXPECT_EQ(recorder.samples().size(), 4u);
}

}  // namespace
}  // namespace jb::client
