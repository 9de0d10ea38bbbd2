// SPDX-License-Identifier: Apache-2.0
// When to measure whether the path carries more than is sent, and how: clusters of packets at a higher rate, filled
// up with padding. A receiver of layered video is nearly always sent less than its path carries, since the next
// layer is much larger; without probes nobody would ever know that it fits.
// Says how much padding is due; the owner sends it. Sans-IO, single-threaded, no allocation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/time.h"
#include "media/bwe/sent_packet_history.h"

namespace jb::media {

struct ProbeCluster {
  ProbeClusterId id = 0;
  std::uint64_t bitrate_bps = 0;
  std::size_t min_bytes = 0;
};

class ProbeController {
 public:
  static constexpr Duration kClusterTime = std::chrono::milliseconds(15);
  // To confirm takes longer: at a rate that should fit it makes no queue, and beside it the jitter of a wireless path,
  // some 10 ms either way, is small.
  static constexpr Duration kConfirmTime = std::chrono::milliseconds(60);
  static constexpr std::size_t kMinPackets = 5;       // of a cluster; what it measures has one gap less
  static constexpr std::size_t kMinPacketSize = 200;  // bytes
  static constexpr std::size_t kMaxPacketSize = 1200;
  // While more could be used than is known to fit. "The right layer within 5 s of a change" must hold with a
  // probe lost and a key frame to wait for.
  static constexpr Duration kInterval = std::chrono::milliseconds(2000);
  static constexpr Duration kMinInterval = std::chrono::milliseconds(250);
  static constexpr Duration kAfterOveruse = std::chrono::milliseconds(1500);
  static constexpr double kStep = 2.5;  // times the estimate
  static constexpr double kFirstStep = 3;
  // Of what a probe that filled the path measured: the rate of the next, which has to confirm it.
  static constexpr double kConfirm = 0.9;
  static constexpr int kMaxConfirms = 4;  // in a row
  // A queue of more than this is on the path already: what would a probe measure?
  static constexpr Duration kMaxQueue = std::chrono::milliseconds(40);

  // `estimate`: what is known to fit. `useful`: what would be sent if it did.
  void SetBitrates(std::uint64_t estimate_bps, std::uint64_t useful_bps, Time now);
  // The path is there and carries media: from here on.
  void Start(Time now);
  void HandleOveruse(Time now);
  // The path is busy: not now.
  void HandleBusy(Time now) { not_before_ = std::max(not_before_, now + kMinInterval); }
  // The last cluster arrived as fast as it was sent; SetBitrates has been told. More may fit.
  void HandleSuccess(ProbeClusterId cluster, Time now);
  // It filled the path: `measured_bps` arrived.
  void HandleSaturated(ProbeClusterId cluster, std::uint64_t measured_bps, Time now);

  // What is sent now, media too, belongs to it; 0: to none.
  ProbeClusterId active_cluster() const { return active_ ? active_->cluster.id : ProbeClusterId(0); }
  void HandleSent(std::size_t bytes);
  // Bytes of padding to send now as one packet; 0: none yet.
  std::size_t PaddingDue(Time now) const;
  std::optional<Time> NextDeadline() const;
  // Begins and ends clusters. A value when one ended that waits for its result.
  std::optional<ProbeCluster> HandleTimeout(Time now);

  std::uint64_t clusters() const { return clusters_; }

 private:
  struct Active {
    ProbeCluster cluster;
    Time began{};
    std::size_t bytes = 0, packets = 0;
    bool is_full() const { return bytes >= cluster.min_bytes && packets >= kMinPackets; }
  };
  static constexpr std::uint64_t kWorthwhile = 20;  // less than a twentieth more is not worth a probe
  bool wants_more() const { return useful_ > estimate_ + estimate_ / kWorthwhile; }
  std::size_t PacketSize() const;
  Time NextPaddingAt() const;
  void Begin(Time now);

  bool started_ = false;
  std::uint64_t estimate_ = 0, useful_ = 0;
  ProbeClusterId last_id_ = 0;
  std::uint64_t clusters_ = 0;
  std::optional<Active> active_;
  ProbeCluster last_;  // ended
  Time last_began_ = Time::min();
  Time next_at_ = kNever;
  Time not_before_ = Time::min();
  std::uint64_t confirm_bps_ = 0;  // the next probe is to confirm so much; 0: it is to find more
  int confirms_ = 0;
};

}  // namespace jb::media
