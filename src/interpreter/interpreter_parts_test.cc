// SPDX-License-Identifier: Apache-2.0
// The parts of the interpreter one by one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "interpreter/caption_book.h"
#include "interpreter/service_breaker.h"
#include "interpreter/speech_gate.h"
#include "interpreter/speech_text.h"
#include "interpreter/stt_stream.h"

namespace jb::interpreter {
namespace {

const Time kStart{50s};
using Edge = SpeechGate::Edge;

// ------------------------------------------------------------------------------------------- gate

struct GateHarness {
  InterpreterOptions options;
  SpeechGate gate{options};
  // The number of the frame (from 1) at which the edge came, or 0.
  int FramesUntil(Edge wanted, bool voiced, int most = 5000) {
    for (int i = 1; i <= most; ++i) {
      if (gate.HandleFrame(voiced) == wanted) return i;
    }
    return 0;
  }
  void Feed(bool voiced, int frames) {
    for (int i = 0; i < frames; ++i) gate.HandleFrame(voiced);
  }
};

TEST(SpeechGate, OpensOnSixtyMillisecondsOfVoiceAndNotOnAClick) {
  GateHarness h;
  h.Feed(true, 5);
  h.Feed(false, 10);
  EXPECT_FALSE(h.gate.open());
  EXPECT_EQ(h.FramesUntil(Edge::kOpened, true), 6);
}

// The detector's tail of 90 ms is part of each silence: 450, 300 and 210 ms of it.
TEST(SpeechGate, WaitsLongerAfterLittleWasSaid) {
  GateHarness h;
  h.Feed(true, 50);
  EXPECT_EQ(h.FramesUntil(Edge::kClosed, false), 36);
  h.Feed(true, 200);
  EXPECT_EQ(h.FramesUntil(Edge::kClosed, false), 21);
  h.Feed(true, 900);
  EXPECT_EQ(h.FramesUntil(Edge::kClosed, false), 12);
}

TEST(SpeechGate, AShortPauseDoesNotEndAClause) {
  GateHarness h;
  h.Feed(true, 200);
  h.Feed(false, 20);
  EXPECT_TRUE(h.gate.open());
  h.Feed(true, 1);
  h.Feed(false, 20);
  EXPECT_TRUE(h.gate.open());
}

TEST(SpeechGate, ASenderThatFallsSilentInMidSpeechIsWaitedForTheWholeHangover) {
  GateHarness h;
  h.Feed(true, 200);
  EXPECT_EQ(h.gate.UntilEnd(), 300ms);  // no tail of the detector has passed yet
  h.Feed(false, 1);
  EXPECT_EQ(h.gate.UntilEnd(), 200ms);
}

TEST(SpeechGate, SplitsSpeechWithoutPauses) {
  GateHarness h;
  EXPECT_EQ(h.FramesUntil(Edge::kSplit, true), 1506);
  EXPECT_TRUE(h.gate.open());
  EXPECT_EQ(h.FramesUntil(Edge::kSplit, true), 1500);
}

TEST(SpeechGate, ClosingTellsWhetherItWasOpen) {
  GateHarness h;
  EXPECT_FALSE(h.gate.Close());
  h.Feed(true, 10);
  EXPECT_TRUE(h.gate.Close());
  EXPECT_FALSE(h.gate.Close());
}

// ------------------------------------------------------------------------------------------- text

TEST(SpeechText, RepetitionsThatRecognisersMakeUpAreCut) {
  EXPECT_EQ(CleanRecognized("thank you thank you thank you thank you"), "thank you thank you");
  EXPECT_EQ(CleanRecognized("no no no no no"), "no no");
  EXPECT_EQ(CleanRecognized("very very good"), "very very good");
  EXPECT_EQ(CleanRecognized("we go up and down and up and down"), "we go up and down and up and down");
}

TEST(SpeechText, InvisibleAndControlCharactersGo) {
  EXPECT_EQ(CleanRecognized("a\xE2\x80\xAE"
                            "b\xE2\x80\x8B"
                            "c\x01"
                            "d\xC2\xAD"
                            "e\xEF\xBB\xBF"),
            "abcde");
  EXPECT_EQ(CleanRecognized("one\ntwo\tthree"), "one two three");
  EXPECT_EQ(CleanRecognized("\xFF\xFE"), "");
  EXPECT_EQ(CleanRecognized("xin chào các bạn"), "xin chào các bạn");
}

TEST(SpeechText, ARunawayTranslationIsRefused) {
  EXPECT_EQ(CleanTranslated("hola", "hello"), "hola");
  EXPECT_EQ(CleanTranslated(std::string(121, 'x'), "hello"), "");
  EXPECT_EQ(CleanTranslated(std::string(120, 'x'), "hello").size(), 120u);
}

TEST(SpeechText, LongTextIsCutWhereItHurtsLeast) {
  std::string text = "First sentence here. Second, with a comma and more words";
  EXPECT_EQ(TakeUtterance(text, 40), "First sentence here.");
  EXPECT_EQ(TakeUtterance(text, 20), "Second,");
  EXPECT_EQ(TakeUtterance(text, 20), "with a comma and");
  EXPECT_EQ(TakeUtterance(text, 20), "more words");
  EXPECT_EQ(text, "");
  text = std::string(50, 'a');
  EXPECT_EQ(TakeUtterance(text, 20).size(), 20u);
  text = "ổổổổổ";
  EXPECT_EQ(TakeUtterance(text, 2), "ổổ");
}

TEST(SpeechText, LengthFollowsTheScript) {
  EXPECT_EQ(SpokenLength("fifteen letters"), 990ms);
  EXPECT_EQ(SpokenLength("日本語"), 600ms);
  EXPECT_EQ(SpokenLength(""), 0ms);
}

// ---------------------------------------------------------------------------------------- breaker

TEST(ServiceBreaker, OneFailureIsNoNewsARowIs) {
  ServiceBreaker b(Service::kTts, 1s);
  b.Failed(kStart);
  EXPECT_EQ(b.level(), ServiceLevel::kUp);
  b.Failed(kStart);
  EXPECT_EQ(b.level(), ServiceLevel::kDegraded);
  b.Failed(kStart);
  b.Failed(kStart);
  EXPECT_EQ(b.level(), ServiceLevel::kDown);
  EXPECT_FALSE(b.state().message.empty());
}

TEST(ServiceBreaker, DownLetsOneProbePerBackOffThrough) {
  ServiceBreaker b(Service::kTts, 1s);
  b.TimedOut(kStart);
  b.TimedOut(kStart);
  EXPECT_FALSE(b.MayTry(kStart + 499ms));
  EXPECT_TRUE(b.MayTry(kStart + 500ms));
  EXPECT_FALSE(b.MayTry(kStart + 500ms));
  EXPECT_TRUE(b.MayTry(kStart + 1500ms));
  EXPECT_FALSE(b.MayTry(kStart + 3499ms));
  EXPECT_TRUE(b.MayTry(kStart + 3500ms));  // never rarer than 2 s
  b.Succeeded(10ms, kStart + 3500ms);
  EXPECT_EQ(b.level(), ServiceLevel::kUp);
  EXPECT_TRUE(b.MayTry(kStart + 3500ms));
  EXPECT_TRUE(b.MayTry(kStart + 3500ms));
}

TEST(ServiceBreaker, ThreeSlowAnswersAreDegraded) {
  ServiceBreaker b(Service::kStt, 1s);
  for (int i = 0; i < 3; ++i) b.Succeeded(1500ms, kStart);
  EXPECT_EQ(b.level(), ServiceLevel::kDegraded);
  b.Succeeded(100ms, kStart);
  EXPECT_EQ(b.level(), ServiceLevel::kUp);
}

TEST(ServiceBreaker, WithoutTrafficItBelievesAgain) {
  ServiceBreaker b(Service::kStt, 1s);
  b.TimedOut(kStart);
  b.TimedOut(kStart);
  ASSERT_EQ(b.NextDeadline(), kStart + 10s);
  b.HandleTimeout(kStart + 10s);
  EXPECT_EQ(b.level(), ServiceLevel::kUp);
  EXPECT_EQ(b.NextDeadline(), std::nullopt);
}

TEST(ServiceBreaker, SlowAnswersAreForgivenWhenNobodySpeaksAnyMore) {
  ServiceBreaker b(Service::kStt, 1s);
  for (int i = 0; i < 3; ++i) b.Succeeded(1500ms, kStart + i * 1s);
  ASSERT_EQ(b.level(), ServiceLevel::kDegraded);
  ASSERT_EQ(b.NextDeadline(), kStart + 12s);
  b.HandleTimeout(kStart + 11s);
  EXPECT_EQ(b.level(), ServiceLevel::kDegraded);
  b.HandleTimeout(kStart + 12s);
  EXPECT_EQ(b.level(), ServiceLevel::kUp);
  EXPECT_EQ(b.NextDeadline(), std::nullopt);
}

// ------------------------------------------------------------------------------------- stt stream

TEST(SttStream, KnowsWhenASecondOfItsSoundArrivedAcrossPauses) {
  SttStream s(StreamId(1), ParticipantId("a"), Language("en"), kStart);
  // Pre-roll of 300 ms at once, then live packets for 1 s, a pause of 10 s, another second.
  s.NoteAudio(4800, kStart, kStart);
  for (int i = 1; i <= 50; ++i) s.NoteAudio(320, kStart + i * 20ms, kStart + i * 20ms);
  for (int i = 1; i <= 50; ++i) s.NoteAudio(320, kStart + 11s + i * 20ms, kStart + 11s + i * 20ms);
  EXPECT_EQ(s.ArrivalOf(0), kStart - 300ms);
  EXPECT_EQ(s.ArrivalOf(0.3), kStart);
  EXPECT_EQ(s.ArrivalOf(0.8), kStart + 500ms);
  EXPECT_EQ(s.ArrivalOf(1.3), kStart + 1s);
  EXPECT_EQ(s.ArrivalOf(1.4), kStart + 11s + 100ms);
  EXPECT_EQ(s.ArrivalOf(1e9), kStart + 12s);
  EXPECT_EQ(s.ArrivalOf(-5), kStart - 300ms);
  EXPECT_EQ(s.ArrivalOf(std::nan("")), kStart - 300ms);
}

TEST(SttStream, ALaterAnswerAnswersEarlierFlushesToo) {
  SttStream s(StreamId(1), ParticipantId("a"), Language("en"), kStart);
  s.NoteFlush(kStart, kStart);
  s.NoteFlush(kStart + 1s, kStart + 1s);
  s.NoteFlush(kStart + 2s, kStart + 2s);
  EXPECT_EQ(s.AnswerFlush(2)->voice_end, kStart + 1s);
  EXPECT_EQ(s.AnswerFlush(2), std::nullopt);
  EXPECT_EQ(s.flushes().size(), 1u);
}

TEST(SttStream, FlushesAreBounded) {
  SttStream s(StreamId(1), ParticipantId("a"), Language("en"), kStart);
  for (int i = 0; i < 1000; ++i) s.NoteFlush(kStart, kStart);
  EXPECT_LE(s.flushes().size(), 16u);
}

// ---------------------------------------------------------------------------------------- captions

struct BookHarness {
  InterpreterOptions options;
  CaptionBook book{options, kStart};
  std::vector<Caption> Take() {
    std::vector<Caption> out;
    while (auto e = book.Poll()) out.push_back(e->caption);
    return out;
  }
};

TEST(CaptionBook, TheFirstPartialIsShownAtOnceTheNextNotTooSoon) {
  BookHarness h;
  const CaptionKey key = h.book.Open(ParticipantId("a"), Language("en"), kStart + 1s, kStart + 1s);
  h.book.SetPartial(key, "one", kStart + 2s, kStart + 2s);
  h.book.SetPartial(key, "one two", kStart + 2s, kStart + 2050ms);
  h.book.SetPartial(key, "one two three", kStart + 2s, kStart + 2100ms);
  ASSERT_EQ(h.Take().size(), 1u);
  ASSERT_EQ(h.book.NextDeadline(), kStart + 2150ms);
  h.book.HandleTimeout(kStart + 2150ms);
  const auto shown = h.Take();
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_EQ(shown[0].text, "one two three");
  EXPECT_EQ(shown[0].rev, 2u);
  EXPECT_EQ(shown[0].start_ms, 1000);
  EXPECT_EQ(shown[0].lag_ms, 150);
}

TEST(CaptionBook, FinalComesWithTheLastTranslation) {
  BookHarness h;
  const CaptionKey key = h.book.Open(ParticipantId("a"), Language("en"), kStart, kStart);
  h.book.Settle(key, {.text = "hello", .end = kStart, .voice_end = kStart, .awaited = {Language("es"), Language("ca")}},
                kStart);
  h.book.SetTranslation(key, Language("es"), "hola", kStart + 10ms);
  h.book.Abandon(key, Language("ca"), kStart + 20ms);
  h.book.SetTranslation(key, Language("ca"), "late", kStart + 30ms);
  const auto shown = h.Take();
  ASSERT_EQ(shown.size(), 3u);
  EXPECT_FALSE(shown[0].final);
  EXPECT_FALSE(shown[1].final);
  EXPECT_TRUE(shown[2].final);
  EXPECT_EQ(shown[2].translations.size(), 1u);
  EXPECT_EQ(shown[2].rev, 3u);
  EXPECT_EQ(shown[2].lag_ms, 20) << "since the end of the voice";
  EXPECT_FALSE(h.book.Has(key));
}

TEST(CaptionBook, WhatWasNeverShownIsWithdrawnSilently) {
  BookHarness h;
  h.book.Withdraw(h.book.Open(ParticipantId("a"), Language("en"), kStart, kStart), kStart);
  EXPECT_TRUE(h.Take().empty());
}

TEST(CaptionBook, TooManyOpenOnesCutTheOldest) {
  BookHarness h;
  for (int i = 0; i < 100; ++i) h.book.Open(ParticipantId("a"), Language("en"), kStart, kStart);
  EXPECT_EQ(h.book.cut(), 36u);
  for (const Caption& c : h.Take()) EXPECT_TRUE(c.final);
}

TEST(CaptionBook, IdsDifferFromThoseOfAnEarlierInterpreterOfTheRoom) {
  InterpreterOptions options;
  CaptionBook a(options, kStart);
  CaptionBook b(options, kStart);
  a.Settle(a.Open(ParticipantId("x"), Language("en"), kStart, kStart + 1s),
           {.text = "1", .end = kStart, .voice_end = kStart, .awaited = {}}, kStart + 1s);
  b.Settle(b.Open(ParticipantId("x"), Language("en"), kStart, kStart + 9s),
           {.text = "2", .end = kStart, .voice_end = kStart, .awaited = {}}, kStart + 9s);
  EXPECT_NE(a.Poll()->caption.id, b.Poll()->caption.id);
}

}  // namespace
}  // namespace jb::interpreter
