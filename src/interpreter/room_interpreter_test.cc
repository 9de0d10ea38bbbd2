// SPDX-License-Identifier: Apache-2.0
#include "interpreter/room_interpreter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "interpreter/test_world.h"

namespace jb::interpreter {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using testing::L;
using testing::P;
using ::testing::Pair;
using ::testing::StartsWith;
using testing::World;

// Ann speaks English, Eva hears Spanish.
struct Pair_ : World {
  explicit Pair_(InterpreterOptions options = {}) : World(options) {
    Join("ann", "en", "en");
    Join("eva", "es", "es");
    OpenMic("ann");
    Run(500ms);
  }
};

TEST(RoomInterpreter, ASentenceBecomesACaptionInBothLanguagesAndAVoice) {
  Pair_ w;
  w.Speak("ann", 2s);
  const auto finals = w.Finals();
  ASSERT_EQ(finals.size(), 1u);
  EXPECT_EQ(finals[0].speaker, P("ann"));
  EXPECT_EQ(finals[0].lang, L("en"));
  EXPECT_THAT(finals[0].text, StartsWith("word1x0 word1x1"));
  EXPECT_THAT(finals[0].translations, ElementsAre(Pair(L("es"), "[es] " + finals[0].text)));
  EXPECT_NE(w.FirstVoice("ann", "es"), kNever);
  EXPECT_NEAR(static_cast<double>(finals[0].end_ms - finals[0].start_ms), 2600, 400);  // with pre-roll and hangover
}

TEST(RoomInterpreter, TheDelayIsTheSumOfItsParts) {
  Pair_ w;
  w.services = {.stt_final = 120ms, .translation = 10ms, .tts_first = 50ms};
  const Time end = w.now + 2s;
  w.Speak("ann", 2s);
  ASSERT_EQ(w.metrics[MetricKind::kInterpret].size(), 1u);
  // From the end of the sound: silence 300 + stt 120 + translation 10 + tts 50, give or take one packet.
  EXPECT_LE(w.metrics[MetricKind::kInterpret][0], 0.500);
  EXPECT_GE(w.metrics[MetricKind::kInterpret][0], 0.460);
  // An outside listener waits no longer; less here, since this sound fades out in the trough of a syllable.
  EXPECT_LE(ToSeconds(w.FirstVoice("ann", "es") - end), w.metrics[MetricKind::kInterpret][0]);
  ASSERT_EQ(w.metrics[MetricKind::kCaptionFinal].size(), 1u);
  EXPECT_LE(w.metrics[MetricKind::kCaptionFinal][0], 0.450);
  EXPECT_NEAR(w.metrics[MetricKind::kStageStt][0], 0.120, 0.001);
  EXPECT_NEAR(w.metrics[MetricKind::kStageTranslation][0], 0.010, 0.001);
  EXPECT_NEAR(w.metrics[MetricKind::kStageTts][0], 0.050, 0.001);
}

TEST(RoomInterpreter, PartialsReviseOneCaptionInPlace) {
  Pair_ w;
  w.Speak("ann", 3s);
  std::string id;
  std::size_t partials = 0;
  Time last{};
  for (const auto& [at, caption] : w.captions) {
    if (id.empty()) id = caption.id;
    EXPECT_EQ(caption.id, id);
    if (!caption.final && caption.translations.empty()) {
      if (partials++ > 0) {
        EXPECT_GE(at - last, 150ms);
      }
      last = at;
    }
  }
  EXPECT_GE(partials, 5u);
  EXPECT_LE(w.metrics[MetricKind::kCaptionPartial][0], 0.2);
}

TEST(RoomInterpreter, TheWordsAreShownBeforeTheTranslationIsThere) {
  Pair_ w;
  w.services.translation = 700ms;
  w.Speak("ann", 2s);
  const auto& last = w.captions.back();
  const auto& before = w.captions[w.captions.size() - 2];
  EXPECT_TRUE(last.caption.final);
  EXPECT_FALSE(before.caption.final);
  EXPECT_EQ(before.caption.text, last.caption.text);
  EXPECT_EQ(last.at - before.at, 700ms);
  EXPECT_EQ(last.caption.stage.translation, 700);
}

// ------------------------------------------------------------------------ work that nobody needs

TEST(RoomInterpreter, InARoomOfOneNothingIsDone) {
  World w;
  w.Join("ann", "en", "en");
  w.OpenMic("ann");
  w.Speak("ann", 2s);
  EXPECT_THAT(w.taps, IsEmpty());
  EXPECT_THAT(w.stt_log, IsEmpty());
  EXPECT_EQ(w.room.stats().packets, 0u);
  EXPECT_GT(w.room.stats().packets_ignored, 0u);
}

TEST(RoomInterpreter, ATranslatorIsToldOncePerDirectionThatItWillBeNeeded) {
  World w;
  w.Join("anna", "en", "en");
  w.OpenMic("anna");
  w.Run(1s);
  EXPECT_TRUE(w.prepared.empty());  // nobody to translate for
  w.Join("benito", "es", "es");
  w.Join("bruno", "es", "es");
  w.Run(1s);
  EXPECT_EQ(w.prepared, (std::vector<std::pair<std::string, std::string>>{{"en", "es"}}));
  w.room.HandleServiceHealth(Service::kTranslation, false, w.now);
  w.room.HandleServiceHealth(Service::kTranslation, true, w.now);
  w.Run(1s);
  EXPECT_EQ(w.prepared.size(), 2u) << "a translator that was started anew is cold";
}

TEST(RoomInterpreter, WithoutSameLanguageCaptionsOnlyAForeignListenerCausesWork) {
  World w({.same_language_captions = false});
  w.Join("ann", "en", "en");
  w.Join("bob", "en", "en");
  w.OpenMic("ann");
  w.Speak("ann", 1s);
  EXPECT_THAT(w.taps, IsEmpty());
  w.Join("eva", "es", "es");
  EXPECT_TRUE(w.taps[World::Producer("ann")]);
  w.Leave("eva");
  EXPECT_FALSE(w.taps[World::Producer("ann")]);
}

TEST(RoomInterpreter, AmongPeopleOfOneLanguageThereAreCaptionsAndNothingElse) {
  World w;
  w.Join("ann", "en", "en");
  w.Join("bob", "en", "en");
  w.OpenMic("ann");
  w.Speak("ann", 2s);
  EXPECT_EQ(w.Finals().size(), 1u);
  EXPECT_THAT(w.translate_log, IsEmpty());
  EXPECT_THAT(w.tracks, IsEmpty());
}

TEST(RoomInterpreter, EachSentenceCostsOneRecognitionAndOneTranslationAndSynthesisPerLanguage) {
  Pair_ w;
  w.Join("eve", "es", "es");  // a second Spanish listener
  w.Join("bob", "en", "en");
  w.Join("cat", "ca", "ca");
  w.Join("cas", "ca", "ca", VoiceChoice::kOriginal);
  for (int i = 0; i < 3; ++i) w.Speak("ann", 2s, 5s);
  const InterpreterStats& s = w.room.stats();
  EXPECT_EQ(s.sentences, 3u);
  EXPECT_THAT(s.translations, ElementsAre(Pair(L("ca"), 3u), Pair(L("es"), 3u)));
  EXPECT_THAT(s.syntheses, ElementsAre(Pair(Pair(P("ann"), L("ca")), 3u), Pair(Pair(P("ann"), L("es")), 3u)));
  EXPECT_THAT(w.tracks, ElementsAre(Pair(Pair("ann", "ca"), 1), Pair(Pair("ann", "es"), 1)));
  EXPECT_THAT(w.Finals()[0].translations, ElementsAre(Key(L("ca")), Key(L("es"))));
}

TEST(RoomInterpreter, AListenerOfTheOriginalVoiceGetsTranslatedCaptionsAndNoVoice) {
  World w;
  w.Join("ann", "en", "en");
  w.Join("eva", "es", "es", VoiceChoice::kOriginal);
  w.OpenMic("ann");
  w.Speak("ann", 2s);
  EXPECT_THAT(w.Finals()[0].translations, ElementsAre(Key(L("es"))));
  EXPECT_THAT(w.tracks, IsEmpty());
  EXPECT_THAT(w.synthesize_log, IsEmpty());
}

TEST(RoomInterpreter, ALanguageWithoutARecogniserIsNotTapped) {
  World w;
  w.Join("eva", "es", "es");
  w.Join("ann", "en", "en");
  w.OpenMic("eva");
  w.Run(100ms);
  EXPECT_THAT(w.taps, IsEmpty());
  w.Do([&] {
    w.room.SetAvailability({.stt = {L("es")}, .translation = {{L("es"), L("en")}}, .tts = {L("en")}}, w.now);
  });
  EXPECT_TRUE(w.taps[World::Producer("eva")]);
  EXPECT_EQ((w.tracks[{"eva", "en"}]), 1);
}

TEST(RoomInterpreter, SilenceCostsNoRecognition) {
  Pair_ w;
  w.Run(30s);
  EXPECT_THAT(w.stt_log, IsEmpty());
  EXPECT_THAT(w.captions, IsEmpty());
}

TEST(RoomInterpreter, AStreamWithoutSpeechIsClosedAndOpenedAgainWhenNeeded) {
  Pair_ w;
  w.Speak("ann", 1s, 25s);
  ASSERT_EQ(w.stt_log.size(), 1u);
  EXPECT_TRUE(w.stt_log.begin()->second.closed);
  w.Speak("ann", 1s);
  EXPECT_EQ(w.stt_log.size(), 2u);
  EXPECT_EQ(w.Finals().size(), 2u);
}

// -------------------------------------------------------------------------------------- the voice

TEST(RoomInterpreter, FramesLeaveExactlyEvery20MsWithContinuousTimestamps) {
  Pair_ w;
  w.Speak("ann", 3s, 6s);
  w.Speak("ann", 2s, 6s);
  const auto& frames = w.FramesOf("ann", "es");
  ASSERT_GT(frames.size(), 100u);
  int spurts = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (frames[i].marker) {
      ++spurts;
      continue;
    }
    ASSERT_GT(i, 0u);
    EXPECT_EQ(frames[i].at - frames[i - 1].at, 20ms);
    EXPECT_EQ(frames[i].timestamp - frames[i - 1].timestamp, 960u);
  }
  EXPECT_EQ(spurts, 2);
  EXPECT_EQ(w.room.stats().cadence_slips, 0u);
}

