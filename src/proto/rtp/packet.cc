// SPDX-License-Identifier: Apache-2.0
#include "proto/rtp/packet.h"

namespace jb::rtp {
namespace {

constexpr std::uint8_t kOneByteStopId = 15;  // RFC 8285 section 4.2: stop here

}  // namespace

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// |V=2|P|X|  CC   |M|     PT      |       sequence number         |
// |                           timestamp                           |
// |                             SSRC                              |
// |                         CSRC, CC times                    ....|
// |  0xBEDE, 0x100n or a profile  |   length in 32-bit words      |   when X
// |                      extension elements                   ....|
// |                            payload                        ....|
// |                    padding    ....            | padding count |   when P
Result<PacketView, ParseError> PacketView::Parse(ByteView packet) {
  if (packet.size() < kFixedHeaderSize) return Fail(ParseError::kTruncated);
  if ((packet[0] >> 6) != 2) return Fail(ParseError::kBadVersion);
  PacketView view;
  view.bytes_ = packet;
  const std::uint8_t pt = view.payload_type().value();
  if (pt >= 64 && pt <= 95) return Fail(ParseError::kRtcpPayloadType);
  view.header_size_ = kFixedHeaderSize + 4 * view.csrc_count();
  if (view.header_size_ > packet.size()) return Fail(ParseError::kTruncated);
  JB_TRY_VOID(view.ParseExtensionBlock());
  JB_TRY_VOID(view.ParsePadding());
  return view;
}

Result<Unit, ParseError> PacketView::ParseExtensionBlock() {
  if (!has_extension_block()) return kOk;
  if (bytes_.size() - header_size_ < 4) return Fail(ParseError::kTruncated);
  const std::uint16_t profile = LoadU16(bytes_.data() + header_size_);
  const std::size_t length = std::size_t{4} * LoadU16(bytes_.data() + header_size_ + 2);
  header_size_ += 4;
  if (length > bytes_.size() - header_size_) return Fail(ParseError::kTruncated);
  extension_begin_ = header_size_;
  header_size_ += length;
  two_byte_ = (profile & kTwoByteProfileMask) == kTwoByteProfile;
  // RFC 3550 section 5.3.1: an extension of a profile that we do not know is stepped over whole.
  extension_end_ = two_byte_ || profile == kOneByteProfile ? header_size_ : extension_begin_;
  bool overrun = false;
  std::size_t at = extension_begin_;
  std::uint8_t id = 0;
  ByteView value;
  while (NextExtension(at, id, value, &overrun)) {
  }
  if (overrun) return Fail(ParseError::kBadExtension);
  return kOk;
}

Result<Unit, ParseError> PacketView::ParsePadding() {
  if ((bytes_[0] & 0x20) == 0) return kOk;
  const std::size_t room = bytes_.size() - header_size_;
  if (room == 0) return Fail(ParseError::kBadPadding);
  padding_size_ = bytes_.back();
  if (padding_size_ == 0 || padding_size_ > room) return Fail(ParseError::kBadPadding);
  return kOk;
}

// One-byte form (RFC 8285 section 4.2), length is one less than the value's:
// |  ID   |  len  |   value, 1 to 16 bytes                    ....
// Two-byte form (section 4.3):
// |      ID       |     length    |   value, 0 to 255 bytes   ....
// A zero byte between elements is padding in both.
bool PacketView::NextExtension(std::size_t& at, std::uint8_t& id, ByteView& value, bool* overrun) const {
  while (at < extension_end_ && bytes_[at] == 0) ++at;
  if (at >= extension_end_) return false;
  std::size_t size = 0;
  if (two_byte_) {
    if (extension_end_ - at < 2) {
      if (overrun) *overrun = true;
      return false;
    }
    id = bytes_[at];
    size = bytes_[at + 1];
    at += 2;
  } else {
    id = bytes_[at] >> 4;
    // Id 15, and id 0 with a length, end the elements without an error (RFC 8285 section 4.2).
    if (id == kOneByteStopId || id == 0) return false;
    size = std::size_t{1} + (bytes_[at] & 0x0F);
    at += 1;
  }
  if (size > extension_end_ - at) {
    if (overrun) *overrun = true;
    return false;
  }
  value = bytes_.subspan(at, size);
  at += size;
  return true;
}

std::optional<ByteView> PacketView::FindExtension(std::uint8_t wanted) const {
  std::size_t at = extension_begin_;
  std::uint8_t id = 0;
  ByteView value;
  while (NextExtension(at, id, value)) {
    if (id == wanted) return value;
  }
  return std::nullopt;
}

Result<MutablePacketView, ParseError> MutablePacketView::Parse(ByteSpan packet) {
  JB_TRY(const PacketView view, PacketView::Parse(packet));
  return MutablePacketView(view, packet.data());
}

std::optional<ByteSpan> MutablePacketView::MutableExtension(std::uint8_t id) const {
  const std::optional<ByteView> value = FindExtension(id);
  if (!value) return std::nullopt;
  return ByteSpan(data_ + (value->data() - bytes().data()), value->size());
}

}  // namespace jb::rtp
