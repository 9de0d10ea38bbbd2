// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "media/rtp/active_speaker_detector.h"

namespace jb::media {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Time kT0{seconds(100)};

// A room in which each source sends a level every 20 ms.
class Talk {
 public:
  explicit Talk(std::initializer_list<AudioSourceId> sources) : sources_(sources) {
    for (const AudioSourceId source : sources_) detector_.Add(source, now_);
  }
  // `speaker` (0: nobody) talks for that long; the others send background noise.
  void For(Duration length, AudioSourceId speaker, bool flag_voice = true) {
    for (const Time end = now_ + length; now_ < end;) {
      now_ += milliseconds(20);
      for (const AudioSourceId source : sources_) {
        const bool talks = source == speaker;
        const auto level = static_cast<std::uint8_t>(talks ? 20 + random_() % 15 : 80 + random_() % 10);
        detector_.HandleLevel(source, level, talks && flag_voice, now_);
      }
      if (detector_.NextDeadline() <= now_ && detector_.HandleTimeout(now_)) ++changes_;
    }
  }
  ActiveSpeakerDetector& detector() { return detector_; }
  Time now() const { return now_; }
  int changes() const { return changes_; }

 private:
  std::vector<AudioSourceId> sources_;
  std::mt19937 random_{7};
  Time now_ = kT0;
  ActiveSpeakerDetector detector_{kT0};
  int changes_ = 0;
};

TEST(ActiveSpeaker, NobodyDominatesASilentRoom) {
  Talk talk({1, 2, 3});
  talk.For(seconds(5), 0);
  EXPECT_EQ(talk.detector().dominant(), std::nullopt);
}

TEST(ActiveSpeaker, FollowsTheConversation) {
  for (const bool flag_voice : {true, false}) {
    Talk talk({1, 2, 3});
    talk.For(seconds(2), 0, flag_voice);
    talk.For(seconds(2), 2, flag_voice);
    EXPECT_EQ(talk.detector().dominant(), 2u);
    talk.For(seconds(1), 0, flag_voice);
    EXPECT_EQ(talk.detector().dominant(), 2u) << "a pause does not take the floor away";
    talk.For(seconds(2), 3, flag_voice);
    EXPECT_EQ(talk.detector().dominant(), 3u);
    EXPECT_EQ(talk.changes(), 2);
  }
}

TEST(ActiveSpeaker, ANewSpeakerIsFoundWithinASecondAndAHalf) {
  Talk talk({1, 2});
  talk.For(seconds(3), 1);
  talk.For(milliseconds(1500), 2);
  EXPECT_EQ(talk.detector().dominant(), 2u);
}

TEST(ActiveSpeaker, AShortNoiseDoesNotTakeTheFloor) {
  Talk talk({1, 2});
  talk.For(seconds(3), 1);
  for (int i = 0; i < 10; ++i) {
    talk.For(milliseconds(60), 2);
    talk.For(milliseconds(900), 1);
  }
  EXPECT_EQ(talk.detector().dominant(), 1u);
  EXPECT_EQ(talk.changes(), 1);
}

TEST(ActiveSpeaker, WhoLeavesIsNoLongerDominant) {
  Talk talk({1, 2});
  talk.For(seconds(3), 1);
  talk.detector().Remove(1);
  EXPECT_EQ(talk.detector().dominant(), std::nullopt);
  talk.For(seconds(2), 2);
  EXPECT_EQ(talk.detector().dominant(), 2u);
}

TEST(ActiveSpeaker, LoudNoiseWithoutVoiceDoesNotCountForWhoFlagsVoice) {
  ActiveSpeakerDetector detector(kT0);
  detector.Add(1, kT0);
  Time now = kT0;
  detector.HandleLevel(1, 90, true, now);
  for (int i = 0; i < 200; ++i) {
    now += milliseconds(20);
    detector.HandleLevel(1, static_cast<std::uint8_t>(i % 50 == 0 ? 90 : 20), false, now);
    detector.HandleTimeout(now);
  }
  EXPECT_EQ(detector.dominant(), std::nullopt);
}

}  // namespace
}  // namespace jb::media
