// SPDX-License-Identifier: Apache-2.0
#include "media/audio/time_stretch.h"

#include <algorithm>
#include <cmath>

namespace jb::media {
namespace {

// A cut leaves out between 2.5 and 15 ms: one period of a voice between 67 and 400 Hz.
constexpr std::size_t kLeastLag = 120;
constexpr std::size_t kMostLag = 720;
constexpr std::size_t kOverlap = 240;  // 5 ms cross-fade
constexpr std::size_t kCoarse = 4;     // lags tried first; then each around the best
constexpr std::size_t kLookahead = kMostLag + kOverlap;

// Similarity of x[0..kOverlap) and x[lag..lag+kOverlap), normalised by the energy of the latter.
float Similarity(const float* x, std::size_t lag, std::size_t step) {
  float cross = 0;
  float energy = 1;
  for (std::size_t i = 0; i < kOverlap; i += step) {
    cross += x[i] * x[i + lag];
    energy += x[i + lag] * x[i + lag];
  }
  return cross / std::sqrt(energy);
}

}  // namespace

TimeStretch::TimeStretch(std::size_t capacity_samples)
    : ring_(std::max(capacity_samples, 2 * kLookahead)), window_(kLookahead) {}

std::size_t TimeStretch::Push(std::span<const std::int16_t> pcm) {
  const std::size_t n = std::min(pcm.size(), room());
  for (std::size_t i = 0; i < n; ++i) ring_[(head_ + size_ + i) % ring_.size()] = pcm[i];
  size_ += n;
  return n;
}

std::size_t TimeStretch::Pull(std::span<std::int16_t> out, double speed) {
  speed = std::clamp(speed, 1.0, kMostSpeed);
  std::size_t written = 0;
  while (written < out.size() && size_ > 0) {
    // At most the shortest cut may become due before the next look.
    const std::size_t n = std::min({out.size() - written, size_, kLeastLag});
    for (std::size_t i = 0; i < n; ++i) out[written + i] = At(i);
    Drop(n);
    written += n;
    owed_ = speed > 1.0 ? owed_ + static_cast<double>(n) * (speed - 1.0) : 0.0;
    if (owed_ >= static_cast<double>(kLeastLag) && size_ >= kLookahead) Cut();
  }
  return written;
}

void TimeStretch::Clear() {
  head_ = 0;
  size_ = 0;
  owed_ = 0;
}

void TimeStretch::Drop(std::size_t n) {
  head_ = (head_ + n) % ring_.size();
  size_ -= n;
}

std::size_t TimeStretch::BestLag() {
  for (std::size_t i = 0; i < kLookahead; ++i) window_[i] = At(i);
  // Beyond the shortest lag not more than is owed: what was skipped too much is paid back before the next cut, so
  // that the mean speed stays what was asked for.
  const std::size_t most = std::min(kMostLag, static_cast<std::size_t>(owed_) + kLeastLag);
  std::size_t best = kLeastLag;
  float best_similarity = -1e30f;
  const auto consider = [&](std::size_t lag, std::size_t step) {
    const float s = Similarity(window_.data(), lag, step);
    if (s > best_similarity) {
      best_similarity = s;
      best = lag;
    }
  };
  for (std::size_t lag = kLeastLag; lag <= most; lag += kCoarse) consider(lag, kCoarse);
  const std::size_t around = best;
  best_similarity = -1e30f;
  const std::size_t low = std::max(kLeastLag, around - std::min(around, kCoarse));
  for (std::size_t lag = low; lag <= std::min(most, around + kCoarse); ++lag) consider(lag, 1);
  return best;
}

// The queue's first kOverlap samples fade into those one lag later; the lag in between is left out.
void TimeStretch::Cut() {
  const std::size_t lag = BestLag();
  for (std::size_t i = 0; i < kOverlap; ++i) {
    const float t = (static_cast<float>(i) + 0.5f) / static_cast<float>(kOverlap);
    const float mixed = window_[i] * (1.0f - t) + window_[i + lag] * t;
    ring_[(head_ + lag + i) % ring_.size()] = static_cast<std::int16_t>(std::lround(mixed));
  }
  Drop(lag);
  owed_ -= static_cast<double>(lag);
  skipped_ += lag;
}

}  // namespace jb::media