TEST(RoomInterpreter, AcrossAPauseTheTimestampAdvancesByThePause) {
  Pair_ w;
  w.Speak("ann", 1s, 6s);
  w.Speak("ann", 1s, 6s);
  const auto& frames = w.FramesOf("ann", "es");
  const auto second = std::find_if(frames.begin() + 1, frames.end(), [](const auto& f) { return f.marker; });
  ASSERT_NE(second, frames.end());
  const double seconds = ToSeconds(second->at - (second - 1)->at);
  EXPECT_NEAR((second->timestamp - (second - 1)->timestamp) / 48000.0, seconds, 0.001);
  EXPECT_EQ((second - 1)->level, -127);  // the spurt ended in silence
  EXPECT_FALSE((second - 1)->voice);
}

TEST(RoomInterpreter, TheVoiceIsTheSoundThatWasSynthesized) {
  Pair_ w;
  w.Speak("ann", 2s, 8s);
  media::OpusDecoder decoder(48000);
  std::vector<std::int16_t> pcm;
  std::array<std::int16_t, 5760> frame;
  for (const auto& f : w.FramesOf("ann", "es")) {
    const auto n = decoder.Decode(f.opus, frame);
    ASSERT_TRUE(n.ok());
    pcm.insert(pcm.end(), frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(*n));
  }
  const double expected = ToSeconds(SpokenLength(w.synthesize_log[0].text));
  EXPECT_NEAR(static_cast<double>(pcm.size()) / 48000, expected, 0.25);
  const auto middle = std::span(pcm).subspan(pcm.size() / 4, pcm.size() / 2);
  EXPECT_NEAR(media::testing::ZeroCrossingHz(middle, 48000), 300, 10);
}

