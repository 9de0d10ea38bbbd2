// SPDX-License-Identifier: Apache-2.0
// Finds in RED payloads (RFC 2198) of one Opus stream the packets that were lost. A redundant block says when its
// packet was sent, not under which number: it is put into the hole between the numbers that arrived before and after
// that time, and into none when it is not clear which. Sans-IO, single-threaded, fixed size; one per received SSRC.
#pragma once

#include <array>
#include <optional>

#include "base/bytes.h"
#include "media/payload/red.h"
#include "proto/rtp/types.h"

namespace jb::media {

class RedReceiver {
 public:
  struct Recovered {
    rtp::SeqNum sequence_number;
    rtp::Timestamp timestamp;
    std::uint8_t payload_type = 0;
    ByteView payload;  // borrowed from the RED payload
  };

  // Calls fn(const Recovered&) for each block whose packet has not come, oldest first, before the packet itself is
  // handled. Nothing from before the first packet: where the stream begins nobody misses it.
  template <class Fn>
  void Recover(const red::Payload& red, rtp::SeqNum carrier, rtp::Timestamp timestamp, Fn&& fn) {
    for (const red::Block& block : red.redundant()) {
      const rtp::Timestamp at(timestamp.value() - block.timestamp_offset);
      const auto number = Place(carrier, timestamp, block);
      if (!number) continue;
      HandlePacket(*number, at);
      fn(Recovered{*number, at, block.payload_type, block.data});
    }
    HandlePacket(carrier, timestamp);
  }
  // A packet that came by itself.
  void HandlePacket(rtp::SeqNum seq, rtp::Timestamp timestamp) { seen_[seq.value() % kSize] = {seq, timestamp, true}; }
  void Reset() { seen_ = {}; }

 private:
  // A power of two, so that numbers may wrap. No copy is older than 341 ms (14 bits at 48 kHz): 17 packets of 20 ms.
  static constexpr std::uint16_t kSize = 32;
  struct Seen {
    rtp::SeqNum sequence_number;
    rtp::Timestamp timestamp;
    bool used = false;
  };
  std::optional<rtp::SeqNum> Place(rtp::SeqNum carrier, rtp::Timestamp timestamp, const red::Block& block) const;

  std::array<Seen, kSize> seen_{};
};

}  // namespace jb::media
