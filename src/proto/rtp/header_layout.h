// SPDX-License-Identifier: Apache-2.0
// Lays out the header of a packet that we send: fixed part and room for a chosen list of
// extensions. It is laid out once per received packet; for each receiver the bytes are copied and
// the slots patched in place (SSRC, sequence number, timestamp, mid, abs-send-time, transport-wide
// number). A slot may be filled with fewer bytes than it has, or left out: the rest becomes
// extension padding, which RFC 8285 section 4.1.1 allows anywhere. Value type, no allocation.
#pragma once

#include <array>

#include "base/bytes.h"
#include "proto/rtp/types.h"

namespace jb::rtp {

struct HeaderFields {
  bool marker = false;
  PayloadType payload_type;
  SeqNum sequence_number;
  Timestamp timestamp;
  Ssrc ssrc;
};

// Setters on raw header bytes, for packets that we laid out ourselves.
inline void SetMarker(ByteSpan packet, bool on) {
  packet[1] = static_cast<std::uint8_t>((packet[1] & 0x7F) | (on ? 0x80 : 0));
}
inline void SetPayloadType(ByteSpan packet, PayloadType pt) {
  packet[1] = static_cast<std::uint8_t>((packet[1] & 0x80) | (pt.value() & 0x7F));
}
inline void SetSequenceNumber(ByteSpan packet, SeqNum seq) { StoreU16(packet.data() + 2, seq.value()); }
inline void SetTimestamp(ByteSpan packet, Timestamp ts) { StoreU32(packet.data() + 4, ts.value()); }
inline void SetSsrc(ByteSpan packet, Ssrc ssrc) { StoreU32(packet.data() + 8, ssrc.value()); }

class HeaderLayout {
 public:
  static constexpr std::size_t kMaxExtensions = 16;

  // Reserves `size` value bytes for extension `id`. False, and nothing reserved: id 0 or already
  // reserved, or the table is full. Ids above 14 and sizes 0 or above 16 make the whole block
  // two-byte.
  bool Reserve(std::uint8_t id, std::uint8_t size);

  // Bytes of the whole header: 12 without extensions, else padded to a multiple of 4.
  std::size_t size() const;
  bool Has(std::uint8_t id) const { return IndexOf(id) < count_; }
  // Bit n: id n is reserved. Of the ids below 16.
  std::uint16_t short_ids() const { return short_ids_; }

  // Writes the header, every slot empty (padding). Returns size(), or 0 when the buffer is too
  // small.
  std::size_t Write(ByteSpan buffer, const HeaderFields& fields) const;

  // Fills the slot of `id` in a packet written with this layout. Shorter than reserved: the rest is
  // padding; empty in a one-byte block: the extension is left out. False: no such slot, or the
  // value does not fit.
  bool Set(ByteSpan packet, std::uint8_t id, ByteView value) const;
  bool SetU8(ByteSpan packet, std::uint8_t id, std::uint8_t value) const;
  bool SetU16(ByteSpan packet, std::uint8_t id, std::uint16_t value) const;
  bool SetU24(ByteSpan packet, std::uint8_t id, std::uint32_t value) const;
  // Leaves the extension out of the packet.
  bool Clear(ByteSpan packet, std::uint8_t id) const;

 private:
  struct Slot {
    std::uint8_t id = 0;
    std::uint8_t size = 0;
  };
  std::size_t IndexOf(std::uint8_t id) const;     // count_ when there is none
  std::size_t OffsetOf(std::size_t index) const;  // of the element's header, in the packet
  std::size_t element_header_size() const { return two_byte_ ? 2 : 1; }

  std::array<Slot, kMaxExtensions> slots_{};
  std::uint16_t short_ids_ = 0;
  std::uint8_t count_ = 0;
  bool two_byte_ = false;
};

}  // namespace jb::rtp
