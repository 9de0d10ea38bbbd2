// SPDX-License-Identifier: Apache-2.0
// A service that lives and has too much to do is not a dead one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "interpreter/room_interpreter.h"
#include "interpreter/test_world.h"

namespace jb::interpreter {
namespace {

using ::testing::ElementsAre;
using ::testing::Key;
using testing::L;
using testing::World;

// Ann speaks English, Eva hears Spanish; what is refused, is so for want of a place.
struct BusyPair : World {
  BusyPair() {
    services.busy = true;
    Join("ann", "en", "en");
    Join("eva", "es", "es");
    OpenMic("ann");
    Run(500ms);
  }
  void SpeakTimes(int times) {
    for (int i = 0; i < times; ++i) Speak("ann", 1s);
  }
};

TEST(RoomVoice, ATranslatorWithTooMuchToDoIsDegradedAndNeverDownAndIsNotAskedTwice) {
  BusyPair w;
  w.services.translation_up = false;
  w.SpeakTimes(8);
  EXPECT_EQ(w.room.service_state().translation.level, ServiceLevel::kDegraded);
  EXPECT_EQ(w.Finals().size(), 8u);
  EXPECT_EQ(w.translate_log.size(), 8u);  // the client has waited already
  w.services.translation_up = true;
  w.SpeakTimes(2);
  EXPECT_EQ(w.room.service_state().translation.level, ServiceLevel::kUp);
  EXPECT_THAT(w.Finals().back().translations, ElementsAre(Key(L("es"))));
}

TEST(RoomVoice, AVoiceServiceWithTooMuchToDoIsDegradedAndNeverDown) {
  BusyPair w;
  w.services.tts_up = false;
  w.SpeakTimes(8);
  EXPECT_EQ(w.room.service_state().tts.level, ServiceLevel::kDegraded);
  EXPECT_GT(w.room.stats().clauses_dropped, 0u);
  const Time back = w.now;
  w.services.tts_up = true;
  w.SpeakTimes(2);
  EXPECT_NE(w.FirstVoice("ann", "es", back), kNever);
}

}  // namespace
}  // namespace jb::interpreter
