// SPDX-License-Identifier: Apache-2.0
// One packet on its way from a producer to its consumers: laid out once with the router's payload type and
// extension ids, then the header is copied and patched for each consumer.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "media/layers/packet_layers.h"
#include "media/payload/vp8.h"
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
  rtp::SeqNum sequence_number;  // these two as its source counts
  rtp::Timestamp timestamp;
  bool marker = false;
  bool key_frame = false;  // the first packet of one: a receiver can begin with it
  media::PacketLayers layers;  // of video
};

// A packet as one receiver gets it.
struct PacketForm {
  rtp::SeqNum sequence_number;
  rtp::Timestamp timestamp;
  bool marker = false;
  bool empty = false;  // without its payload: only its number is of use
  std::optional<media::vp8::PictureNumbers> numbers;
};

// The last packets of one encoding. A consumer begins with the first packet of a key frame; when that one
// comes late, by disorder or by RTX, those that overtook it are here and follow it. Without them it would
// ask us in vain, and freeze until the next key frame.
class RecentPackets {
 public:
  static constexpr std::uint16_t kSize = 32;  // mediasoup keeps 30; a power of two, so that numbers may wrap

  // What came with a packet that nobody can place yet: its dependency descriptor. Longer ones carry templates of
  // their own, and wait for nothing.
  static constexpr std::size_t kMaxHeld = 30;

  struct Item {
    ForwardedPacket packet;  // empty: the number was taken by nothing that is forwarded
    bool used = false;
    bool held = false;  // it has been given to nobody yet
    std::uint8_t descriptor_size = 0;
    std::array<std::uint8_t, kMaxHeld> descriptor;
    ByteView held_descriptor() const { return ByteView(descriptor).first(descriptor_size); }
  };

  // `descriptor`: of a packet that is to be held; else empty.
  void Add(const ForwardedPacket& packet, ByteView descriptor = {}) {
    Item& item = items_[packet.sequence_number.value() % kSize];
    item.packet = packet;
    item.used = true;
    item.held = !descriptor.empty() && descriptor.size() <= kMaxHeld;
    item.descriptor_size = static_cast<std::uint8_t>(item.held ? descriptor.size() : 0);
    std::copy_n(descriptor.begin(), item.descriptor_size, item.descriptor.begin());
  }
  void Clear() {
    for (Item& item : items_) item = Item();
  }
  // fn(Item&) for what has arrived of the numbers after `first`, ascending.
  template <class Fn>
  void ForEachAfter(rtp::SeqNum first, Fn&& fn) {
    for (std::uint16_t n = 1; n < kSize; ++n) {
      const rtp::SeqNum number = first + n;
      Item& item = items_[number.value() % kSize];
      if (item.used && item.packet.sequence_number == number) fn(item);
    }
  }

 private:
  std::array<Item, kSize> items_{};
};

}  // namespace jb::sfu
