// SPDX-License-Identifier: Apache-2.0
#include "media/layers/timestamp_aligner.h"

#include <algorithm>
#include <cstdlib>

namespace jb::media {
namespace {

// About one frame at 30 fps: the least step over a change of the source.
constexpr Duration kFrameTime = std::chrono::milliseconds(33);
// mediasoup's: what begins further back than this waits for another key frame.
constexpr Duration kMaxExtra = std::chrono::milliseconds(75);
constexpr int kMaxFailures = 2;
// Reports that say the new source is this far off from when its packets come are not to be believed.
constexpr Duration kPlausible = std::chrono::seconds(3);

}  // namespace

void TimestampAligner::HandleSent(rtp::Timestamp out, Time now) {
  if (sent_at_ && !out.IsNewerThan(newest_)) return;
  newest_ = out;
  sent_at_ = now;
}

std::int64_t TimestampAligner::Ticks(Duration duration) const {
  return duration.count() / 1'000'000 * clock_rate_ + duration.count() % 1'000'000 * clock_rate_ / 1'000'000;
}

rtp::Timestamp TimestampAligner::Next(Time now) const {
  return newest_ + Ticks(std::max<Duration>(now - *sent_at_, kFrameTime));
}

std::optional<rtp::Timestamp> TimestampAligner::ByReports(rtp::Timestamp first, const Clocks& clocks, Time now) const {
  if (!clocks.from || !clocks.to) return std::nullopt;
  const Duration between = clocks.to->ntp.ToWall() - clocks.from->ntp.ToWall();
  const std::int64_t since_report = first - clocks.to->rtp_timestamp;
  const rtp::Timestamp as_old = clocks.from->rtp_timestamp + Ticks(between) + since_report;
  const rtp::Timestamp out = as_old + std::int64_t{offset_};
  const std::int64_t off = out - Next(now);
  if (std::abs(off) > Ticks(kPlausible)) return std::nullopt;
  return out;
}

bool TimestampAligner::ChangeSource(rtp::Timestamp first, const Clocks& clocks, Time now) {
  if (!sent_at_) return true;  // the first source: as it counts
  const std::optional<rtp::Timestamp> aligned = ByReports(first, clocks, now);
  if (!aligned) {
    HandleRestart(first, now);
    return true;
  }
  const std::int64_t behind = -Ahead(*aligned);
  if (behind > Ticks(kMaxExtra) && failures_ < kMaxFailures) {
    ++failures_;
    return false;
  }
  failures_ = 0;
  offset_ = static_cast<std::uint32_t>(*aligned - first);
  // Not kept in the offset: the next change starts from the true one.
  extra_ = behind < 0 ? 0 : static_cast<std::uint32_t>(behind + Ticks(kFrameTime));
  return true;
}

void TimestampAligner::HandleRestart(rtp::Timestamp first, Time now) {
  failures_ = 0;
  extra_ = 0;
  if (sent_at_) offset_ = static_cast<std::uint32_t>(Next(now) - first);
}

}  // namespace jb::media
