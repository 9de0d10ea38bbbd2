// SPDX-License-Identifier: Apache-2.0
// Who is speaking now: dominant speaker identification by comparing speech activity over immediate,
// medium and long windows (I. Volfin and I. Cohen, "Dominant speaker identification for multipoint
// videoconferencing", Computer Speech and Language 27, 2013), fed by RFC 6464 levels. A cough or a
// short "yes" does not take the floor. Sans-IO, single-threaded; one per room.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>

#include "base/time.h"

namespace jb::media {

// The owner's handle of an audio source.
using AudioSourceId = std::uint32_t;

inline constexpr Duration kActiveSpeakerInterval = std::chrono::milliseconds(300);

class ActiveSpeakerDetector {
 public:
  // `interval`: between two decisions, 100 ms to 5 s.
  explicit ActiveSpeakerDetector(Time now, Duration interval = kActiveSpeakerInterval);

  void Add(AudioSourceId source, Time now);
  // The dominant speaker's leaving makes dominant() empty; the next decision may choose another.
  void Remove(AudioSourceId source);
  // `level`: 0 (loudest) to 127 as on the wire; `voice`: the V bit, or true when the sender does
  // not set it.
  void HandleLevel(AudioSourceId source, std::uint8_t level, bool voice, Time now);

  std::optional<AudioSourceId> dominant() const { return dominant_; }
  Time NextDeadline() const { return next_; }
  // Decides when it is time. True: dominant() changed.
  bool HandleTimeout(Time now);

 private:
  // Three windows of speech activity, each counting the active parts of the one before: a level
  // every 20 ms, ten mediums of five levels (100 ms), one long of ten mediums (1 s).
  static constexpr std::size_t kLevels = 50;
  static constexpr std::size_t kLevelsPerMedium = 5;
  static constexpr std::size_t kMediums = kLevels / kLevelsPerMedium;
  struct Scores {
    double immediate = 0;
    double medium = 0;
    double longer = 0;
  };
  struct Speaker {
    std::array<std::uint8_t, kLevels> levels{};  // newest first; 0 silence, 127 loudest
    Time last_level_at;
    bool flags_voice = false;     // has ever set the V bit, so that its absence means something
    std::uint8_t floor = 0;       // background noise, 0: not known yet
    std::uint8_t next_floor = 0;  // lowest level since floor was set
    int next_floor_levels = 0;
    Scores scores;
  };
  static void Push(Speaker& speaker, std::uint8_t loudness, Time now);
  static void TrackFloor(Speaker& speaker, std::uint8_t loudness);
  static Scores Evaluate(const Speaker& speaker);
  std::optional<AudioSourceId> Decide() const;

  Duration interval_;
  Time next_;
  std::map<AudioSourceId, Speaker> speakers_;  // ordered: equal scores always fall the same way
  std::optional<AudioSourceId> dominant_;
};

}  // namespace jb::media
