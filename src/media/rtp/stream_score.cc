// SPDX-License-Identifier: Apache-2.0
#include "media/rtp/stream_score.h"

#include <algorithm>
#include <cmath>

namespace jb::media {
namespace {

// 0 where a counter began anew.
template <class Count>
double Since(Count before, Count now) {
  return now < before ? 0 : static_cast<double>(now - before);
}

std::uint8_t ScoreOf(double packets, double lost, double resent) {
  if (packets == 0) return StreamScore::kBest;  // a pause: nothing was to come
  lost = std::min(lost, packets);
  const double repaired = std::min(resent, lost);
  // A stream that lives on repairs is late, and one that needs several for each is later.
  double weight = std::pow(1 / (repaired / packets + 1), 4);
  if (resent > 0) weight *= repaired / resent;
  const double delivered = (packets - lost + repaired * weight) / packets;
  return static_cast<std::uint8_t>(std::lround(std::pow(delivered, 4) * StreamScore::kBest));
}

}  // namespace

bool StreamScore::Add(const Totals& totals) {
  const Totals before = before_;
  before_ = totals;
  before_.lost = std::max<std::int64_t>(totals.lost, 0);
  return Take(ScoreOf(Since(before.packets, before_.packets), Since(before.lost, before_.lost),
                      Since(before.resent, before_.resent)));
}

bool StreamScore::HandleSilence() {
  count_ = 0;
  return Take(0);
}

bool StreamScore::Take(std::uint8_t score) {
  scores_[count_ % kIntervals] = score;
  ++count_;
  const std::size_t kept = std::min(count_, kIntervals);
  std::size_t sum = 0, weights = 0;
  for (std::size_t weight = 1; weight <= kept; ++weight) {
    sum += weight * scores_[(count_ - kept + weight - 1) % kIntervals];
    weights += weight;
  }
  const auto mean = static_cast<std::uint8_t>((2 * sum + weights) / (2 * weights));  // rounded
  const bool is_news = mean != value_;
  value_ = mean;
  return is_news;
}

}  // namespace jb::media
