// SPDX-License-Identifier: Apache-2.0
// Decides from a voice detector's frames when a clause begins and ends. Counts frames of 10 ms, no
// clock. It opens when 60 of the last 80 ms are voice, and closes after a silence that is longer when
// little was said ("I think ..."), and shorter when much was, so that a long speech comes out in clauses.
// Silence is counted from the end of the sound, not from the end of the detector's tail behind it.
#pragma once

#include <cstdint>

#include "interpreter/options.h"

namespace jb::interpreter {

class SpeechGate {
 public:
  enum class Edge : std::uint8_t {
    kNone,
    kOpened,
    kClosed,
    kSplit,  // the clause grew too long: it ends here, and the next begins at once
  };

  explicit SpeechGate(const InterpreterOptions& options) : options_(options) {}

  Edge HandleFrame(bool voiced);
  // True when it was open: the clause ends here.
  bool Close();
  bool open() const { return open_; }
  // How much more silence would end the open clause.
  Duration UntilEnd() const { return Hangover() - Silence(); }

 private:
  Duration Hangover() const;
  Duration Silence() const { return quiet_ > Duration{} ? quiet_ + options_.detector_tail : Duration{}; }
  void Begin();

  const InterpreterOptions& options_;
  bool open_ = false;
  std::uint32_t recent_ = 0;  // newest frame in bit 0
  Duration clause_{};         // since it opened
  Duration quiet_{};          // of that, at the end without voice
};

}  // namespace jb::interpreter
