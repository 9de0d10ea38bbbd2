// SPDX-License-Identifier: Apache-2.0
// The recogniser on speech made by flite. Audio time is counted in samples: nothing here sleeps.
#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <thread>

#include "io/loop.h"
#include "speech/pocketsphinx/backend.h"
#include "speech/pocketsphinx/clause_stream.h"
#include "speech/pocketsphinx/flite_speech.h"
#include "speech/pocketsphinx/transcript_text.h"

namespace jb::speech {
namespace {

using namespace std::chrono_literals;

TEST(TranscriptText, FillersAndPronunciationMarksAreDropped) {
  const std::vector<SphinxWord> words = {{"<s>", 0, 0.1},       {"i'm", 0.1, 0.3},   {"<sil>", 0.3, 0.4},
                                         {"read(2)", 0.4, 0.6}, {"[NOISE]", 0.6, 1}, {"++COUGH++", 1, 2},
                                         {"</s>", 2, 2.1}};
  const std::vector<TimedText> clean = CleanWords(words, 10);
  ASSERT_EQ(clean.size(), 2u);
  EXPECT_EQ(AsSentence(JoinWords(clean), true), "I'm read.");
  EXPECT_DOUBLE_EQ(clean[1].start_s, 10.4);
  EXPECT_EQ(CleanHypothesis("<s> so(2) i  think [SPEECH]"), "so I think");
  EXPECT_EQ(AsSentence("", true), "");
}

class Sphinx : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!IsInstalled({})) return;
    auto loaded = SphinxDecoder::Load({});
    ASSERT_TRUE(loaded.ok()) << loaded.error().message;
    decoder_ = std::move(loaded).value().release();
  }
  static void TearDownTestSuite() { delete std::exchange(decoder_, nullptr); }
  void SetUp() override {
    if (!IsInstalled({})) GTEST_SKIP() << "pocketsphinx-en-us is not installed";
    ASSERT_NE(decoder_, nullptr);
  }
  // Streams it as a call does, 20 ms at a time.
  static std::vector<ClauseResult> Stream(std::span<const std::int16_t> pcm, bool partials) {
    std::vector<ClauseResult> out;
    ClauseStream stream(*decoder_, [&](const ClauseResult& r) { out.push_back(r); });
    for (std::size_t at = 0; at < pcm.size(); at += 320) {
      stream.Push(pcm.subspan(at, std::min<std::size_t>(320, pcm.size() - at)));
      if (partials) stream.Idle();
    }
    stream.Finish();
    return out;
  }
  static std::string Finals(const std::vector<ClauseResult>& results) {
    std::string out;
    for (const ClauseResult& r : results) {
      if (r.recognition.final) out += r.recognition.text + " ";
    }
    return out;
  }
  static inline SphinxDecoder* decoder_ = nullptr;
};

class SphinxOnSpeech : public Sphinx {
 protected:
  void SetUp() override {
    Sphinx::SetUp();
    if (!IsFliteInstalled()) GTEST_SKIP() << "flite is not installed";
  }
};

const std::vector<std::pair<std::string, std::string>> kSentences = {
    {"slt", "good morning everyone thank you for joining the call"},
    {"rms", "the meeting has been moved to three o'clock in the afternoon"},
    {"awb", "please share your screen so that we can see the numbers"},
    {"slt", "i am looking forward to seeing you next week"},
    {"rms", "we have two children and a small dog"},
    {"awb", "could you repeat the last question"},
    {"slt", "please open the window because it is hot in here"},
    {"rms", "she works as a teacher in a small town near the sea"},
};

TEST_F(SphinxOnSpeech, StreamedFinalsOfThreeVoicesHaveLessThanFifteenPercentWordErrors) {
  std::string said, heard;
  for (const auto& [voice, text] : kSentences) {
    const auto pcm = SpeakWithFlite(voice, text);
    said += text + " ";
    heard += Finals(Stream(pcm, false));
  }
  RecordProperty("wer_percent", std::to_string(WordErrorRate(said, heard)));
  EXPECT_LT(WordErrorRate(said, heard), 15) << heard;
}

