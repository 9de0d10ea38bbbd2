// SPDX-License-Identifier: Apache-2.0
#include "interpreter/stt_stream.h"

#include <algorithm>
#include <cmath>

namespace jb::interpreter {
namespace {

constexpr double kRateHz = 16000;
// A recogniser that answers none of so many is dead anyway.
constexpr std::size_t kMaxFlushes = 16;

}  // namespace

void SttStream::NoteAudio(std::size_t samples, Time arrival, Time now) {
  samples_ += samples;
  points_[point_count_ % kPoints] = {samples_, arrival};
  ++point_count_;
  last_use_ = now;
}

Time SttStream::ArrivalOf(double seconds) const {
  if (point_count_ == 0) return last_use_;
  const double wanted = std::isfinite(seconds) ? std::max(seconds, 0.0) * kRateHz : 0.0;
  const std::size_t oldest = point_count_ > kPoints ? point_count_ - kPoints : 0;
  std::size_t at = point_count_ - 1;
  while (at > oldest && static_cast<double>(points_[(at - 1) % kPoints].end_sample) >= wanted) --at;
  const Point& point = points_[at % kPoints];
  const double before = std::clamp(static_cast<double>(point.end_sample) - wanted, 0.0, kRateHz * 60);
  return point.arrival - Duration(static_cast<std::int64_t>(before * 1e6 / kRateHz));
}

void SttStream::NoteFlush(Time voice_end, Time now) {
  flushed_ = samples_;
  last_use_ = now;
  if (flushes_.size() >= kMaxFlushes) flushes_.pop_front();
  flushes_.push_back({.number = ++flush_count_, .voice_end = voice_end, .sent = now});
}

std::optional<Time> SttStream::FlushDeadline(Duration late, Duration give_up) const {
  if (flushes_.empty()) return std::nullopt;
  const Flush& oldest = flushes_.front();
  return oldest.sent + (oldest.late_told ? give_up : late);
}

std::optional<SttStream::Flush> SttStream::AnswerFlush(std::uint32_t number) {
  std::optional<Flush> answered;
  while (!flushes_.empty() && flushes_.front().number <= number) {
    answered = flushes_.front();
    flushes_.pop_front();
  }
  return answered;
}

}  // namespace jb::interpreter
