// SPDX-License-Identifier: Apache-2.0
// What one transport sent lately, by transport-wide sequence number, so that feedback can be matched to it
// (draft-holmer-rmcat-transport-wide-cc-extensions-01). Gives the numbers out. Bounded in count and age; the ring
// grows to what the rate needs and then allocates nothing. Sans-IO, single-threaded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/time.h"

namespace jb::media {

// Bursts of padding that measure how much a path carries; 0: not one of them.
using ProbeClusterId = std::uint16_t;

enum class SentStatus : std::uint8_t { kInFlight, kLost, kReceived };

struct SentPacket {
  Time sent_at{};
  std::uint16_t size = 0;           // bytes of the datagram
  std::uint16_t untracked_size = 0;  // bytes of what has no number (audio) and was sent since the packet before
  ProbeClusterId probe_cluster = 0;
  SentStatus status = SentStatus::kInFlight;
};
static_assert(sizeof(SentPacket) == 16);  // a thousand a second are kept for each receiver

class SentPacketHistory {
 public:
  // Feedback about more numbers at once is refused by the parser; half the circle must stay free.
  static constexpr std::size_t kMaxPackets = 8192;
  // Feedback that is later than this is of no use. Kept longer only while the ring has room.
  static constexpr Duration kMaxAge = std::chrono::seconds(2);

  explicit SentPacketHistory(std::uint16_t first_sequence) : begin_(first_sequence), end_(first_sequence) {}

  // Remembers a packet that is sent now and returns its number. `size` > 0.
  std::uint16_t Add(std::size_t size, ProbeClusterId cluster, Time now);
  // A packet without a number, which takes its share of the link all the same.
  void AddUntracked(std::size_t size) { untracked_ += static_cast<std::uint32_t>(size); }

  // nullptr: never sent, or forgotten. The pointer is valid until the next Add.
  SentPacket* Find(std::uint16_t sequence);
  // Numbers remembered.
  std::size_t size() const { return static_cast<std::size_t>(end_ - begin_); }

 private:
  SentPacket& At(std::int64_t n) { return ring_[static_cast<std::size_t>(n) & (ring_.size() - 1)]; }
  void MakeRoom(Time now);

  std::vector<SentPacket> ring_;  // power of two
  std::int64_t begin_, end_;      // unwrapped numbers: [begin_, end_)
  std::uint32_t untracked_ = 0;
};


}  // namespace jb::media