TEST_F(SphinxOnSpeech, APartialComesWhileSpeakingAndOneFinalPerClauseClosesIt) {
  const auto pcm = SpeakWithFlite("slt", kSentences[1].second);
  const auto results = Stream(pcm, true);
  ASSERT_GE(results.size(), 3u);
  EXPECT_FALSE(results.front().recognition.final);
  EXPECT_TRUE(results.back().recognition.final);
  for (std::size_t i = 1; i < results.size(); ++i) {
    const Recognition &before = results[i - 1].recognition, &now = results[i].recognition;
    EXPECT_EQ(now.rev, now.id == before.id ? before.rev + 1 : 1);
    if (before.final) {
      EXPECT_GT(now.id, before.id);
    }
  }
  const Recognition& last = results.back().recognition;
  EXPECT_EQ(last.text.back(), '.');
  EXPECT_NEAR(last.end_s, static_cast<double>(pcm.size()) / 16000 - 1, 0.35);  // a second of silence follows
}

TEST_F(SphinxOnSpeech, LoudnessDoesNotMatter) {
  auto pcm = SpeakWithFlite("slt", kSentences[0].second);
  for (auto& s : pcm) s = static_cast<std::int16_t>(s / 12);  // 22 dB down
  EXPECT_LT(WordErrorRate(kSentences[0].second, Finals(Stream(pcm, false))), 35);
}

TEST_F(Sphinx, SilenceAndNoiseGiveNoText) {
  std::mt19937 generator(3);
  for (const double level : {0.0, 20.0, 300.0, 2000.0}) {
    std::normal_distribution<double> normal(0, level > 0 ? level : 1);
    std::vector<std::int16_t> pcm(16000 * 6);
    for (auto& s : pcm) s = static_cast<std::int16_t>(level > 0 ? normal(generator) : 0);
    EXPECT_TRUE(Stream(pcm, true).empty()) << "white noise of " << level;
  }
  std::vector<std::int16_t> hum(16000 * 6);
  for (std::size_t i = 0; i < hum.size(); ++i) {
    hum[i] = static_cast<std::int16_t>(2000 * std::sin(static_cast<double>(i) * 2 * 3.14159265 * 50 / 16000));
  }
  EXPECT_TRUE(Stream(hum, true).empty()) << "mains hum";
}

TEST_F(SphinxOnSpeech, AFlushAnswersAtOnceWithWhatWasSaidAndEachFlushExactlyOnce) {
  auto pcm = SpeakWithFlite("slt", "we have two children");
  pcm.resize(pcm.size() - 16000);
  std::vector<ClauseResult> out;
  ClauseStream stream(*decoder_, [&](const ClauseResult& r) { out.push_back(r); });
  stream.Push(pcm);
  stream.Flush(1);
  stream.Flush(2);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].recognition.flush, 1u);
  EXPECT_LT(WordErrorRate("we have two children", out[0].recognition.text), 60);
  EXPECT_EQ(out[1].recognition.flush, 2u);
  EXPECT_EQ(out[1].recognition.text, "");
  EXPECT_GT(out[1].recognition.id, out[0].recognition.id);
}

TEST_F(SphinxOnSpeech, SpeechWithoutAPauseIsCutWithoutLosingOrDoublingWords) {
  std::vector<std::int16_t> pcm;
  std::string said;
  for (int i = 0; i < 6; ++i) {
    const std::string text = kSentences[static_cast<std::size_t>(i)].second;
    auto one = SpeakWithFlite("rms", text);
    pcm.insert(pcm.end(), one.begin() + 8000 + 2400, one.end() - 16000 - 2400);  // no silence between
    said += text + " ";
  }
  const auto results = Stream(pcm, false);
  EXPECT_GE(results.size(), 2u);
  for (const ClauseResult& r : results) EXPECT_LE(r.recognition.end_s - r.recognition.start_s, 11.1);
  EXPECT_LT(WordErrorRate(said, Finals(results)), 35) << Finals(results);
}

