// SPDX-License-Identifier: Apache-2.0
#include "scenario/link_recording.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <fstream>

namespace jb::scenario {
namespace {

using std::chrono::seconds;

// A glance at another layer, when a key frame or a drained queue passes by, is no settling: so much of the time the
// layers must be right once they have settled.
constexpr double kRightShare = 0.95;

bool IsOneOf(const std::vector<int>& wanted, int spatial) {
  return std::find(wanted.begin(), wanted.end(), spatial) != wanted.end();
}

}  // namespace

double LinkRecording::QueuePercentile(double share) const {
  std::vector<double> sorted = queue_ms;
  if (sorted.empty()) return 0;
  std::sort(sorted.begin(), sorted.end());
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

double LinkRecording::audio_lost() const {
  if (audio_sent == 0) return 0;
  const double lost = 1 - static_cast<double>(audio_received) / static_cast<double>(audio_sent);
  return std::max(0.0, lost - link_loss);
}

int LinkRecording::MostSwitches(const LinkRow& row) const {
  int most = 0;
  for (std::size_t i = 0; i < row.layers.size(); ++i) {
    const Duration from = row.layers[i].at + row.layers[i].within;
    const Duration until = i + 1 < row.layers.size() ? row.layers[i + 1].at : row.duration;
    for (const Duration first : switches) {
      if (first < from || first >= until) continue;
      const auto count = std::count_if(switches.begin(), switches.end(), [&](Duration at) {
        return at >= first && at < std::min(first + seconds(10), until);
      });
      most = std::max(most, static_cast<int>(count));
    }
  }
  return most;
}

std::optional<Duration> LinkRecording::SettledAfter(const ExpectedLayers& wanted, Duration until) const {
  std::vector<const LinkSample*> span;
  for (const LinkSample& sample : samples) {
    if (sample.at >= wanted.at && sample.at < until) span.push_back(&sample);
  }
  // From the end backwards: the earliest sample from which on enough are right.
  std::size_t right = 0;
  std::optional<Duration> settled;
  for (std::size_t back = 0; back < span.size(); ++back) {
    const LinkSample& sample = *span[span.size() - 1 - back];
    const bool good = IsOneOf(wanted.spatial, sample.spatial);
    right += good ? 1 : 0;
    if (good && static_cast<double>(right) >= kRightShare * static_cast<double>(back + 1)) settled = sample.at - wanted.at;
  }
  return settled;
}

void LinkRecording::WriteCsv(const std::string& path) const {
  std::ofstream out(path);
  out << "t_s,capacity_kbps,estimate_kbps,target_kbps,sent_kbps,queue_ms,spatial,temporal\n";
  for (const LinkSample& s : samples) {
    char line[200];
    std::snprintf(line, sizeof line, "%.1f,%.0f,%.0f,%.0f,%.0f,%.1f,%d,%d\n", ToSeconds(s.at), s.capacity_kbps,
                  s.estimate_kbps, s.target_kbps, s.sent_kbps, s.queue_ms, s.spatial, s.temporal);
    out << line;
  }
}

void ExpectAsTheRowSays(const LinkRow& row, const LinkRecording& recording) {
  for (std::size_t i = 0; i < row.layers.size(); ++i) {
    const Duration until = i + 1 < row.layers.size() ? row.layers[i + 1].at : row.duration;
    const auto settled = recording.SettledAfter(row.layers[i], until);
    EXPECT_TRUE(settled && *settled <= row.layers[i].within)
        << row.name << ": after the change at " << ToSeconds(row.layers[i].at) << " s the layers settled "
        << (settled ? std::to_string(ToSeconds(*settled)) + " s later" : "never");
  }
  const double queue_p95 = recording.QueuePercentile(0.95);
  EXPECT_LE(queue_p95, ToSeconds(row.queue_p95) * 1000) << row.name << ": queueing delay, p95 in ms";
  EXPECT_LE(recording.MostSwitches(row), row.switches_in_10s) << row.name << ": switches in 10 s";
  EXPECT_LE(recording.audio_lost(), row.audio_lost) << row.name << ": audio packets lost";
}

}  // namespace jb::scenario
