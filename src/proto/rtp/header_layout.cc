// SPDX-License-Identifier: Apache-2.0
#include "proto/rtp/header_layout.h"

#include <algorithm>
#include <cstring>

#include "proto/rtp/packet.h"

namespace jb::rtp {

bool HeaderLayout::Reserve(std::uint8_t id, std::uint8_t size) {
  if (id == 0 || count_ == kMaxExtensions || Has(id)) return false;
  slots_[count_++] = {id, size};
  if (id < 16) short_ids_ |= static_cast<std::uint16_t>(1u << id);
  if (id > 14 || size == 0 || size > 16) two_byte_ = true;  // RFC 8285 section 4.2: the one-byte form's limits
  return true;
}

std::size_t HeaderLayout::IndexOf(std::uint8_t id) const {
  std::size_t i = 0;
  while (i < count_ && slots_[i].id != id) ++i;
  return i;
}

std::size_t HeaderLayout::OffsetOf(std::size_t index) const {
  std::size_t at = kFixedHeaderSize + 4;
  for (std::size_t i = 0; i < index; ++i) at += element_header_size() + slots_[i].size;
  return at;
}

std::size_t HeaderLayout::size() const {
  if (count_ == 0) return kFixedHeaderSize;
  return (OffsetOf(count_) + 3) & ~std::size_t{3};
}

std::size_t HeaderLayout::Write(ByteSpan buffer, const HeaderFields& fields) const {
  const std::size_t total = size();
  if (buffer.size() < total) return 0;
  std::memset(buffer.data(), 0, total);
  buffer[0] = static_cast<std::uint8_t>(0x80 | (count_ ? 0x10 : 0));
  SetMarker(buffer, fields.marker);
  SetPayloadType(buffer, fields.payload_type);
  SetSequenceNumber(buffer, fields.sequence_number);
  SetTimestamp(buffer, fields.timestamp);
  SetSsrc(buffer, fields.ssrc);
  if (count_) {
    StoreU16(buffer.data() + kFixedHeaderSize, two_byte_ ? kTwoByteProfile : kOneByteProfile);
    StoreU16(buffer.data() + kFixedHeaderSize + 2, static_cast<std::uint16_t>((total - kFixedHeaderSize - 4) / 4));
  }
  return total;
}

bool HeaderLayout::Set(ByteSpan packet, std::uint8_t id, ByteView value) const {
  const std::size_t index = IndexOf(id);
  if (index == count_ || value.size() > slots_[index].size || packet.size() < size()) return false;
  std::uint8_t* at = packet.data() + OffsetOf(index);
  std::memset(at, 0, element_header_size() + slots_[index].size);
  if (two_byte_) {
    at[0] = id;
    at[1] = static_cast<std::uint8_t>(value.size());
  } else if (!value.empty()) {
    at[0] = static_cast<std::uint8_t>((id << 4) | (value.size() - 1));
  }
  if (!value.empty()) std::memcpy(at + element_header_size(), value.data(), value.size());
  return true;
}

bool HeaderLayout::SetU8(ByteSpan packet, std::uint8_t id, std::uint8_t value) const {
  return Set(packet, id, ByteView(&value, 1));
}

bool HeaderLayout::SetU16(ByteSpan packet, std::uint8_t id, std::uint16_t value) const {
  std::uint8_t bytes[2];
  StoreU16(bytes, value);
  return Set(packet, id, bytes);
}

bool HeaderLayout::SetU24(ByteSpan packet, std::uint8_t id, std::uint32_t value) const {
  std::uint8_t bytes[3];
  StoreU24(bytes, value);
  return Set(packet, id, bytes);
}

bool HeaderLayout::Clear(ByteSpan packet, std::uint8_t id) const {
  const std::size_t index = IndexOf(id);
  if (index == count_ || packet.size() < size()) return false;
  std::memset(packet.data() + OffsetOf(index), 0, element_header_size() + slots_[index].size);
  return true;
}

}  // namespace jb::rtp
