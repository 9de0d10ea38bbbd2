// SPDX-License-Identifier: Apache-2.0
// The payloads of a load: valid enough for every SFU and decoder that looks at them, and with a stamp at their end
// that says who sent them, which packet it is and when. SFUs patch the beginning of a payload (descriptors, RTX's
// number) and leave its end alone. Pure functions.
//
//   VP8   RFC 7741 descriptor with 15-bit PictureID, TL0PICIDX, TID and Y | frame header (first packet) | filler | stamp
//   Opus  RFC 6716 section 3.2.5, one packet of code 3 with padding: TOC, count, padding length | silence | filler | stamp
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "base/time.h"

namespace jb::client {

inline constexpr std::size_t kVp8DescriptorSize = 6;
// Nothing smaller is made: the stamp needs its place.
inline constexpr std::size_t kMinLoadPayload = 48;

struct LoadStamp {
  std::uint32_t run = 0;      // of this load: packets of others are not mistaken for ours
  std::uint32_t stream = 0;   // which encoding of which publisher
  std::uint32_t number = 0;   // of the packet in its stream
  WallTime sent_at{};
};
inline constexpr std::size_t kLoadStampSize = 20;

struct Vp8Packet {
  std::uint16_t picture_id = 0;
  std::uint8_t tl0_picture_index = 0;
  std::uint8_t temporal_layer = 0;
  bool layer_sync = false;
  bool non_reference = false;
  bool first_of_frame = false;
  bool key_frame = false;
};

// Writes a payload of at most `size` bytes, and at least kMinLoadPayload, into `out`; returns its size.
std::size_t WriteVp8Payload(ByteSpan out, std::size_t size, const Vp8Packet& packet, const LoadStamp& stamp);
std::size_t WriteOpusPayload(ByteSpan out, std::size_t size, const LoadStamp& stamp);

// nullopt: not a payload of that run.
std::optional<LoadStamp> ReadStamp(ByteView payload, std::uint32_t run);
// Whether the filler before the stamp is, byte by byte, what was sent. `skip`: bytes at the beginning that are
// something else.
bool IsIntact(ByteView payload, std::size_t skip, const LoadStamp& stamp);
inline constexpr std::size_t kVp8FillerAt = 32;  // the farthest that filler begins, with what an SFU may insert
inline constexpr std::size_t kOpusFillerAt = 16;

}  // namespace jb::client
