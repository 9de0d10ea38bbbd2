// SPDX-License-Identifier: Apache-2.0
#include "speech/pocketsphinx/endpointer.h"

#include <algorithm>

namespace jb::speech {

Endpointer::Action Endpointer::Push(bool voice, float energy) {
  ++position_;
  voiced_run_ = voice ? voiced_run_ + 1 : 0;
  return in_clause_ ? PushSpeaking(voice, energy) : PushIdle(voice);
}

Endpointer::Action Endpointer::PushIdle(bool voice) {
  if (cut_) return StartAfterCut();
  window_.push_back(voice);
  if (static_cast<int>(window_.size()) > options_.start_window) window_.pop_front();
  const auto voiced = std::count(window_.begin(), window_.end(), true);
  if (voiced < options_.start_voiced) return Action::kNone;
  const auto first = std::find(window_.begin(), window_.end(), true);
  const std::int64_t onset = position_ - std::distance(first, window_.end());
  start_ = std::max({onset - options_.pre_roll, end_, std::int64_t{0}});
  silence_ = 0;
  in_clause_ = true;
  window_.clear();
  energies_.clear();
  return Action::kStart;
}

Endpointer::Action Endpointer::StartAfterCut() {
  cut_ = false;
  start_ = end_;
  silence_ = 0;
  in_clause_ = true;
  energies_.clear();
  return Action::kStart;
}

Endpointer::Action Endpointer::PushSpeaking(bool voice, float energy) {
  energies_.push_back(energy);
  if (static_cast<int>(energies_.size()) > options_.cut_window) energies_.pop_front();
  const bool paused = silence_ >= options_.maybe_end;
  // Inside a pause a single voiced frame is more often a breath than a word.
  if (voice && (!paused || voiced_run_ >= options_.resume_voiced)) {
    silence_ = 0;
    if (paused) return Action::kResume;
  } else {
    ++silence_;
  }
  const std::int64_t length = position_ - start_;
  if (silence_ >= options_.end || (length >= options_.hasty_after && silence_ >= options_.hasty_end)) {
    return Finish(Action::kEnd, position_);
  }
  if (length >= options_.longest) return Finish(Action::kCut, QuietestPoint());
  return silence_ == options_.maybe_end && !paused ? Action::kMaybeEnd : Action::kNone;
}

Endpointer::Action Endpointer::Finish(Action action, std::int64_t end) {
  end_ = end;
  in_clause_ = false;
  silence_ = 0;
  cut_ = action == Action::kCut;  // the talker talks on: the next frame opens the next clause
  return action;
}

std::int64_t Endpointer::QuietestPoint() const {
  // A sliding sum over 50 ms: a single quiet frame lies inside many a plosive.
  constexpr std::size_t kSpan = 5;
  if (energies_.size() <= kSpan) return position_;
  float sum = 0;
  for (std::size_t i = 0; i < kSpan; ++i) sum += energies_[i];
  float least = sum;
  std::size_t at = 0;
  for (std::size_t i = kSpan; i < energies_.size(); ++i) {
    sum += energies_[i] - energies_[i - kSpan];
    if (sum < least) {
      least = sum;
      at = i + 1 - kSpan;
    }
  }
  return position_ - static_cast<std::int64_t>(energies_.size() - at - kSpan / 2);
}

bool Endpointer::Flush() {
  const bool open = in_clause_;
  if (open) {
    end_ = position_;
    in_clause_ = false;
  } else {
    // What was said before the flush does not count for the clause after it.
    end_ = std::max(end_, position_);
  }
  cut_ = false;
  window_.clear();
  silence_ = 0;
  voiced_run_ = 0;
  return open;
}

}  // namespace jb::speech
