// SPDX-License-Identifier: Apache-2.0
// Where clauses begin and end, from one voice decision and one loudness per 10 ms. Counts frames, so its
// time is the audio's: no clock, no audio, no decoder. Single-threaded.
//
// A pause first makes an end likely (kMaybeEnd), so that the recogniser can work ahead, and then certain
// (kEnd) or not (kResume). A clause that lasts too long may end at a shorter pause, and at last is cut at
// its quietest point.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

namespace jb::speech {

// All in frames of 10 ms.
struct EndpointerOptions {
  int start_window = 12;  // a clause starts when of the last so many frames
  int start_voiced = 8;   //   so many hold voice: a click or a cough of 70 ms is none
  int pre_roll = 25;      // kept before the first voiced frame: soft onsets ("h", "f") escape the detector
  int resume_voiced = 3;  // consecutive voiced frames that end a pause
  int maybe_end = 3;      // pause after which the end is likely; measured: 30 ms costs no more work than 130 ms
  int end = 30;           // pause after which it is certain
  int hasty_after = 800;  // from this length on
  int hasty_end = 15;     //   a pause so short ends the clause
  int longest = 1100;     // then it is cut
  int cut_window = 300;   //   at the quietest point of the last so many frames
};

class Endpointer {
 public:
  enum class Action : std::uint8_t {
    kNone,
    kStart,     // speech: the clause begins at clause_start()
    kMaybeEnd,  // a pause: the clause probably ended at speech_end()
    kResume,    // it did not
    kEnd,       // it did; the clause is [clause_start(), clause_end())
    kCut,       // too long: it ends at clause_end(), and a new one begins there
  };

  explicit Endpointer(const EndpointerOptions& options = {}) : options_(options) {}

  // `energy` is the frame's mean square; only comparisons between frames of a clause matter.
  Action Push(bool voice, float energy);
  // Ends what is open, at the frames pushed so far. True: a clause was open, [clause_start(), clause_end()).
  bool Flush();

  bool in_clause() const { return in_clause_; }
  bool in_pause() const { return in_clause_ && silence_ >= options_.maybe_end; }
  // Frame numbers since construction.
  std::int64_t position() const { return position_; }
  std::int64_t clause_start() const { return start_; }
  std::int64_t clause_end() const { return end_; }
  std::int64_t speech_end() const { return position_ - silence_; }  // just after the last voiced frame

 private:
  Action PushIdle(bool voice);
  Action StartAfterCut();
  Action PushSpeaking(bool voice, float energy);
  Action Finish(Action action, std::int64_t end);
  std::int64_t QuietestPoint() const;

  EndpointerOptions options_;
  std::int64_t position_ = 0;
  std::int64_t start_ = 0;
  std::int64_t end_ = 0;  // of the last clause: the next one never begins before it
  bool in_clause_ = false;
  bool cut_ = false;  // the last clause was cut: the next frame continues it
  int silence_ = 0;     // frames since the last voiced one, while in a clause
  int voiced_run_ = 0;  // consecutive voiced frames
  std::deque<bool> window_;
  std::deque<float> energies_;  // of the last cut_window frames of the clause
};

}  // namespace jb::speech
