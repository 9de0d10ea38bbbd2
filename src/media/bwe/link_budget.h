// SPDX-License-Identifier: Apache-2.0
// What of a link's bitrate video may take: what the link carries, less audio, which never waits for video, less the
// share that sending lost packets again takes. Value type, no allocation.
#pragma once

#include <algorithm>
#include <cstdint>

#include "media/bwe/bandwidth_estimator.h"
#include "media/bwe/rate_meter.h"

namespace jb::media {

class LinkBudget {
 public:
  // Resending is no reason to halve the picture: the estimator sees the loss, and acts on it.
  static constexpr double kMaxResentShare = 0.3;

  void HandleAudioSent(std::size_t bytes, Time now) { audio_.Add(bytes, now); }
  // Everything of video, what is sent again too; HandleResent besides for that.
  void HandleVideoSent(std::size_t bytes, Time now) { video_.Add(bytes, now); }
  void HandleResent(std::size_t bytes, Time now) { resent_.Add(bytes, now); }

  // In the long run. While a long queue is drained, what may be sent now, but the smallest pictures, `smallest_bps`
  // together, go on if the link carries them at all: one that stops needs a key frame to begin again.
  std::uint64_t LastingForVideo(const BandwidthEstimator& estimator, std::uint64_t smallest_bps, Time now) {
    const std::uint64_t lasting = Without(estimator.estimate_bps(), now);
    if (!estimator.delay_based().draining_hard()) return lasting;
    return std::min(lasting, std::max(smallest_bps, CurrentForVideo(estimator, now)));
  }
  // Now: less while a queue is drained.
  std::uint64_t CurrentForVideo(const BandwidthEstimator& estimator, Time now) {
    return Without(estimator.target_bps(), now);
  }
  // What must fit through the link for video to be sent at `video_bps`.
  std::uint64_t Whole(std::uint64_t video_bps, Time now) {
    return static_cast<std::uint64_t>(static_cast<double>(video_bps) * (1 + ResentShare(now))) + audio_.bitrate_bps(now);
  }

  std::uint64_t audio_bps(Time now) { return audio_.bitrate_bps(now); }
  std::uint64_t sent_bps(Time now) { return audio_.bitrate_bps(now) + video_.bitrate_bps(now); }

 private:
  double ResentShare(Time now) {
    const std::uint64_t resent = resent_.bitrate_bps(now);
    const std::uint64_t all = video_.bitrate_bps(now);
    if (all <= resent) return 0;
    return std::min(kMaxResentShare, static_cast<double>(resent) / static_cast<double>(all - resent));
  }
  std::uint64_t Without(std::uint64_t whole_bps, Time now) {
    const std::uint64_t audio = audio_.bitrate_bps(now);
    if (whole_bps <= audio) return 0;
    return static_cast<std::uint64_t>(static_cast<double>(whole_bps - audio) / (1 + ResentShare(now)));
  }

  RateMeter audio_, video_, resent_;
};

}  // namespace jb::media
