// SPDX-License-Identifier: Apache-2.0
#include "interpreter/speech_gate.h"

#include <bit>

namespace jb::interpreter {
namespace {

constexpr Duration kFrame = 10ms;
// White noise at -45 dBov makes the detector say "voice" for up to 40 ms now and then; pre-roll makes up
// for the onset that this waits for.
constexpr std::uint32_t kRecentMask = 0xFF;  // 80 ms
constexpr int kVoicedToOpen = 6;

}  // namespace

void SpeechGate::Begin() {
  clause_ = {};
  quiet_ = {};
}

Duration SpeechGate::Hangover() const {
  const Duration said = clause_ - quiet_;
  if (said >= options_.long_clause) return options_.long_hangover;
  return said < options_.short_clause ? options_.short_hangover : options_.hangover;
}

SpeechGate::Edge SpeechGate::HandleFrame(bool voiced) {
  recent_ = ((recent_ << 1) | (voiced ? 1u : 0u)) & kRecentMask;
  if (!open_) {
    if (std::popcount(recent_) < kVoicedToOpen) return Edge::kNone;
    open_ = true;
    Begin();
    return Edge::kOpened;
  }
  clause_ += kFrame;
  quiet_ = voiced ? Duration{} : quiet_ + kFrame;
  if (Silence() >= Hangover()) {
    Close();
    return Edge::kClosed;
  }
  if (clause_ < options_.most_clause) return Edge::kNone;
  Begin();
  return Edge::kSplit;
}

bool SpeechGate::Close() {
  const bool was_open = open_;
  open_ = false;
  recent_ = 0;
  return was_open;
}

}  // namespace jb::interpreter