TEST(RoomInterpreter, WhenTheVoiceFallsBehindItHurriesAndJoinsClauses) {
  Pair_ w;
  w.services.tts_stretch = 1.3;
  for (int i = 0; i < 5; ++i) w.Speak("ann", 600ms, 600ms);
  w.Run(20s);
  const InterpreterStats& s = w.room.stats();
  EXPECT_EQ(s.sentences, 5u);
  EXPECT_GT(s.clauses_coalesced, 0u);
  EXPECT_EQ(s.clauses_dropped, 0u);
  EXPECT_GT(s.stretched_ms, 300u);
  EXPECT_EQ(s.syntheses_total + s.clauses_coalesced, 5u);
}

TEST(RoomInterpreter, FarBehindItLeavesTheOldestOutAndCaptionsHaveThemAll) {
  Pair_ w;
  w.services.tts_stretch = 2.0;
  for (int i = 0; i < 30; ++i) w.Speak("ann", 1800ms, 500ms);
  const Time last_said = w.now;
  w.Run(60s);
  EXPECT_EQ(w.Finals().size(), 30u);
  EXPECT_GT(w.room.stats().clauses_dropped, 5u);
  // Bounded: what lies ready, 8 s of text at twice its length, and an utterance.
  for (const double lag : w.metrics[MetricKind::kInterpret]) EXPECT_LT(lag, 16);
  EXPECT_LT(w.FramesOf("ann", "es").back().at - last_said, 25s);
}

