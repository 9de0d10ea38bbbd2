// SPDX-License-Identifier: Apache-2.0
#include "media/bwe/probe_bitrate_estimator.h"

#include <algorithm>

#include "media/bwe/probe_controller.h"

namespace jb::media {

ProbeBitrateEstimator::Cluster* ProbeBitrateEstimator::Find(ProbeClusterId id) {
  const auto found = std::find_if(clusters_.begin(), clusters_.end(), [id](const Cluster& c) { return c.id == id; });
  return found == clusters_.end() ? nullptr : &*found;
}

void ProbeBitrateEstimator::HandleSent(ProbeClusterId cluster) {
  if (cluster == 0) return;
  Cluster* known = Find(cluster);
  if (!known) {
    known = &clusters_[next_++ % clusters_.size()];
    *known = Cluster{};
    known->id = cluster;
  }
  ++known->sent;
}

void ProbeBitrateEstimator::HandleArrived(const PacketResult& packet) {
  if (packet.probe_cluster == 0) return;
  Cluster* cluster = Find(packet.probe_cluster);
  if (!cluster) return;
  const bool first = cluster->arrived++ == 0;
  cluster->bytes += packet.size;
  cluster->touched = true;
  if (first || packet.sent_at < cluster->first_sent) cluster->first_sent = packet.sent_at;
  if (first || packet.sent_at >= cluster->last_sent) {
    cluster->last_sent = packet.sent_at;
    cluster->last_sent_size = packet.size;
  }
  if (first || packet.arrived_at < cluster->first_arrived) {
    cluster->first_arrived = packet.arrived_at;
    cluster->first_arrived_size = packet.size;
  }
  if (first || packet.arrived_at > cluster->last_arrived) cluster->last_arrived = packet.arrived_at;
}

// The last packet sent takes its time after the interval of sending, the first that arrived took its before.
std::optional<ProbeBitrateEstimator::Result> ProbeBitrateEstimator::Measure(const Cluster& cluster) {
  if (cluster.sent < ProbeController::kMinPackets || cluster.arrived < 3) return std::nullopt;
  if (static_cast<double>(cluster.arrived) < kMinArrived * static_cast<double>(cluster.sent)) return std::nullopt;
  const Duration sending = cluster.last_sent - cluster.first_sent;
  const Duration arriving = cluster.last_arrived - cluster.first_arrived;
  if (sending <= Duration(0) || arriving <= Duration(0)) return std::nullopt;
  if (sending > kMaxInterval || arriving > kMaxInterval) return std::nullopt;
  const double send_bps = static_cast<double>(cluster.bytes - cluster.last_sent_size) * 8 / ToSeconds(sending);
  const double arrive_bps = static_cast<double>(cluster.bytes - cluster.first_arrived_size) * 8 / ToSeconds(arriving);
  if (arrive_bps > kMaxCompression * send_bps) return std::nullopt;
  const bool is_jitter = sending >= kLong && arriving - sending <= kJitter;
  return Result{cluster.id, static_cast<std::uint64_t>(std::min(send_bps, arrive_bps)),
                arrive_bps < kSaturated * send_bps && !is_jitter};
}

std::optional<ProbeBitrateEstimator::Result> ProbeBitrateEstimator::Poll() {
  for (Cluster& cluster : clusters_) {
    if (!cluster.touched) continue;
    cluster.touched = false;
    if (const auto result = Measure(cluster)) return result;
  }
  return std::nullopt;
}

}  // namespace jb::media
