// SPDX-License-Identifier: Apache-2.0
// What every part of one worker shares. Owned by the worker, outlives its transports; single-threaded.
#pragma once

#include <array>
#include <cstdint>

#include "media/rtp/packet_pool.h"
#include "sfu/timer_wheel.h"
#include "sfu/egress.h"
#include "sfu/routes.h"
#include "sfu/worker.h"

namespace jb::sfu {

// The largest datagram taken in (reliability S4), and what an outgoing packet may need at most.
inline constexpr std::size_t kMaxDatagramSize = 1500;
inline constexpr std::size_t kScratchSize = 2048;
// RTCP compounds stay below every path's MTU.
inline constexpr std::size_t kMaxRtcpSize = 1200;

struct Context {
  Context(WorkerConfig worker_config, Random& worker_random, WorkerOutput& worker_output)
      : config(std::move(worker_config)), random(worker_random), output(worker_output), routes(worker_random) {}

  void Drop(DropReason reason) { ++stats.drops[static_cast<std::size_t>(reason)]; }
  WallTime Wall(Time now) const { return WallTime(now.time_since_epoch() + config.wall_clock_offset); }

  WorkerConfig config;
  Random& random;
  WorkerOutput& output;
  Time latest{};  // the newest `now` given, for commands that are given none
  WorkerStats stats;
  TimerWheel deadlines;
  Routes routes;
  media::PacketPool packets{config.max_pooled_packets};
  Egress egress{output, stats};
  // One outgoing compound under construction; used up before the next is begun.
  std::array<std::uint8_t, kScratchSize> rtcp_scratch;
};

}  // namespace jb::sfu