TEST(RoomInterpreter, AVoiceThatKeepsUpIsNeitherHurriedNorCut) {
  Pair_ w;
  for (int i = 0; i < 5; ++i) w.Speak("ann", 2s, 6s);
  EXPECT_EQ(w.room.stats().stretched_ms, 0u);
  EXPECT_EQ(w.room.stats().clauses_dropped, 0u);
  EXPECT_EQ(w.room.stats().underruns, 0u);
}

TEST(RoomInterpreter, ASlowSynthesizerPausesInsteadOfStuttering) {
  Pair_ w;
  w.services.tts_speed = 0.8;
  w.Speak("ann", 2s, 15s);
  EXPECT_GT(w.room.stats().underruns, 0u);
  EXPECT_LT(w.room.stats().underruns, 8u);
  int voiced = 0;
  for (const auto& f : w.FramesOf("ann", "es")) voiced += f.voice;
  EXPECT_NEAR(voiced / 50.0, ToSeconds(SpokenLength(w.synthesize_log[0].text)), 0.3);
}

TEST(RoomInterpreter, ARunawaySynthesisIsCutOff) {
  Pair_ w;
  w.services.tts_stretch = 20;
  w.Speak("ann", 1s, 60s);
  ASSERT_EQ(w.synthesize_log.size(), 1u);
  EXPECT_THAT(w.cancelled, ElementsAre(w.synthesize_log[0].request));
  const double most = 3 * ToSeconds(SpokenLength(w.synthesize_log[0].text)) + 2.2;
  EXPECT_LT(static_cast<double>(w.FramesOf("ann", "es").size()) / 50, most);
}

TEST(RoomInterpreter, ALateDriverStartsTheCadenceAnewInsteadOfBursting) {
  Pair_ w;
  w.Speak("ann", 2s, 500ms);
  ASSERT_FALSE(w.FramesOf("ann", "es").empty());
  const std::size_t before = w.FramesOf("ann", "es").size();
  w.now += 1s;  // nobody drove the room
  w.Do([&] { w.room.HandleTimeout(w.now); });
  EXPECT_LE(w.FramesOf("ann", "es").size() - before, 2u);
  EXPECT_EQ(w.room.stats().cadence_slips, 1u);
}

// ---------------------------------------------------------------------------- people who come and go

TEST(RoomInterpreter, MutingEndsTheClauseAtOnce) {
  Pair_ w;
  w.StartSpeaking("ann", 10s);
  w.Run(2s);
  const Time muted = w.now;
  w.SetMic("ann", true);
  w.Run(2s);
  ASSERT_EQ(w.Finals().size(), 1u);
  EXPECT_EQ(w.captions.back().at - muted, 110ms);  // no hangover: stt 100 + translation 10
  EXPECT_FALSE(w.taps[World::Producer("ann")]);
  EXPECT_EQ((w.tracks[{"ann", "es"}]), 1);  // muting does not take the track away
  EXPECT_NE(w.FirstVoice("ann", "es"), kNever);
}

TEST(RoomInterpreter, WhoeverLeavesInMidSentenceIsStillCaptioned) {
  Pair_ w;
  w.StartSpeaking("ann", 10s);
  w.Run(2s);
  w.Leave("ann");
  EXPECT_EQ((w.tracks[{"ann", "es"}]), 0);
  w.Run(2s);
  ASSERT_EQ(w.Finals().size(), 1u);
  EXPECT_THAT(w.Finals()[0].translations, ElementsAre(Key(L("es"))));
  EXPECT_THAT(w.synthesize_log, IsEmpty());
  EXPECT_TRUE(w.stt_log.begin()->second.closed);
}

TEST(RoomInterpreter, TheLastWordsOfAClosedMicrophoneAreSpokenAndThenItsTrackGoes) {
  Pair_ w;
  w.StartSpeaking("ann", 10s);
  w.Run(1500ms);
  w.CloseMic("ann");
  w.Run(300ms);
  EXPECT_EQ((w.tracks[{"ann", "es"}]), 1);
  w.Run(6s);
  EXPECT_NE(w.FirstVoice("ann", "es"), kNever);
  EXPECT_EQ((w.tracks[{"ann", "es"}]), 0);
}

