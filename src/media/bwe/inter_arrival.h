// SPDX-License-Identifier: Apache-2.0
// Groups packets that were sent together, and compares how far apart two groups were sent and arrived: what is
// between the two is queueing (draft-ietf-rmcat-gcc-02 section 5.2). Value type, no allocation.
#pragma once

#include <optional>

#include "media/bwe/feedback_adapter.h"

namespace jb::media {

class InterArrival {
 public:
  struct Deltas {
    Duration send{};
    Duration arrival{};
    Time arrived_at{};  // of the later group's last packet
    Duration variation() const { return arrival - send; }
  };

  static constexpr Duration kBurst = std::chrono::milliseconds(5);       // sent within: one group
  static constexpr Duration kMaxBurst = std::chrono::milliseconds(100);  // a group that arrives as one is no longer
  static constexpr Duration kMaxJump = std::chrono::seconds(3);  // of the arrival clock against ours: begin anew

  // Packets in order of arrival. A value when with this packet a group is complete that has one before it.
  std::optional<Deltas> HandlePacket(const PacketResult& packet);
  void Reset() { *this = InterArrival(); }

 private:
  struct Group {
    Time first_sent{}, last_sent{};
    Time first_arrived{}, last_arrived{};
  };
  bool Belongs(const PacketResult& packet) const;

  std::optional<Group> current_, previous_;
  int reordered_ = 0;  // groups in a row
};

}  // namespace jb::media
