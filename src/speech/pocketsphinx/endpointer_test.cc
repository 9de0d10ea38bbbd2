// SPDX-License-Identifier: Apache-2.0
#include "speech/pocketsphinx/endpointer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace jb::speech {
namespace {

using Action = Endpointer::Action;

struct Event {
  Action action;
  std::int64_t at;     // frames pushed
  std::int64_t start;  // clause_start
  std::int64_t end;    // clause_end
};

class Script {
 public:
  Script& Voice(int frames, float energy = 100) { return Push(true, frames, energy); }
  Script& Silence(int frames, float energy = 1) { return Push(false, frames, energy); }
  std::vector<Event> events;
  Endpointer endpointer;

 private:
  Script& Push(bool voice, int frames, float energy) {
    for (int i = 0; i < frames; ++i) {
      const Action a = endpointer.Push(voice, energy);
      if (a == Action::kNone) continue;
      events.push_back({a, endpointer.position(), endpointer.clause_start(), endpointer.clause_end()});
    }
    return *this;
  }
};

std::vector<Action> Actions(const Script& script) {
  std::vector<Action> out;
  for (const Event& e : script.events) out.push_back(e.action);
  return out;
}

TEST(Endpointer, AClauseBeginsWithItsPreRollAndEndsAfter300MsOfSilence) {
  Script s;
  s.Silence(100).Voice(80).Silence(60);
  ASSERT_EQ(Actions(s), (std::vector{Action::kStart, Action::kMaybeEnd, Action::kEnd}));
  EXPECT_EQ(s.events[0].at, 108);
  EXPECT_EQ(s.events[0].start, 75);  // 250 ms before the first voiced frame
  EXPECT_EQ(s.events[1].at, 183);    // 30 ms after the last one
  EXPECT_EQ(s.events[2].at, 210);    // 300 ms after the last one
  EXPECT_EQ(s.events[2].end, 210);
}

TEST(Endpointer, PreRollNeverReachesBeforeTheStreamOrIntoTheLastClause) {
  Script s;
  s.Voice(50).Silence(31).Voice(20);
  ASSERT_EQ(s.events[0].start, 0);
  ASSERT_EQ(s.events.back().action, Action::kStart);
  EXPECT_EQ(s.events.back().start, 80);  // where the last clause ended, although the pre-roll is longer
}

TEST(Endpointer, ClicksAndShortNoisesStartNothing) {
  Script s;
  for (int i = 0; i < 50; ++i) s.Voice(6).Silence(20);
  EXPECT_TRUE(s.events.empty());
}

TEST(Endpointer, SpeechThatGoesOnAfterAShortPauseIsOneClause) {
  Script s;
  s.Voice(50).Silence(20).Voice(50).Silence(40);
  EXPECT_EQ(Actions(s),
            (std::vector{Action::kStart, Action::kMaybeEnd, Action::kResume, Action::kMaybeEnd, Action::kEnd}));
}

TEST(Endpointer, ABreathInAPauseDoesNotPutOffItsEnd) {
  Script s;
  s.Voice(50).Silence(15).Voice(2).Silence(13);
  EXPECT_EQ(Actions(s), (std::vector{Action::kStart, Action::kMaybeEnd, Action::kEnd}));
  EXPECT_EQ(s.events[2].at, 80);
}

TEST(Endpointer, AfterEightSecondsAShorterPauseIsEnough) {
  Script s;
  s.Voice(810).Silence(15);
  ASSERT_EQ(Actions(s), (std::vector{Action::kStart, Action::kMaybeEnd, Action::kEnd}));
  EXPECT_EQ(s.events[2].at, 825);
}

TEST(Endpointer, EndlessSpeechIsCutAtItsQuietestPointAndGoesOnThere) {
  Script s;
  s.Voice(900).Voice(10, 5).Voice(500).Silence(40);
  ASSERT_EQ(Actions(s), (std::vector{Action::kStart, Action::kCut, Action::kStart, Action::kMaybeEnd, Action::kEnd}));
  EXPECT_EQ(s.events[1].at, 1100);
  EXPECT_NEAR(static_cast<double>(s.events[1].end), 905, 5);
  EXPECT_EQ(s.events[2].start, s.events[1].end);  // nothing is lost between the two
  EXPECT_EQ(s.events[2].at, 1101);
}

TEST(Endpointer, EverySampleOfUninterruptedSpeechBelongsToExactlyOneClause) {
  Script s;
  s.Voice(6000).Silence(40);
  std::int64_t covered = 0;
  for (const Event& e : s.events) {
    if (e.action != Action::kCut && e.action != Action::kEnd) continue;
    EXPECT_EQ(e.start, covered);
    EXPECT_LE(e.end - e.start, 1100);
    covered = e.end;
  }
  EXPECT_GE(covered, 6000);
}

TEST(Endpointer, FlushEndsAnOpenClauseAndKeepsWhatWasBeforeOutOfTheNext) {
  Script s;
  EXPECT_FALSE(s.endpointer.Flush());
  s.Voice(50);
  EXPECT_TRUE(s.endpointer.Flush());
  EXPECT_EQ(s.endpointer.clause_end(), 50);
  EXPECT_FALSE(s.endpointer.Flush());
  s.Voice(20);
  EXPECT_EQ(s.events.back().action, Action::kStart);
  EXPECT_EQ(s.events.back().start, 50);
}

}  // namespace
}  // namespace jb::speech