TEST(RoomInterpreter, ASilentMicrophoneThatClosesTakesItsTrackAlong) {
  Pair_ w;
  w.CloseMic("ann");
  w.Run(100ms);
  EXPECT_EQ((w.tracks[{"ann", "es"}]), 0);
}

TEST(RoomInterpreter, ASpeakerWhoChangesLanguageGetsANewStreamAndTheOldWordsStayInTheOldLanguage) {
  Pair_ w;
  w.StartSpeaking("ann", 4s);
  w.Run(2s);
  w.Join("ann", "fr", "fr");
  w.Run(5s);
  ASSERT_EQ(w.stt_log.size(), 2u);
  EXPECT_EQ(w.stt_log.begin()->second.lang, L("en"));
  EXPECT_TRUE(w.stt_log.begin()->second.closed);
  EXPECT_EQ(w.stt_log.rbegin()->second.lang, L("fr"));
  const auto finals = w.Finals();
  ASSERT_EQ(finals.size(), 2u);
  EXPECT_EQ(finals[0].lang, L("en"));
  EXPECT_EQ(finals[1].lang, L("fr"));
  EXPECT_EQ((w.tracks[{"ann", "es"}]), 1);
}

TEST(RoomInterpreter, AListenerWhoJoinsInMidSentenceHearsThatSentence) {
  World w;
  w.Join("ann", "en", "en");
  w.Join("bob", "en", "en");
  w.OpenMic("ann");
  w.StartSpeaking("ann", 3s);
  w.Run(2s);
  w.Join("eva", "es", "es");
  EXPECT_EQ((w.tracks[{"ann", "es"}]), 1);
  w.Run(3s);
  EXPECT_THAT(w.Finals()[0].translations, ElementsAre(Key(L("es"))));
  EXPECT_NE(w.FirstVoice("ann", "es"), kNever);
}

TEST(RoomInterpreter, AListenerWhoLeavesEndsTheWorkForThem) {
  Pair_ w;
  w.Join("bob", "en", "en");
  w.services.translation = 500ms;
  w.StartSpeaking("ann", 1s);
  w.Run(1s + 450ms + 150ms + 100ms);
  ASSERT_EQ(w.translate_log.size(), 1u);
  w.Leave("eva");
  EXPECT_THAT(w.cancelled, ElementsAre(w.translate_log[0].request));
  EXPECT_EQ(w.Finals().size(), 1u);
  EXPECT_EQ((w.tracks[{"ann", "es"}]), 0);
  w.Run(3s);
  EXPECT_THAT(w.synthesize_log, IsEmpty());
}

TEST(RoomInterpreter, AListenerWhoChangesLanguageGetsAnotherTrack) {
  Pair_ w;
  w.Join("eva", "es", "ca");
  EXPECT_EQ((w.tracks[{"ann", "es"}]), 0);
  EXPECT_EQ((w.tracks[{"ann", "ca"}]), 1);
  w.Join("eva", "es", "ca", VoiceChoice::kOriginal);
  EXPECT_EQ((w.tracks[{"ann", "ca"}]), 0);
}

TEST(RoomInterpreter, TwoSpeakersAtOnceDoNotMix) {
  Pair_ w;
  w.Join("bob", "en", "en");
  w.OpenMic("bob");
  w.StartSpeaking("ann", 2s);
  w.StartSpeaking("bob", 2s);
  w.Run(5s);
  EXPECT_EQ(w.Finals().size(), 2u);
  EXPECT_NE(w.FirstVoice("ann", "es"), kNever);
  EXPECT_NE(w.FirstVoice("bob", "es"), kNever);
  EXPECT_NE(w.synthesize_log[0].voice, w.synthesize_log[1].voice);
}

TEST(RoomInterpreter, ANewMicrophoneReplacesTheOldOne) {
  Pair_ w;
  w.Do([&] { w.room.SetMicrophone(P("ann"), ProducerId("other"), false, w.now); });
  EXPECT_FALSE(w.taps[World::Producer("ann")]);
  EXPECT_TRUE(w.taps[ProducerId("other")]);
  EXPECT_EQ((w.tracks[{"ann", "es"}]), 1);
}

TEST(RoomInterpreter, NobodyTakesAnothersMicrophone) {
  Pair_ w;
  w.Do([&] { w.room.SetMicrophone(P("eva"), World::Producer("ann"), true, w.now); });
  EXPECT_TRUE(w.taps[World::Producer("ann")]);
}