TEST_F(Sphinx, DecodersLoadOnTwoThreadsAtOnceAndSayNothing) {
  testing::internal::CaptureStderr();
  const auto load = [] {
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(SphinxDecoder::Load({}).ok());
  };
  std::thread other(load);
  load();
  other.join();
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

// Over the backend, with a loop.
class Pocketsphinx : public testing::Test {
 protected:
  void SetUp() override {
    if (!IsInstalled({})) GTEST_SKIP() << "pocketsphinx-en-us is not installed";
    if (!IsFliteInstalled()) GTEST_SKIP() << "flite is not installed";
  }
  void Make(int concurrency) {
    auto made = MakePocketsphinx(loop_, concurrency);
    ASSERT_TRUE(made.ok()) << made.error().message;
    recognizer_ = std::move(made).value();
  }
  io::Loop loop_{"test"};
  std::unique_ptr<Recognizer> recognizer_;
};

TEST_F(Pocketsphinx, SessionsBeyondTheConcurrencyAreRefusedAndFreedSlotsReused) {
  ASSERT_NO_FATAL_FAILURE(Make(1));
  Recognizer& recognizer = *recognizer_;
  EXPECT_EQ(recognizer.Open("vi", {}, {}).error().code, "unsupported_language");
  auto first = recognizer.Open("en-US", {}, {});
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(recognizer.Open("en", {}, {}).error().code, "busy");
  first->reset();
  EXPECT_TRUE(recognizer.Open("en", {}, {}).ok());
}

TEST_F(Pocketsphinx, ASessionAnswersOnTheLoopAndEndsWithDone) {
  const auto pcm = SpeakWithFlite("slt", "we have two children and a small dog");
  ASSERT_NO_FATAL_FAILURE(Make(2));
  std::string text;
  bool done = false;
  auto session = recognizer_->Open("en", {}, {[&](const Recognition& r) {
                                        if (r.final) text += r.text;
                                      },
                                      [&](Status<> status) { done = status.ok(); }});
  ASSERT_TRUE(session.ok());
  (*session)->PushAudio(pcm);
  (*session)->Finish();
  ASSERT_TRUE(loop_.RunUntil([&] { return done; }, 120s));
  EXPECT_LT(WordErrorRate("we have two children and a small dog", text), 40) << text;
}

TEST_F(Pocketsphinx, WhoeverFlushesMayHaveAClauseEndByItselfOnlyAfterALongerSilence) {
  auto pcm = SpeakWithFlite("slt", "we have two children and a small dog");
  ASSERT_NO_FATAL_FAILURE(Make(1));
  pcm.resize(pcm.size() - 16000 / 2);  // half a second of silence is left
  std::vector<std::optional<std::uint64_t>> finals;
  bool done = false;
  auto session = recognizer_->Open("en", {.end_silence = 900ms},
                               {[&](const Recognition& r) {
                                  if (r.final) finals.push_back(r.flush);
                                },
                                [&](Status<> status) { done = status.ok(); }});
  ASSERT_TRUE(session.ok());
  (*session)->PushAudio(pcm);
  (*session)->Flush();
  (*session)->Finish();
  ASSERT_TRUE(loop_.RunUntil([&] { return done; }, 120s));
  EXPECT_EQ(finals, (std::vector<std::optional<std::uint64_t>>{1}));
}

TEST_F(Pocketsphinx, AWholeRecordingComesWithSegmentsAndWordTimes) {
  auto pcm = SpeakWithFlite("rms", "could you repeat the last question");
  ASSERT_NO_FATAL_FAILURE(Make(1));
  const double seconds = static_cast<double>(pcm.size()) / 16000;
  std::optional<Result<Transcript>> result;
  auto job = recognizer_->Transcribe(pcm, "en", [&](Result<Transcript> r) { result.emplace(std::move(r)); });
  ASSERT_TRUE(job.ok());
  ASSERT_TRUE(loop_.RunUntil([&] { return result.has_value(); }, 120s));
  ASSERT_TRUE(result->ok());
  EXPECT_DOUBLE_EQ((**result).duration_s, seconds);
  ASSERT_EQ((**result).segments.size(), 1u);
  EXPECT_GE((**result).words.size(), 4u);
  double last = 0;
  for (const TimedText& w : (**result).words) {
    EXPECT_GE(w.start_s, last - 1e-9);
    EXPECT_LE(w.end_s, seconds);
    last = w.end_s;
  }
}

TEST_F(Pocketsphinx, AnAbandonedSessionCallsNothingAndDoesNotBlockTheLoop) {
  const auto pcm = SpeakWithFlite("slt", "we have two children and a small dog");
  ASSERT_NO_FATAL_FAILURE(Make(1));
  bool called = false;
  auto session = recognizer_->Open("en", {}, {[&](const Recognition&) { called = true; }, [&](Status<>) { called = true; }});
  ASSERT_TRUE(session.ok());
  (*session)->PushAudio(pcm);
  (*session)->Finish();
  session->reset();
  recognizer_.reset();  // waits for the worker
  loop_.RunUntil([] { return false; }, 1ms);
  EXPECT_FALSE(called);
}

}  // namespace
}  // namespace jb::speech
