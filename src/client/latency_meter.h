// SPDX-License-Identifier: Apache-2.0
// From the end of a spoken clause to what is made of it (the first sound of its translation, or its final caption),
// as a listener has it. Pairs each such onset with the oldest clause that still waits for one. Core: no clock.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"

namespace jb::client {

class LatencyMeter {
 public:
  static constexpr Duration kPatience = std::chrono::seconds(20);

  // A clause that got no translation within `patience` never will.
  explicit LatencyMeter(Duration patience = kPatience) : patience_(patience) {}

  // `speech`: the producer of the original voice.
  void HandleSpeechEnd(const std::string& speech, Time end);
  // `speech`: what the translation was made from.
  void HandleTranslationOnset(const std::string& speech, Time onset);

  // The translation fell silent: it has said all it had, so clauses that ended long enough before were
  // said within that spurt, without an onset of their own.
  void HandleTranslationEnd(const std::string& speech, Time end);

  // Of every clause whose translation began after a silence, in the order in which the voices began. An
  // onset while no ended clause waits is not counted.
  const std::vector<Duration>& delays() const { return delays_; }
  // The `fraction` quantile (nearest rank) of delays(); nullopt without any.
  std::optional<Duration> Quantile(double fraction) const;

 private:
  void Pair(const std::string& speech);

  Duration patience_;
  std::map<std::string, std::deque<Time>> ends_;    // waiting for a translation
  std::map<std::string, std::deque<Time>> onsets_;  // their clause is not yet known to have ended
  std::map<std::string, Duration> last_delay_;      // of the spurt that is being heard
  std::vector<Duration> delays_;
};

}  // namespace jb::client
