// SPDX-License-Identifier: Apache-2.0
// How long packets wait on the path now: the one-way delay above the least that was seen lately (the base delay of
// RFC 6817, LEDBAT, section 3.4.2). Clocks need not agree, since only differences are used. The trend of the delay
// says that a queue grows, this one says that a queue stands. Value type, no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <optional>

#include "base/time.h"

namespace jb::media {

class QueueingDelay {
 public:
  // The base is the least of so many seconds: longer than a queue is likely to stand, shorter than clocks need to
  // drift by a millisecond or two.
  static constexpr Duration kBaseSlot = std::chrono::seconds(3);
  static constexpr std::size_t kBaseSlots = 10;
  // One value of noise is no queue: the least of the packets that arrived so recently stands for now.
  static constexpr Duration kRecent = std::chrono::milliseconds(60);

  void HandlePacket(Time sent_at, Time arrived_at);
  // 0 before the first packet.
  Duration standing() const { return recent_ && base_ ? *recent_ - *base_ : Duration(0); }
  // The standing delay turned out not to be our queue: from here on it is the base.
  void Rebase();
  void Reset() { *this = QueueingDelay(); }

 private:
  struct Sample {
    Time arrived_at{};
    Duration delay{};
  };
  void UpdateBase(Duration delay, Time arrived_at);

  std::array<Duration, kBaseSlots> slots_{};  // least one-way delay of each
  std::int64_t slot_ = 0;
  std::size_t used_slots_ = 0;
  std::optional<Duration> base_, recent_;
  std::array<Sample, 32> samples_{};  // of kRecent, ring
  std::size_t next_sample_ = 0, sample_count_ = 0;
};

}  // namespace jb::media
