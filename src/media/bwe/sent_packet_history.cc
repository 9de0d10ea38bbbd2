// SPDX-License-Identifier: Apache-2.0
#include "media/bwe/sent_packet_history.h"

#include <algorithm>
#include <utility>

namespace jb::media {
namespace {

constexpr std::size_t kFirstCapacity = 256;

}  // namespace

std::uint16_t SentPacketHistory::Add(std::size_t size, ProbeClusterId cluster, Time now) {
  if (this->size() == ring_.size()) MakeRoom(now);
  const auto clamped = [](std::size_t bytes) { return static_cast<std::uint16_t>(std::min<std::size_t>(bytes, 0xffff)); };
  At(end_) = {now, clamped(size), clamped(std::exchange(untracked_, 0)), cluster, SentStatus::kInFlight};
  return static_cast<std::uint16_t>(end_++);
}

void SentPacketHistory::MakeRoom(Time now) {
  const bool stale = begin_ < end_ && now - At(begin_).sent_at > kMaxAge;
  if (stale || ring_.size() == kMaxPackets) {
    ++begin_;
    return;
  }
  std::vector<SentPacket> larger(std::max(kFirstCapacity, 2 * ring_.size()));
  for (std::int64_t n = begin_; n < end_; ++n) larger[static_cast<std::size_t>(n) & (larger.size() - 1)] = At(n);
  ring_ = std::move(larger);
}

SentPacket* SentPacketHistory::Find(std::uint16_t sequence) {
  // Feedback is about the past: the number is the nearest one behind the next that will be given out.
  const auto behind = static_cast<std::uint16_t>(static_cast<std::uint16_t>(end_) - sequence);
  if (behind == 0 || behind > size()) return nullptr;
  return &At(end_ - behind);
}

}  // namespace jb::media
