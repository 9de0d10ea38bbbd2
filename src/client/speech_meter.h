// SPDX-License-Identifier: Apache-2.0
// Finds talk spurts by loudness alone, to time a call from the outside: when speech began and when it
// ended. Not a voice detector. Core: no clock, single-threaded.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace jb::client {

struct SpeechMeterOptions {
  // RFC 6464 magnitudes: -50 dBov and below is silence, and so is what lies 22 dB below the loudest of the
  // last while (rooms and old recordings are never quiet).
  std::uint8_t quiet_level = 50;
  int quiet_below_loudest = 22;
  // Shorter sounds are clicks.
  Duration least_speech = std::chrono::milliseconds(200);
  // A pause this long ends a spurt; shorter ones lie between words.
  Duration least_pause = std::chrono::milliseconds(400);
};

struct SpeechEvent {
  enum class Kind : std::uint8_t { kOnset, kEnd };
  Kind kind = Kind::kOnset;
  Time at{};  // of the first, or behind the last, loud frame: earlier than when it is reported
  friend bool operator==(const SpeechEvent&, const SpeechEvent&) = default;
};

class SpeechMeter {
 public:
  explicit SpeechMeter(SpeechMeterOptions options = {}) : options_(options) {}

  // `level`: RFC 6464 magnitude, 0 loudest to 127, of the sound from `at` for `duration`. Frames come in
  // order; what is missing counts as silence when the next one comes.
  std::optional<SpeechEvent> HandleFrame(std::uint8_t level, Time at, Duration duration);
  // Without a frame for least_pause the spurt is over.
  std::optional<SpeechEvent> HandleTimeout(Time now);

 private:
  std::optional<SpeechEvent> EndIfPaused(Time now);

  bool IsLoud(std::uint8_t level, Duration duration);

  SpeechMeterOptions options_;
  double loudest_ = 127;       // magnitude; fades by 1 dB per second
  bool speaking_ = false;      // an onset was reported
  std::optional<Time> since_;  // first loud frame of the spurt
  Time loud_until_{};
  Duration loud_{};  // in this spurt
};

}  // namespace jb::client
