// SPDX-License-Identifier: Apache-2.0
// RTP packets (RFC 3550 section 5.1) with header extensions (RFC 8285) as views over a buffer: a
// strict parser for what arrives, field setters for what is patched. No SRTP, no knowledge of
// payloads. Views borrow the buffer and are valid as long as it is. No threads, no allocation.
#pragma once

#include <optional>

#include "base/bytes.h"
#include "base/result.h"
#include "proto/rtp/types.h"

namespace jb::rtp {

inline constexpr std::size_t kFixedHeaderSize = 12;
inline constexpr std::uint16_t kOneByteProfile = 0xBEDE;  // RFC 8285 section 4.2
inline constexpr std::uint16_t kTwoByteProfile = 0x1000;  // RFC 8285 section 4.3; low 4 bits: appbits
inline constexpr std::uint16_t kTwoByteProfileMask = 0xFFF0;

enum class ParseError : std::uint8_t {
  kTruncated,        // shorter than its header says
  kBadVersion,       // not version 2
  kBadExtension,     // an extension element runs over the extension block
  kBadPadding,       // padding count 0 or larger than the payload
  kRtcpPayloadType,  // payload type 64..95 is taken by RTCP (RFC 5761 section 4)
};

// A packet that passed the parser.
class PacketView {
 public:
  // Checks the fixed header, CSRCs, the extension block and each element in it, and the padding.
  static Result<PacketView, ParseError> Parse(ByteView packet);

  bool marker() const { return (bytes_[1] & 0x80) != 0; }
  PayloadType payload_type() const { return PayloadType(bytes_[1] & 0x7F); }
  SeqNum sequence_number() const { return SeqNum(LoadU16(bytes_.data() + 2)); }
  Timestamp timestamp() const { return Timestamp(LoadU32(bytes_.data() + 4)); }
  Ssrc ssrc() const { return Ssrc(LoadU32(bytes_.data() + 8)); }
  std::size_t csrc_count() const { return bytes_[0] & 0x0F; }
  Ssrc csrc(std::size_t i) const { return Ssrc(LoadU32(bytes_.data() + kFixedHeaderSize + 4 * i)); }

  ByteView bytes() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  std::size_t header_size() const { return header_size_; }  // with CSRCs and extensions
  std::size_t padding_size() const { return padding_size_; }
  ByteView header() const { return bytes_.first(header_size_); }
  ByteView payload() const {  // without padding
    return bytes_.subspan(header_size_, bytes_.size() - header_size_ - padding_size_);
  }

  bool has_extension_block() const { return (bytes_[0] & 0x10) != 0; }
  // The value of extension `id` (1..255), empty when it has no bytes; nullopt when it is not there.
  // Of two with one id the first counts.
  std::optional<ByteView> FindExtension(std::uint8_t id) const;
  // fn(std::uint8_t id, ByteView value), in the order of the packet.
  template <class Fn>
  void ForEachExtension(Fn&& fn) const {
    std::size_t at = extension_begin_;
    std::uint8_t id = 0;
    ByteView value;
    while (NextExtension(at, id, value)) fn(id, value);
  }

 protected:
  PacketView() = default;

 private:
  // Steps over padding to the element at `at`; false at the end. Shared by the parser's check
  // (which sets `overrun`) and the readers.
  bool NextExtension(std::size_t& at, std::uint8_t& id, ByteView& value, bool* overrun = nullptr) const;
  Result<Unit, ParseError> ParseExtensionBlock();
  Result<Unit, ParseError> ParsePadding();

  ByteView bytes_;
  std::size_t header_size_ = 0;
  std::size_t padding_size_ = 0;
  std::size_t extension_begin_ = 0;  // first byte of the elements; begin == end: none that we read
  std::size_t extension_end_ = 0;
  bool two_byte_ = false;
};

// A view that can change the fields whose place does not move.
class MutablePacketView : public PacketView {
 public:
  static Result<MutablePacketView, ParseError> Parse(ByteSpan packet);

  void set_marker(bool on) { data_[1] = static_cast<std::uint8_t>((data_[1] & 0x7F) | (on ? 0x80 : 0)); }
  void set_payload_type(PayloadType pt) {
    data_[1] = static_cast<std::uint8_t>((data_[1] & 0x80) | (pt.value() & 0x7F));
  }
  void set_sequence_number(SeqNum seq) { StoreU16(data_ + 2, seq.value()); }
  void set_timestamp(Timestamp ts) { StoreU32(data_ + 4, ts.value()); }
  void set_ssrc(Ssrc ssrc) { StoreU32(data_ + 8, ssrc.value()); }
  ByteSpan mutable_bytes() const { return {data_, size()}; }
  ByteSpan mutable_payload() const { return {data_ + header_size(), payload().size()}; }
  // The bytes of extension `id` in place; nullopt when it is not there.
  std::optional<ByteSpan> MutableExtension(std::uint8_t id) const;

 private:
  explicit MutablePacketView(const PacketView& view, std::uint8_t* data) : PacketView(view), data_(data) {}
  std::uint8_t* data_ = nullptr;
};

}  // namespace jb::rtp
