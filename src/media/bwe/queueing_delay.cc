// SPDX-License-Identifier: Apache-2.0
#include "media/bwe/queueing_delay.h"

#include <algorithm>

namespace jb::media {

void QueueingDelay::HandlePacket(Time sent_at, Time arrived_at) {
  const Duration delay = arrived_at - sent_at;
  UpdateBase(delay, arrived_at);
  samples_[next_sample_] = {arrived_at, delay};
  next_sample_ = (next_sample_ + 1) % samples_.size();
  sample_count_ = std::min(sample_count_ + 1, samples_.size());
  Duration least = delay;
  for (std::size_t i = 0; i < sample_count_; ++i) {
    if (arrived_at - samples_[i].arrived_at <= kRecent) least = std::min(least, samples_[i].delay);
  }
  recent_ = least;
}

void QueueingDelay::UpdateBase(Duration delay, Time arrived_at) {
  const std::int64_t slot = arrived_at.time_since_epoch() / kBaseSlot;
  if (used_slots_ == 0 || slot > slot_) {
    slot_ = slot;
    used_slots_ = std::min(used_slots_ + 1, kBaseSlots);
    std::copy_backward(slots_.begin(), slots_.end() - 1, slots_.end());
    slots_[0] = delay;
  }
  slots_[0] = std::min(slots_[0], delay);
  base_ = *std::min_element(slots_.begin(), slots_.begin() + static_cast<std::ptrdiff_t>(used_slots_));
}

void QueueingDelay::Rebase() {
  if (!recent_) return;
  used_slots_ = 1;
  slots_[0] = *recent_;
  base_ = recent_;
}

}  // namespace jb::media
