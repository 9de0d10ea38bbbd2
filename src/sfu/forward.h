// SPDX-License-Identifier: Apache-2.0
// One packet on its way from a producer to its consumers: laid out once with the router's payload type and
// extension ids, then the header is copied and patched for each consumer.
#pragma once

#include <array>
#include <cstdint>

#include "media/rtp/packet_pool.h"
#include "proto/rtp/types.h"
#include "sfu/ortc_internal.h"

namespace jb::sfu {

// Consumers' mids are decimal counters of their transport.
inline constexpr std::size_t kMidSlotSize = 5;

using ExtensionMask = std::uint16_t;
constexpr ExtensionMask MaskOf(ExtensionId id) { return static_cast<ExtensionMask>(1u << static_cast<unsigned>(id)); }
constexpr std::uint8_t IdOf(ExtensionId id) { return static_cast<std::uint8_t>(id); }

struct ForwardedPacket {
  media::PacketRef packet;
  rtp::SeqNum sequence_number;  // in the source's numbering
  rtp::Timestamp timestamp;     // on the producer's timeline, the same for all its sources
  bool marker = false;
  bool key_frame = false;
  ExtensionMask extensions = 0;  // slots laid out in the packet
};

// The last packets of one encoding. A consumer begins with the first packet of a key frame; when that one
// comes late, by disorder or by RTX, those that overtook it are here and follow it. Without them it would
// ask us in vain, and freeze until the next key frame.
class RecentPackets {
 public:
  static constexpr std::uint16_t kSize = 32;  // mediasoup keeps 30; a power of two, so that numbers may wrap

  // An empty packet: the number was taken by nothing that is forwarded.
  void Add(const ForwardedPacket& packet) { items_[packet.sequence_number.value() % kSize] = {packet, true}; }
  void Clear() { items_ = {}; }
  // fn(ForwardedPacket&) for what has arrived of the numbers after `first`, ascending.
  template <class Fn>
  void ForEachAfter(rtp::SeqNum first, Fn&& fn) {
    for (std::uint16_t n = 1; n < kSize; ++n) {
      const rtp::SeqNum number = first + n;
      Item& item = items_[number.value() % kSize];
      if (item.used && item.packet.sequence_number == number) fn(item.packet);
    }
  }

 private:
  struct Item {
    ForwardedPacket packet;
    bool used = false;
  };
  std::array<Item, kSize> items_{};
};

}  // namespace jb::sfu
