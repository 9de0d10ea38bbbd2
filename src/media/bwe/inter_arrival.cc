// SPDX-License-Identifier: Apache-2.0
#include "media/bwe/inter_arrival.h"

#include <algorithm>

namespace jb::media {
namespace {

constexpr int kMaxReordered = 3;  // groups in a row that arrive before the one before them: the clock jumped

}  // namespace

bool InterArrival::Belongs(const PacketResult& packet) const {
  if (packet.sent_at - current_->first_sent <= kBurst) return true;
  // Sent later, but held up on the way and arrived with the others: its delay says nothing new.
  const Duration send = packet.sent_at - current_->last_sent;
  const Duration arrival = packet.arrived_at - current_->last_arrived;
  return arrival <= kBurst && arrival < send && packet.arrived_at - current_->first_arrived < kMaxBurst;
}

std::optional<InterArrival::Deltas> InterArrival::HandlePacket(const PacketResult& packet) {
  const Group alone{packet.sent_at, packet.sent_at, packet.arrived_at, packet.arrived_at};
  if (!current_) {
    current_ = alone;
    return std::nullopt;
  }
  if (packet.sent_at < current_->first_sent) return std::nullopt;  // of an older group
  if (Belongs(packet)) {
    current_->last_sent = std::max(current_->last_sent, packet.sent_at);
    current_->last_arrived = std::max(current_->last_arrived, packet.arrived_at);
    return std::nullopt;
  }
  std::optional<Deltas> out;
  if (previous_) {
    const Deltas deltas{current_->last_sent - previous_->last_sent, current_->last_arrived - previous_->last_arrived,
                        current_->last_arrived};
    const bool reordered = deltas.arrival < Duration(0);
    reordered_ = reordered ? reordered_ + 1 : 0;
    const Duration jump = deltas.variation() < Duration(0) ? -deltas.variation() : deltas.variation();
    if (jump > kMaxJump || reordered_ >= kMaxReordered) {
      Reset();
      current_ = alone;
      return std::nullopt;
    }
    if (!reordered) out = deltas;
  }
  previous_ = current_;
  current_ = alone;
  return out;
}

}  // namespace jb::media
