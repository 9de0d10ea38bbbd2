// SPDX-License-Identifier: Apache-2.0
// What of a link's bitrate video may take: what the link carries, less audio, which never waits for video, less the
// share that sending lost packets again takes. Value type, no allocation.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include "media/bwe/bandwidth_estimator.h"
#include "media/bwe/rate_meter.h"

namespace jb::media {

class LinkBudget {
 public:
  // Resending is no reason to halve the picture: the estimator sees the loss, and acts on it.
  static constexpr double kMaxResentShare = 0.3;
  static constexpr double kMaxResentRate = 0.5;
  static constexpr Duration kResendBurst = std::chrono::milliseconds(300);
  static constexpr std::uint64_t kLeastRoom = 3000;  // bytes: two packets, on any link

  void HandleAudioSent(std::size_t bytes, Time now) { audio_.Add(bytes, now); }
  // Everything of video, what is sent again too; HandleResent besides for that.
  void HandleVideoSent(std::size_t bytes, Time now) { video_.Add(bytes, now); }
  void HandleResent(std::size_t bytes, Time now) {
    resent_.Add(bytes, now);
    room_ -= std::min<std::uint64_t>(room_, bytes);
  }
  // How many bytes may be sent again now: half of what may be sent in all, and little at once. What a full queue has lost
  // would keep it full. Of a receiver that tells nothing of its link nothing is known of a queue either.
  std::size_t RoomToResend(const BandwidthEstimator& estimator, Time now) {
    if (!estimator.heard()) return std::numeric_limits<std::size_t>::max();
    const double bytes_per_second = static_cast<double>(estimator.target_bps()) / 8 * kMaxResentRate;
    const auto most = static_cast<std::uint64_t>(bytes_per_second * ToSeconds(kResendBurst));
    const Duration passed = std::min<Duration>(now - room_at_, kResendBurst);
    room_ = std::min(room_ + static_cast<std::uint64_t>(bytes_per_second * ToSeconds(passed)), std::max(most, kLeastRoom));
    room_at_ = now;
    return room_;
  }

  // In the long run. While a long queue is drained, what may be sent now, but the smallest pictures, `smallest_bps`
  // together, go on if the link carries them at all: one that stops needs a key frame to begin again. `began`: a size has
  // just begun, and the queue is its key frame.
  std::uint64_t LastingForVideo(const BandwidthEstimator& estimator, std::uint64_t smallest_bps, bool began, Time now) {
    const std::uint64_t lasting = Without(estimator.estimate_bps(), now);
    if (began || !estimator.delay_based().draining_hard(now)) return lasting;
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
  std::uint64_t room_ = 0;  // bytes
  Time room_at_{};
};

}  // namespace jb::media
