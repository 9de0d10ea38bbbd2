// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <optional>
#include <set>

#include "base/utf8.h"
#include "io/clock.h"
#include "io/loop.h"
#include "media/audio/wav.h"
#include "speech/espeak/backend.h"
#include "speech/espeak/voice_table.h"
#include "speech/espeak/wav_stream.h"

namespace jb::speech {
namespace {

using namespace std::chrono_literals;

constexpr std::string_view kListing =
    "Pty Language       Age/Gender VoiceName          File                 Other Languages\n"
    " 5  en-gb           --/M      English_(Great_Britain) gmw/en               (en 2)\n"
    " 2  en-us           --/M      English_(America)  gmw/en-US            (en 3)\n"
    " 5  es              --/M      Spanish_(Spain)    roa/es               \n"
    " 5  es-419          --/M      Spanish_(Latin_America) roa/es-419           (es-mx 6)\n"
    " 5  cmn             --/M      Chinese_(Mandarin) sit/cmn              (zh-cmn 5)(zh 5)\n"
    " 5  vi              --/M      Vietnamese_(Northern) aav/vi               \n"
    " 5  vi-vn-x-south   --/M      Vietnamese_(Southern) aav/vi-VN-x-south \n";

std::string VoiceFor(std::string_view language, std::string_view voice = "") {
  const auto style = ChooseStyle(ParseEspeakVoices(kListing), language, voice);
  return style ? style->voice : "none";
}

TEST(EspeakVoices, TagsFindTheNearestVoice) {
  EXPECT_EQ(VoiceFor("en"), "en-us");
  EXPECT_EQ(VoiceFor("en-GB"), "en-gb");
  EXPECT_EQ(VoiceFor("en-AU"), "en-us");
  EXPECT_EQ(VoiceFor("zh"), "cmn");
  EXPECT_EQ(VoiceFor("zh-Hans-CN"), "cmn");
  EXPECT_EQ(VoiceFor("es-MX"), "es-419");
  EXPECT_EQ(VoiceFor("spa_Latn"), "es");
  EXPECT_EQ(VoiceFor("vi-VN"), "vi");
  EXPECT_EQ(VoiceFor("qq"), "none");
  EXPECT_EQ(VoiceFor(""), "none");
  EXPECT_EQ(VoiceFor("-v;rm"), "none");
}

TEST(EspeakVoices, NamedVoicesAreKeptWhereTheySpeakTheLanguage) {
  EXPECT_EQ(VoiceFor("es", "es-419+f2"), "es-419+f2");
  EXPECT_EQ(VoiceFor("vi", "vi-vn-x-south"), "vi-vn-x-south");
  EXPECT_EQ(VoiceFor("vi", "es-419+f2"), "vi+f2");  // another language's: only how it sounds
  EXPECT_EQ(VoiceFor("vi", "m3"), "vi+m3");
}

// How it sounds, whatever the language.
std::string Sound(const EspeakStyle& style) {
  return style.voice.substr(style.voice.find('+')) + " " + std::to_string(style.pitch) + " " +
         std::to_string(style.speed);
}

TEST(EspeakVoices, ASpeakerAlwaysSoundsTheSameInEveryLanguage) {
  const auto voices = ParseEspeakVoices(kListing);
  for (const char* id : {"speaker-1", "speaker-7", "speaker:ab12", "speaker-0", "speaker-x", "speaker-"}) {
    EXPECT_EQ(Sound(*ChooseStyle(voices, "es", id)), Sound(*ChooseStyle(voices, "vi", id))) << id;
  }
  EXPECT_TRUE(ChooseStyle(voices, "es", "speaker-18446744073709551615"));
  EXPECT_TRUE(ChooseStyle(voices, "es", "speaker-99999999999999999999"));
}

TEST(EspeakVoices, NoTwoSpeakersOfARoomSoundAlike) {
  const auto voices = ParseEspeakVoices(kListing);
  std::set<std::string> timbres, sounds;
  for (int i = 1; i <= 165; ++i) {
    const auto style = ChooseStyle(voices, "es", "speaker-" + std::to_string(i));
    EXPECT_TRUE(sounds.insert(Sound(*style)).second) << i;
    timbres.insert(style->voice + " " + std::to_string(style->pitch));
    if (i <= 55) {
      EXPECT_EQ(timbres.size(), static_cast<std::size_t>(i)) << "by more than their speed";
    }
  }
}

TEST(EspeakVoices, OtherNamesMostlyDiffer) {
  const auto voices = ParseEspeakVoices(kListing);
  std::set<std::string> sounds;
  for (int i = 0; i < 10; ++i) sounds.insert(Sound(*ChooseStyle(voices, "es", "guest:" + std::to_string(i))));
  EXPECT_GE(sounds.size(), 8u);
}

TEST(EspeakText, LongTextIsSpokenInPiecesAndPhonemesAreNotObeyed) {
  EXPECT_TRUE(UtterancesOf(" \n\u200B").empty());
  EXPECT_EQ(UtterancesOf("[[x]] a"), std::vector<std::string>{"[ x]] a\n"});
  EXPECT_EQ(UtterancesOf("[[[x"), std::vector<std::string>{"[ [x\n"});
  std::string text;
  for (int i = 0; i < 100; ++i) text += "Câu số " + std::to_string(i) + ". ";
  const auto pieces = UtterancesOf(text);
  EXPECT_GE(pieces.size(), 2u);
  std::string joined;
  for (const std::string& piece : pieces) {
    EXPECT_LE(CountCodePoints(piece), 510u);
    joined += piece;
  }
  EXPECT_NE(joined.find("Câu số 0."), std::string::npos);
  EXPECT_NE(joined.find("Câu số 99."), std::string::npos);
}

TEST(WavStream, SamplesAreFoundHoweverThePipeCutsThem) {
  const auto header = media::MakeWavHeader(22050, 1, 0x7FFFFFFF);
  Bytes wav(header.begin(), header.end());
  for (const int b : {1, 0, 2, 0, 3, 0}) wav.push_back(static_cast<std::uint8_t>(b));
  for (const std::size_t step : {1, 3, 7, 100}) {
    WavStream stream;
    std::vector<std::int16_t> all;
    for (std::size_t at = 0; at < wav.size(); at += step) {
      ASSERT_TRUE(stream.Push(ByteView(wav).subspan(at, std::min(step, wav.size() - at)), all));
    }
    EXPECT_EQ(all, (std::vector<std::int16_t>{1, 2, 3})) << step;
    EXPECT_EQ(stream.sample_rate_hz(), 22050);
  }
  WavStream broken;
  std::vector<std::int16_t> none;
  EXPECT_FALSE(broken.Push(Bytes(64, 'x'), none));
}

class EspeakTest : public testing::Test {
 protected:
  struct Spoken {
    double seconds = 0;
    double rms = 0;
    int chunks = 0;
    std::string error;
  };
  void SetUp() override {
    if (!std::filesystem::exists("/usr/bin/espeak-ng")) GTEST_SKIP() << "espeak-ng is not installed";
    auto made = MakeEspeak(loop_, 2);
    ASSERT_TRUE(made.ok()) << made.error().message;
    synthesizer_ = std::move(made).value();
  }
  Spoken Speak(SynthesisRequest request) {
    Spoken out;
    double energy = 0;
    std::size_t samples = 0;
    std::optional<Status<>> done;
    const int rate = request.sample_rate_hz;
    auto job = synthesizer_->Start(std::move(request), {[&](std::span<const std::int16_t> pcm) {
                                                          for (const std::int16_t s : pcm) energy += double{1} * s * s;
                                                          samples += pcm.size();
                                                          ++out.chunks;
                                                        },
                                                        [&](Status<> status) { done.emplace(std::move(status)); }});
    if (!job.ok()) return {0, 0, 0, job.error().code};
    EXPECT_TRUE(loop_.RunUntil([&] { return done.has_value(); }, 60s));
    if (done && !done->ok()) out.error = done->error().code;
    out.seconds = static_cast<double>(samples) / rate;
    out.rms = std::sqrt(energy / static_cast<double>(samples + 1));
    return out;
  }
  io::Loop loop_;
  std::unique_ptr<Synthesizer> synthesizer_;
};

TEST_F(EspeakTest, EachLanguageComesAsSoundOfAPlausibleLength) {
  for (const auto& [language, text] : {std::pair{"es", "Buenos días a todos."},
                                       {"vi", "Xin chào các bạn."},
                                       {"en", "Good morning everyone."},
                                       {"zh", "大家早上好。"}}) {
    const Spoken s = Speak({text, language, "speaker-1", 48000, 1});
    EXPECT_EQ(s.error, "") << language;
    EXPECT_GT(s.seconds, 0.5) << language;
    EXPECT_LT(s.seconds, 5) << language;
    EXPECT_GT(s.rms, 200) << language;
  }
}

TEST_F(EspeakTest, TheRateIsTheOneAskedForAndSpeedIsObeyed) {
  const std::string text = "Tenemos que terminar el informe antes del viernes.";
  const double normal = Speak({text, "es", "", 48000, 1}).seconds;
  EXPECT_NEAR(Speak({text, "es", "", 24000, 1}).seconds, normal, 0.02);
  EXPECT_NEAR(Speak({text, "es", "", 16000, 1}).seconds, normal, 0.02);
  EXPECT_LT(Speak({text, "es", "", 48000, 1.6}).seconds, normal * 0.8);
}

TEST_F(EspeakTest, MarkupOptionsAndPhonemesInTheTextAreOnlyText) {
  const Spoken s = Speak({"-f /etc/passwd --compile=x <break time=\"1000s\"/> [[h@l'oU]]", "en", "", 16000, 1});
  EXPECT_EQ(s.error, "");
  EXPECT_GT(s.seconds, 1);
  EXPECT_LT(s.seconds, 30);
}

TEST_F(EspeakTest, WhatCannotBeSpokenIsSaid) {
  EXPECT_EQ(Speak({"hello", "qq", "", 48000, 1}).error, "unsupported_language");
  EXPECT_EQ(Speak({"\xFF", "en", "", 48000, 1}).error, "invalid_text");
  EXPECT_EQ(Speak({std::string(kMaxSynthesisBytes + 1, 'a'), "en", "", 48000, 1}).error, "too_long");
  const Spoken nothing = Speak({" \n", "en", "", 48000, 1});
  EXPECT_EQ(nothing.error, "");
  EXPECT_EQ(nothing.seconds, 0);
}

TEST_F(EspeakTest, JobsBeyondTheConcurrencyAreRefusedAndADestroyedOneCallsNothing) {
  bool called = false;
  const auto handlers = [&] {
    return SynthesisHandlers{[&](std::span<const std::int16_t>) { called = true; }, [&](Status<>) { called = true; }};
  };
  auto a = synthesizer_->Start({"one", "en", "", 48000, 1}, handlers());
  auto b = synthesizer_->Start({"two", "en", "", 48000, 1}, handlers());
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_EQ(synthesizer_->Start({"three", "en", "", 48000, 1}, handlers()).error().code, "busy");
  a->reset();
  b->reset();
  EXPECT_TRUE(synthesizer_->Start({"four", "en", "", 48000, 1}, {}).ok());
  loop_.RunUntil([] { return false; }, 50ms);
  EXPECT_FALSE(called);
}

TEST_F(EspeakTest, APausedVoiceBeginsNothingFurtherAndThenGoesOn) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "This is sentence number " + std::to_string(i) + ". ";
  std::size_t samples = 0;
  bool done = false;
  std::unique_ptr<SynthesisJob> job;
  auto started = synthesizer_->Start({text, "en", "", 16000, 1}, {[&](std::span<const std::int16_t> pcm) {
                                                                    samples += pcm.size();
                                                                    job->Pause(true);
                                                                  },
                                                                  [&](const Status<>&) { done = true; }});
  ASSERT_TRUE(started.ok());
  job = *std::move(started);
  std::size_t before = 1;
  while (samples != std::exchange(before, samples)) loop_.RunUntil([] { return false; }, 1s);
  EXPECT_GT(samples, 0u);
  EXPECT_FALSE(done);
  const std::size_t first_piece = samples;
  EXPECT_TRUE(loop_.RunUntil(
      [&] {
        job->Pause(false);
        return done;
      },
      120s));
  EXPECT_GT(samples, 2 * first_piece);
}

TEST_F(EspeakTest, ManyLanguagesAndVoicesAreOffered) {
  const auto languages = synthesizer_->languages();
  for (const char* code : {"vi", "es", "en", "fr", "zh", "ca"}) {
    EXPECT_NE(std::find(languages.begin(), languages.end(), code), languages.end()) << code;
  }
  EXPECT_GT(synthesizer_->voices().size(), 100u);
  EXPECT_FALSE(synthesizer_->can_clone());
}

}  // namespace
}  // namespace jb::speech
