// SPDX-License-Identifier: Apache-2.0
#include "client/speech_meter.h"

#include <algorithm>

namespace jb::client {

bool SpeechMeter::IsLoud(std::uint8_t level, Duration duration) {
  loudest_ = std::min(loudest_ + ToSeconds(duration), static_cast<double>(level));
  return level < options_.quiet_level && level < loudest_ + options_.quiet_below_loudest;
}

std::optional<SpeechEvent> SpeechMeter::HandleFrame(std::uint8_t level, Time at, Duration duration) {
  const bool is_loud = IsLoud(level, duration);
  if (auto end = EndIfPaused(at)) return end;
  if (!is_loud) return EndIfPaused(at + duration);
  if (!since_) {
    since_ = at;
    loud_ = {};
  }
  loud_ += duration;
  loud_until_ = at + duration;
  if (speaking_ || loud_ < options_.least_speech) return std::nullopt;
  speaking_ = true;
  return SpeechEvent{SpeechEvent::Kind::kOnset, *since_};
}

std::optional<SpeechEvent> SpeechMeter::HandleTimeout(Time now) { return EndIfPaused(now); }

std::optional<SpeechEvent> SpeechMeter::EndIfPaused(Time now) {
  if (!since_ || now - loud_until_ < options_.least_pause) return std::nullopt;
  since_.reset();
  if (!speaking_) return std::nullopt;  // a click
  speaking_ = false;
  return SpeechEvent{SpeechEvent::Kind::kEnd, loud_until_};
}

}  // namespace jb::client
