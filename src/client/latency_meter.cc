// SPDX-License-Identifier: Apache-2.0
#include "client/latency_meter.h"

#include <algorithm>
#include <cmath>

namespace jb::client {
namespace {

constexpr std::size_t kMaxWaiting = 64;  // of one speaker

}  // namespace

void LatencyMeter::HandleSpeechEnd(const std::string& speech, Time end) {
  std::deque<Time>& ends = ends_[speech];
  if (ends.size() == kMaxWaiting) ends.pop_front();
  ends.push_back(end);
  Pair(speech);
}

void LatencyMeter::HandleTranslationOnset(const std::string& speech, Time onset) {
  std::deque<Time>& onsets = onsets_[speech];
  if (onsets.size() == kMaxWaiting) onsets.pop_front();
  onsets.push_back(onset);
  Pair(speech);
}

void LatencyMeter::HandleTranslationEnd(const std::string& speech, Time end) {
  std::deque<Time>& ends = ends_[speech];
  const Duration delay = last_delay_[speech];
  while (!ends.empty() && ends.front() + delay < end) ends.pop_front();
}

void LatencyMeter::Pair(const std::string& speech) {
  std::deque<Time>& ends = ends_[speech];
  std::deque<Time>& onsets = onsets_[speech];
  while (!ends.empty() && !onsets.empty()) {
    const Duration delay = onsets.front() - ends.front();
    if (delay > patience_) {
      ends.pop_front();
    } else if (delay < Duration(0)) {
      onsets.pop_front();
    } else {
      delays_.push_back(delay);
      last_delay_[speech] = delay;
      ends.pop_front();
      onsets.pop_front();
    }
  }
}

std::optional<Duration> LatencyMeter::Quantile(double fraction) const {
  if (delays_.empty()) return std::nullopt;
  std::vector<Duration> sorted = delays_;
  std::sort(sorted.begin(), sorted.end());
  const double rank = std::ceil(fraction * static_cast<double>(sorted.size()));
  const auto index = static_cast<std::size_t>(std::max(1.0, rank)) - 1;
  return sorted[std::min(index, sorted.size() - 1)];
}

}  // namespace jb::client
