// SPDX-License-Identifier: Apache-2.0
// A service that lives and has too much to do is not a dead one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

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

// RFC 6716 section 4.2.4: in a SILK frame the bit after the one for voice says that a copy of the frame before follows.
std::size_t CopiesIn(const std::vector<World::Frame>& frames, Time after) {
  return static_cast<std::size_t>(std::count_if(frames.begin(), frames.end(), [&](const World::Frame& frame) {
    return frame.at > after && (frame.opus[0] >> 3) < 16 && (frame.opus[1] & 0x40) != 0;
  }));
}

TEST(RoomVoice, ATranslatedVoiceCarriesCopiesWhileItsListenersLosePackets) {
  World w;
  w.services.tts_like_speech = true;
  w.Join("ann", "en", "en");
  w.Join("eva", "es", "es");
  w.OpenMic("ann");
  w.Run(500ms);
  w.Speak("ann", 2s);
  ASSERT_FALSE(w.FramesOf("ann", "es").empty());
  EXPECT_EQ(CopiesIn(w.FramesOf("ann", "es"), {}), 0u) << "nobody loses anything";
  const Time lossy = w.now;
  w.room.SetExpectedLoss(ParticipantId("ann"), L("es"), 20);
  w.Speak("ann", 2s);
  EXPECT_GT(CopiesIn(w.FramesOf("ann", "es"), lossy), 10u);
  const Time clean = w.now;
  w.room.SetExpectedLoss(ParticipantId("ann"), L("es"), 0);
  w.room.SetExpectedLoss(ParticipantId("ann"), L("fr"), 20);
  w.room.SetExpectedLoss(ParticipantId("nobody"), L("es"), 20);
  w.Speak("ann", 2s);
  EXPECT_LE(CopiesIn(w.FramesOf("ann", "es"), clean), 1u) << "of the packet before the change, and of none after";
}

}  // namespace
}  // namespace jb::interpreter
