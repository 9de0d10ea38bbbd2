// SPDX-License-Identifier: Apache-2.0
// What a probe measured: the rate at which its packets were sent, or the lower one at which they arrived.
// Value type, no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "media/bwe/feedback_adapter.h"

namespace jb::media {

class ProbeBitrateEstimator {
 public:
  // Of what was sent; more has to arrive for a result.
  static constexpr double kMinArrived = 0.5;
  static constexpr Duration kMaxInterval = std::chrono::seconds(1);
  // Packets that come so much closer together than they were sent had been held up: not believed.
  static constexpr double kMaxCompression = 2;
  // Arrived so much more slowly than sent: the probe filled the path. With others on it that says little about what
  // is left for us: a burst takes its share of the queue, so a slower one has to confirm it.
  static constexpr double kSaturated = 0.9;
  // Of a long probe, so much is jitter: it arrives at less than it was sent at, and less is what is believed.
  static constexpr Duration kLong = std::chrono::milliseconds(40);
  static constexpr Duration kJitter = std::chrono::milliseconds(10);

  void HandleSent(ProbeClusterId cluster);
  void HandleArrived(const PacketResult& packet);

  struct Result {
    ProbeClusterId cluster = 0;
    std::uint64_t bitrate_bps = 0;  // the lower of both rates
    bool saturated = false;
  };
  // After a feedback: what is known now about one of the clusters it was about; call until nullopt. A later
  // feedback can make it more exact.
  std::optional<Result> Poll();

 private:
  struct Cluster {
    ProbeClusterId id = 0;
    std::size_t sent = 0, arrived = 0;
    std::uint64_t bytes = 0;
    std::uint32_t last_sent_size = 0, first_arrived_size = 0;
    Time first_sent{}, last_sent{}, first_arrived{}, last_arrived{};
    bool touched = false;
  };
  Cluster* Find(ProbeClusterId id);
  static std::optional<Result> Measure(const Cluster& cluster);

  std::array<Cluster, 4> clusters_{};  // the latest
  std::size_t next_ = 0;
};

}  // namespace jb::media
