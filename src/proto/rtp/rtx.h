// SPDX-License-Identifier: Apache-2.0
// Retransmission payload (RFC 4588 section 4): the original packet under the RTX stream's SSRC,
// payload type and sequence number, its payload preceded by the original sequence number (OSN).
// Pure functions.
#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "proto/rtp/packet.h"

namespace jb::rtp {

inline constexpr std::size_t kOsnSize = 2;

struct RtxStream {
  Ssrc ssrc;
  PayloadType payload_type;
  SeqNum sequence_number;
};

// Turns the packet in buffer[0, size) into RTX in place; it grows by two bytes, its padding is
// dropped. `header_size` is that of the packet (HeaderLayout::size() or PacketView::header_size()).
// Returns the new size, or 0 when the buffer has no room or the header does not fit the packet.
std::size_t EncapsulateRtx(ByteSpan buffer, std::size_t size, std::size_t header_size, const RtxStream& rtx);

enum class RtxError : std::uint8_t { kNoOsn };  // payload shorter than two bytes: padding-only probes are that

// Undoes it in place: the header moves up by two bytes, so the original begins at bytes()[2]. Sets
// SSRC, payload type and sequence number to the original's.
Result<ByteSpan, RtxError> DecapsulateRtx(const MutablePacketView& packet, Ssrc ssrc, PayloadType payload_type);

}  // namespace jb::rtp