// --------------------------------------------------------------------------------- rough networks

TEST(RoomInterpreter, LossIsConcealedAndTheSentenceArrivesWhole) {
  Pair_ w;
  w.lose = [](std::uint16_t seq) { return seq % 20 == 7; };
  w.Speak("ann", 4s);
  EXPECT_EQ(w.Finals().size(), 1u);
  EXPECT_GT(w.room.stats().concealed_ms, 100u);
  // Pre-roll and hangover included, nothing is missing.
  EXPECT_NEAR(static_cast<double>(w.stt_log.begin()->second.samples) / 16000, 4.65, 0.2);
}

TEST(RoomInterpreter, PacketsThatStopInMidSpeechEndTheClause) {
  Pair_ w;
  w.StartSpeaking("ann", 10s);
  w.Run(2s);
  w.StopSending("ann");
  w.Run(1s);
  EXPECT_EQ(w.Finals().size(), 1u);
  w.ResumeSending("ann");
  w.Run(1s);
  w.StopSending("ann");
  w.Run(1s);
  EXPECT_EQ(w.Finals().size(), 2u);
}

TEST(RoomInterpreter, ASenderThatStopsSendingInSilenceIsNotWaitedForLonger) {
  Pair_ w;
  w.StartSpeaking("ann", 2s);
  w.Run(2200ms);
  w.StopSending("ann");  // DTX sets in 200 ms after the speech
  w.Run(2s);
  ASSERT_EQ(w.metrics[MetricKind::kInterpret].size(), 1u);
  // Hangover 300, packets that may be late 60, stt 100, translation 10, tts 40.
  EXPECT_LE(w.metrics[MetricKind::kInterpret][0], 0.530);
}

TEST(RoomInterpreter, ALongSpeechComesOutInClauses) {
  InterpreterOptions options;
  options.most_clause = 6s;
  Pair_ w(options);
  w.Speak("ann", 19s);
  EXPECT_GE(w.Finals().size(), 3u);
}

// --------------------------------------------------------------------------- services that fail

ServiceLevel Level(const World& w, Service service) {
  const ServiceState& s = w.room.service_state();
  return service == Service::kStt ? s.stt.level : service == Service::kTranslation ? s.translation.level : s.tts.level;
}

TEST(RoomInterpreter, WhenSttDiesItsWordsStandAndItComesBackByItself) {
  Pair_ w;
  w.StartSpeaking("ann", 3s);
  w.Run(2s);
  const Time killed = w.now;
  w.KillStt();
  EXPECT_EQ(w.captions.back().caption.final || !w.translate_log.empty(), true);
  w.Run(3s);
  ASSERT_EQ(w.Finals().size(), 1u);
  EXPECT_FALSE(w.Finals()[0].text.empty());
  w.StartSpeaking("ann", 2s);
  w.Run(2s);
  EXPECT_EQ(Level(w, Service::kStt), ServiceLevel::kDown);
  ASSERT_FALSE(w.states.empty());
  EXPECT_LE(w.states.front().first - killed, 5s);
  EXPECT_FALSE(w.states.back().second.stt.message.empty());
  w.services.stt_up = true;
  w.Run(2s);
  w.Speak("ann", 4s);
  EXPECT_EQ(Level(w, Service::kStt), ServiceLevel::kUp);
  EXPECT_EQ(w.Finals().size(), 2u);
  EXPECT_GT(w.room.stats().stt_audio_dropped_ms, 0u);
}

TEST(RoomInterpreter, AnSttThatHangsIsToldWithinFiveSecondsAndThenGivenUp) {
  Pair_ w;
  w.services.stt_hangs = true;
  const Time end = w.now + 1s;
  w.Speak("ann", 1s, 3500ms);
  EXPECT_EQ(Level(w, Service::kStt), ServiceLevel::kDegraded);
  EXPECT_LE(w.states.back().first - end, 3500ms);
  w.Run(6s);
  EXPECT_EQ(Level(w, Service::kStt), ServiceLevel::kDown);
  EXPECT_EQ(w.room.stats().timeouts, 1u);
  EXPECT_TRUE(w.stt_log.begin()->second.closed);
  w.services.stt_hangs = false;
  w.Run(1s);
  w.Speak("ann", 1s);
  EXPECT_EQ(Level(w, Service::kStt), ServiceLevel::kUp);
}

