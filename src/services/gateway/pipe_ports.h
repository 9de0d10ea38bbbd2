// SPDX-License-Identifier: Apache-2.0
// The ends of the rings between one media loop and the others: what its sfu::Worker has for another worker goes into
// a ring, and the other loop is woken once per batch. A ring that is full drops and counts, as a network would: its
// reader is a loop that lags 1024 packets behind. Media loop; the rings are shared with the other loops.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/spsc_ring.h"
#include "io/wakeup.h"
#include "sfu/worker.h"

namespace jb::services {

struct PipeSlot {
  static constexpr std::size_t kMaxPayload = 1500;  // what the SFU takes in at most
  PipeSlot() {}                                     // leaves the array as it is: NOLINT
  sfu::PipeMessage message;  // without its payload
  Time read_at{};            // when the packet it is of was read from a socket
  std::uint16_t size = 0;
  std::array<std::uint8_t, kMaxPayload> bytes;
};
// Of one direction: its loop writes, the other reads.
using PipeRing = SpscRing<PipeSlot>;
// 10 ms of what one loop forwards at most; 1.6 MB.
inline constexpr std::size_t kPipeSlots = 1024;

class PipePorts {
 public:
  // `on_messages`: something waits; call Drain.
  PipePorts(io::Loop& loop, std::function<void()> on_messages) : wakeup_(loop, std::move(on_messages)) {}

  // For those who write to us.
  const std::shared_ptr<io::Wakeup::Signal>& signal() const { return wakeup_.signal(); }
  // What led there or came from there before leads nowhere now.
  void ConnectOut(sfu::WorkerIndex to, std::shared_ptr<PipeRing> ring, std::shared_ptr<io::Wakeup::Signal> signal) {
    PortOf(out_, to) = {std::move(ring), std::move(signal), false};
  }
  void ConnectIn(sfu::WorkerIndex from, std::shared_ptr<PipeRing> ring) { PortOf(in_, from).ring = std::move(ring); }

  // False: dropped.
  bool Send(sfu::WorkerIndex to, const sfu::PipeMessage& message, Time read_at);
  // Wakes those who were sent something since the last call.
  void Flush();

  using Handler = std::function<void(std::span<const sfu::PipeMessage>, Time read_at)>;
  // What waits, in its order, those together that the other loop read together: of each ring at most what it holds, so
  // that a loop that writes without end does not keep this one from its sockets.
  void Drain(const Handler& handler);

 private:
  static constexpr std::size_t kMaxBatch = 64;  // as many as a socket is read at once

  struct Port {
    std::shared_ptr<PipeRing> ring;
    std::shared_ptr<io::Wakeup::Signal> signal;  // of who reads it
    bool written = false;                        // since the last Flush
  };
  // The next few of that ring that were read together; 0 when it is empty.
  std::size_t DrainBatch(PipeRing& ring, const Handler& handler);
  static Port& PortOf(std::vector<Port>& ports, sfu::WorkerIndex index) {
    if (ports.size() <= index.value()) ports.resize(index.value() + 1u);
    return ports[index.value()];
  }

  std::vector<Port> out_, in_;
  std::array<sfu::PipeMessage, kMaxBatch> batch_;
  io::Wakeup wakeup_;
};

}  // namespace jb::services
