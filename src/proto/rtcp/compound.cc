// SPDX-License-Identifier: Apache-2.0
#include "proto/rtcp/compound.h"

namespace jb::rtcp {

Result<Compound, ParseError> Compound::Parse(ByteView datagram) {
  Compound compound(datagram);
  JB_TRY_VOID(compound.Check());
  return compound;
}

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// |V=2|P|  count  |      type     |  length in words, minus one   |
// |                             body                          ....|
// |                     padding, when P   ....    | padding count |
//
// Deviates from RFC 3550 section 6.4.1 (padding only on the last packet, a multiple of four):
// browsers pad transport-wide feedback by one to three bytes and put several of them into one
// compound.
Status<ParseError> Compound::Check() {
  if (bytes_.empty()) return Fail(ParseError::kTruncated);
  for (std::size_t at = 0; at < bytes_.size(); ++packet_count_) {
    if (bytes_.size() - at < kHeaderSize) return Fail(ParseError::kTruncated);
    if ((bytes_[at] >> 6) != 2) return Fail(ParseError::kBadVersion);
    const std::size_t size = std::size_t{4} * LoadU16(bytes_.data() + at + 2) + kHeaderSize;
    if (size > bytes_.size() - at) return Fail(ParseError::kTruncated);
    if (bytes_[at] & 0x20) {
      const std::size_t padding = size > kHeaderSize ? bytes_[at + size - 1] : 0;
      if (padding == 0 || padding > size - kHeaderSize) return Fail(ParseError::kBadPadding);
    }
    at += size;
  }
  return kOk;
}

RawPacket Compound::Take(std::size_t& at) const {
  const std::size_t body_size = std::size_t{4} * LoadU16(bytes_.data() + at + 2);
  const std::size_t padding = (bytes_[at] & 0x20) ? bytes_[at + kHeaderSize + body_size - 1] : 0;
  const RawPacket packet{static_cast<PacketType>(bytes_[at + 1]), static_cast<std::uint8_t>(bytes_[at] & 0x1F),
                         bytes_.subspan(at + kHeaderSize, body_size - padding)};
  at += kHeaderSize + body_size;
  return packet;
}

void WriteHeader(ByteWriter& out, PacketType type, std::uint8_t count, std::size_t body_size, bool padded) {
  JB_DCHECK(body_size % 4 == 0 && count < 32);
  out.U8(static_cast<std::uint8_t>(0x80 | (padded ? 0x20 : 0) | count));
  out.U8(static_cast<std::uint8_t>(type));
  out.U16(static_cast<std::uint16_t>(body_size / 4));
}

}  // namespace jb::rtcp