TEST(RoomInterpreter, ASlowSttIsToldAndItsWordsAreStillUsed) {
  Pair_ w;
  w.services.stt_final = 4s;
  w.Speak("ann", 1s, 6s);
  EXPECT_EQ(w.Finals().size(), 1u);
  EXPECT_EQ(w.states.front().second.stt.level, ServiceLevel::kDegraded);
  w.Run(1s);
  EXPECT_EQ(Level(w, Service::kStt), ServiceLevel::kUp);
  EXPECT_FALSE(w.stt_log.begin()->second.closed);
}

TEST(RoomInterpreter, SupervisionTellsTroubleAtOnceAndItsEndWhenItWasRead) {
  Pair_ w;
  for (const Service service : {Service::kStt, Service::kTranslation, Service::kTts}) {
    w.HealthChanges(service, false);
    const Time told = w.now;
    EXPECT_EQ(w.states.back().first, told);
    EXPECT_EQ(Level(w, service), ServiceLevel::kDown);
    w.HealthChanges(service, true);  // restarted in no time
    w.Run(2900ms);
    EXPECT_EQ(Level(w, service), ServiceLevel::kDown);
    w.Run(200ms);
    EXPECT_EQ(Level(w, service), ServiceLevel::kUp);
    EXPECT_EQ(w.states.back().first, told + 3s);
  }
}

TEST(RoomInterpreter, WorkGoesOnAtOnceThoughTheTroubleIsStillTold) {
  Pair_ w;
  w.HealthChanges(Service::kStt, false);
  w.HealthChanges(Service::kStt, true);
  w.Speak("ann", 1s, 1s);
  EXPECT_EQ(w.Finals().size(), 1u);
}

TEST(RoomInterpreter, WithoutTranslationCaptionsStayInTheOriginal) {
  Pair_ w;
  w.services.translation_up = false;
  for (int i = 0; i < 3; ++i) w.Speak("ann", 1s);
  EXPECT_EQ(w.Finals().size(), 3u);
  for (const Caption& c : w.Finals()) EXPECT_THAT(c.translations, IsEmpty());
  EXPECT_EQ(Level(w, Service::kTranslation), ServiceLevel::kDown);
  EXPECT_LE(w.translate_log.size(), 7u);  // with one retry each, and no more than probes when it is down
  w.services.translation_up = true;
  w.Run(2s);
  w.Speak("ann", 1s);
  EXPECT_EQ(Level(w, Service::kTranslation), ServiceLevel::kUp);
  EXPECT_THAT(w.Finals().back().translations, ElementsAre(Key(L("es"))));
}

TEST(RoomInterpreter, ATranslationThatHangsHoldsTheCaptionNoLongerThanItsDeadline) {
  Pair_ w;
  w.services.translation_hangs = true;
  w.Speak("ann", 1s, 6s);
  ASSERT_EQ(w.Finals().size(), 1u);
  EXPECT_EQ(w.captions.back().at - (w.captions.end() - 2)->at, 4s);
  EXPECT_THAT(w.cancelled, ElementsAre(w.translate_log[0].request));
  EXPECT_EQ(Level(w, Service::kTranslation), ServiceLevel::kDegraded);
}

TEST(RoomInterpreter, WithoutTtsCaptionsGoOnAndTheVoiceReturns) {
  Pair_ w;
  w.services.tts_up = false;
  for (int i = 0; i < 3; ++i) w.Speak("ann", 1s);
  EXPECT_EQ(w.Finals().size(), 3u);
  EXPECT_THAT(w.Finals().back().translations, ElementsAre(Key(L("es"))));
  EXPECT_EQ(Level(w, Service::kTts), ServiceLevel::kDown);
  EXPECT_EQ((w.tracks[{"ann", "es"}]), 1);
  EXPECT_THAT(w.FramesOf("ann", "es"), IsEmpty());
  w.services.tts_up = true;
  w.Run(20s);  // what waited too long is not spoken
  const Time back = w.now;
  w.Speak("ann", 1s);
  EXPECT_EQ(Level(w, Service::kTts), ServiceLevel::kUp);
  EXPECT_NE(w.FirstVoice("ann", "es", back), kNever);
}

TEST(RoomInterpreter, TtsThatComesBackSoonSpeaksWhatWaited) {
  Pair_ w;
  w.HealthChanges(Service::kTts, false);
  w.services.tts_up = false;
  w.Speak("ann", 1s, 3s);
  w.services.tts_up = true;
  w.HealthChanges(Service::kTts, true);
  w.Run(1s);
  EXPECT_NE(w.FirstVoice("ann", "es"), kNever);
}

