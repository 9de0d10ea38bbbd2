// SPDX-License-Identifier: Apache-2.0
#include "proto/rtp/rtx.h"

#include <cstring>

#include "proto/rtp/header_layout.h"

namespace jb::rtp {

// |                RTP header of the RTX stream               ....
// |             OSN               |   original payload        ....
std::size_t EncapsulateRtx(ByteSpan buffer, std::size_t size, std::size_t header_size, const RtxStream& rtx) {
  if (header_size < kFixedHeaderSize || size < header_size || size > buffer.size()) return 0;
  if (buffer[0] & 0x20) {
    const std::size_t padding = size > header_size ? buffer[size - 1] : 0;
    if (padding > size - header_size) return 0;
    size -= padding;
    buffer[0] &= 0xDF;
  }
  if (buffer.size() - size < kOsnSize) return 0;
  std::memmove(buffer.data() + header_size + kOsnSize, buffer.data() + header_size, size - header_size);
  std::memcpy(buffer.data() + header_size, buffer.data() + 2, kOsnSize);
  SetSsrc(buffer, rtx.ssrc);
  SetPayloadType(buffer, rtx.payload_type);
  SetSequenceNumber(buffer, rtx.sequence_number);
  return size + kOsnSize;
}

Result<ByteSpan, RtxError> DecapsulateRtx(const MutablePacketView& packet, Ssrc ssrc, PayloadType payload_type) {
  if (packet.payload().size() < kOsnSize) return Fail(RtxError::kNoOsn);
  const SeqNum original(LoadU16(packet.payload().data()));
  const ByteSpan all = packet.mutable_bytes();
  std::memmove(all.data() + kOsnSize, all.data(), packet.header_size());
  const ByteSpan restored = all.subspan(kOsnSize);
  SetSsrc(restored, ssrc);
  SetPayloadType(restored, payload_type);
  SetSequenceNumber(restored, original);
  return restored;
}

}  // namespace jb::rtp