TEST(RoomInterpreter, ASentenceWhoseSynthesisIsRepeatedCountsAsOneSynthesis) {
  Pair_ w;
  w.services.tts_up = false;
  w.StartSpeaking("ann", 1s);
  w.Run(1s + 450ms);
  for (int i = 0; i < 1000 && w.synthesize_log.empty(); ++i) w.Run(1ms);
  w.services.tts_up = true;
  w.Run(3s);
  EXPECT_EQ(w.synthesize_log.size(), 2u);
  EXPECT_NE(w.FirstVoice("ann", "es"), kNever);
  EXPECT_EQ(w.room.stats().syntheses_total, 1u);
  EXPECT_THAT(w.room.stats().syntheses, ElementsAre(Pair(Pair(P("ann"), L("es")), 1u)));
}

TEST(RoomInterpreter, ATtsThatHangsIsGivenUpAfterItsTimeout) {
  Pair_ w;
  w.services.tts_hangs = true;
  w.Speak("ann", 1s, 15s);
  EXPECT_GE(w.room.stats().timeouts, 1u);
  EXPECT_NE(Level(w, Service::kTts), ServiceLevel::kUp);
  EXPECT_FALSE(w.cancelled.empty());
}

TEST(RoomInterpreter, AServiceThatIsForgivenWithoutTrafficIsUpAgain) {
  Pair_ w;
  w.services.translation_up = false;
  for (int i = 0; i < 2; ++i) w.Speak("ann", 1s);
  EXPECT_EQ(Level(w, Service::kTranslation), ServiceLevel::kDown);
  w.Run(11s);
  EXPECT_EQ(Level(w, Service::kTranslation), ServiceLevel::kUp);
}

TEST(RoomInterpreter, AnswersToUnknownIdsAreIgnored) {
  Pair_ w;
  w.Do([&] {
    w.room.HandleSttEvent(StreamId(99), {.kind = SttEvent::Kind::kFinal, .text = "ghost"}, w.now);
    w.room.HandleTranslation(RequestId(99), {.text = "ghost", .error = {}}, w.now);
    w.room.HandleSynthesisAudio(RequestId(99), {1, 2, 3}, true, w.now);
    w.room.HandleSynthesisError(RequestId(99), "ghost", w.now);
    w.room.RemoveMicrophone(ProducerId("ghost"), w.now);
    w.room.RemoveParticipant(P("ghost"), w.now);
    w.room.SetMicrophone(P("ghost"), ProducerId("ghost"), false, w.now);
  });
  EXPECT_THAT(w.captions, IsEmpty());
}

TEST(RoomInterpreter, APartialThatTurnsOutToBeNothingIsTakenBack) {
  Pair_ w;
  w.StartSpeaking("ann", 1s);
  w.Run(600ms);
  ASSERT_EQ(w.stt_log.size(), 1u);
  const StreamId stream = w.stt_log.begin()->first;
  const SttEvent partial{.kind = SttEvent::Kind::kPartial, .segment = 50, .text = "uh"};
  const SttEvent final{.kind = SttEvent::Kind::kFinal, .segment = 50, .text = ""};
  w.Do([&] { w.room.HandleSttEvent(stream, partial, w.now); });
  const std::string id = w.captions.back().caption.id;
  w.Do([&] { w.room.HandleSttEvent(stream, final, w.now); });
  EXPECT_EQ(w.captions.back().caption.id, id);
  EXPECT_TRUE(w.captions.back().caption.final);
  EXPECT_EQ(w.captions.back().caption.text, "");
  EXPECT_EQ(w.room.stats().sentences, 0u);
}

TEST(RoomInterpreter, ABrokenSttThatOpensSegmentsWithoutEndIsBounded) {
  Pair_ w;
  w.StartSpeaking("ann", 1s);
  w.Run(600ms);
  const StreamId stream = w.stt_log.begin()->first;
  for (std::uint64_t i = 100; i < 400; ++i) {
    w.Do([&] { w.room.HandleSttEvent(stream, {.kind = SttEvent::Kind::kPartial, .segment = i, .text = "x"}, w.now); });
  }
  std::map<std::string, bool> open;
  for (const auto& c : w.captions) open[c.caption.id] = c.caption.final;
  EXPECT_LE(std::count_if(open.begin(), open.end(), [](const auto& e) { return !e.second; }), 10);
}

}  // namespace
}  // namespace jb::interpreter
