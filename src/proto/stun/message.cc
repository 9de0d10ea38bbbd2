// SPDX-License-Identifier: Apache-2.0
#include "proto/stun/message.h"

#include <algorithm>

#include "crypto/hash.h"
#include "proto/stun/crc32.h"

namespace jb::stun {
namespace {

constexpr std::size_t kAttributeHeaderSize = 4;
constexpr std::size_t kIntegritySize = 20;             // RFC 8489 section 14.5: HMAC-SHA1
constexpr std::size_t kFingerprintSize = 4;            // RFC 8489 section 14.7
constexpr std::uint32_t kFingerprintXor = 0x5354554E;  // RFC 8489 section 14.7: "STUN"
constexpr std::uint8_t kFamilyIpv4 = 0x01;             // RFC 8489 section 14.1
constexpr std::uint8_t kFamilyIpv6 = 0x02;

constexpr std::size_t Padded(std::size_t n) { return (n + 3) & ~std::size_t{3}; }

std::string_view Text(ByteView b) { return AsText(b); }

// RFC 8489 section 14.2: the port is XORed with the cookie's upper half, the address with the
// cookie and, for IPv6, the transaction id behind it. In the header these 16 bytes lie in a row.
void XorAddress(ByteSpan address, ByteView cookie_and_id) {
  for (std::size_t i = 0; i < address.size(); ++i) address[i] ^= cookie_and_id[i];
}

// HMAC over the message up to the attribute at `offset`, with the length field it has when that is
// the last.
crypto::Sha1Digest Integrity(ByteView message, std::size_t offset, std::string_view password) {
  std::uint8_t length[2];
  StoreU16(length, static_cast<std::uint16_t>(offset - kHeaderSize + kAttributeHeaderSize + kIntegritySize));
  return crypto::HmacSha1(AsBytes(password), {message.first(2), ByteView(length), message.subspan(4, offset - 4)});
}

}  // namespace

//  0                   1                   2                   3
//  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
// |0 0|M M M M M|C|M M M|C|M M M M|         message length        |
// |                   magic cookie 0x2112A442                     |
// |                                                               |
// |                 transaction id (96 bits)                      |
// |                                                               |
Result<Message, ParseError> Message::Parse(ByteView datagram) {
  if (datagram.size() < kHeaderSize || (datagram[0] & 0xC0) != 0) return Fail(ParseError::kNotStun);
  if (LoadU32(datagram.data() + 4) != kMagicCookie) return Fail(ParseError::kNotStun);
  const std::size_t length = LoadU16(datagram.data() + 2);
  if (length % 4 != 0 || length + kHeaderSize != datagram.size()) return Fail(ParseError::kBadLength);

  Message message;
  message.datagram_ = datagram;
  const std::uint16_t type = LoadU16(datagram.data());
  message.class_ = static_cast<MessageClass>(((type >> 7) & 2) | ((type >> 4) & 1));
  message.method_ = static_cast<std::uint16_t>((type & 0x000F) | ((type & 0x00E0) >> 1) | ((type & 0x3E00) >> 2));
  JB_TRY_VOID(message.ParseAttributes());
  return message;
}

//  0                   1                   2                   3
// |         attribute type        |     length, without padding   |
// |                 value, padded to 4 bytes                  ....
Result<Unit, ParseError> Message::ParseAttributes() {
  for (std::size_t at = kHeaderSize; at < datagram_.size();) {
    if (has_fingerprint_) return Fail(ParseError::kAttributeAfterFingerprint);
    // The total is a multiple of 4 and so is `at`: the attribute's header is always whole.
    const std::uint16_t type = LoadU16(datagram_.data() + at);
    const std::size_t size = LoadU16(datagram_.data() + at + 2);
    if (Padded(size) > datagram_.size() - at - kAttributeHeaderSize) {
      return Fail(ParseError::kAttributeOverrun);
    }
    const ByteView value = datagram_.subspan(at + kAttributeHeaderSize, size);
    JB_TRY_VOID(HandleAttribute(type, value, at));
    at += kAttributeHeaderSize + Padded(size);
  }
  return kOk;
}

Result<Unit, ParseError> Message::HandleAttribute(std::uint16_t type, ByteView value, std::size_t offset) {
  const Failure<ParseError> bad_size = Fail(ParseError::kBadAttributeSize);
  const auto attribute = static_cast<Attribute>(type);
  if (attribute == Attribute::kFingerprint) return HandleFingerprint(value, offset);
  if (has_message_integrity()) return kOk;
  switch (attribute) {
    case Attribute::kUsername:
      if (value.empty() || value.size() >= kMaxUsernameSize) return bad_size;
      if (!username_) username_ = Text(value);
      return kOk;
    case Attribute::kPriority:
      if (value.size() != 4) return bad_size;
      if (!priority_) priority_ = LoadU32(value.data());
      return kOk;
    case Attribute::kIceControlling:
      if (value.size() != 8) return bad_size;
      if (!ice_controlling_) ice_controlling_ = LoadU64(value.data());
      return kOk;
    case Attribute::kIceControlled:
      if (value.size() != 8) return bad_size;
      if (!ice_controlled_) ice_controlled_ = LoadU64(value.data());
      return kOk;
    case Attribute::kUseCandidate:
      if (!value.empty()) return bad_size;
      use_candidate_ = true;
      return kOk;
    case Attribute::kNomination:
      if (value.size() != 4) return bad_size;
      if (!nomination_) nomination_ = LoadU32(value.data());
      return kOk;
    case Attribute::kSoftware:
      if (value.size() >= kMaxSoftwareSize) return bad_size;
      if (!software_) software_ = Text(value);
      return kOk;
    case Attribute::kMessageIntegrity:
      if (value.size() != kIntegritySize) return bad_size;
      integrity_offset_ = offset;
      return kOk;
    case Attribute::kErrorCode: return HandleErrorCode(value);
    case Attribute::kXorMappedAddress: return HandleXorMappedAddress(value);
    case Attribute::kMappedAddress:
    case Attribute::kUnknownAttributes: return kOk;
    default: HandleUnknown(type); return kOk;
  }
}

// RFC 8489 section 14.7: CRC-32 of all bytes before the attribute. The length field on the wire
// already counts it, since it is last.
Result<Unit, ParseError> Message::HandleFingerprint(ByteView value, std::size_t offset) {
  if (value.size() != kFingerprintSize) return Fail(ParseError::kBadAttributeSize);
  const std::uint32_t expected = Crc32(datagram_.first(offset)) ^ kFingerprintXor;
  if (LoadU32(value.data()) != expected) return Fail(ParseError::kBadFingerprint);
  has_fingerprint_ = true;
  return kOk;
}

// |           reserved, 21 bits             |class|     number    |
// |                 reason phrase (UTF-8)                     ....
Result<Unit, ParseError> Message::HandleErrorCode(ByteView value) {
  if (value.size() < 4) return Fail(ParseError::kBadAttributeSize);
  const int hundreds = value[2] & 0x07;
  const int number = value[3];
  if (hundreds < 3 || hundreds > 6 || number > 99) return kOk;  // not a code that exists: as if absent
  if (!error_code_) error_code_ = static_cast<std::uint16_t>(hundreds * 100 + number);
  return kOk;
}

// |0 0 0 0 0 0 0 0|    family     |         port ^ cookie          |
// |        address ^ cookie (IPv4), ^ cookie and id (IPv6)     ....
Result<Unit, ParseError> Message::HandleXorMappedAddress(ByteView value) {
  const bool v4 = value.size() == 8 && value[1] == kFamilyIpv4;
  const bool v6 = value.size() == 20 && value[1] == kFamilyIpv6;
  if (!v4 && !v6) return Fail(ParseError::kBadAttributeSize);
  std::array<std::uint8_t, 16> ip{};
  const ByteSpan address = ByteSpan(ip).first(v4 ? 4 : 16);
  std::copy_n(value.begin() + 4, address.size(), address.begin());
  XorAddress(address, datagram_.subspan(4, 16));
  const auto port = static_cast<std::uint16_t>(LoadU16(value.data() + 2) ^ (kMagicCookie >> 16));
  if (!xor_mapped_address_) xor_mapped_address_ = SocketAddress::FromBytes(address, port);
  return kOk;
}

void Message::HandleUnknown(std::uint16_t type) {
  if (type >= 0x8000 || unknown_count_ == unknown_required_.size()) return;
  unknown_required_[unknown_count_++] = type;
}

TransactionId Message::transaction_id() const {
  TransactionId id;
  std::copy_n(datagram_.begin() + 8, id.size(), id.begin());
  return id;
}

bool Message::VerifyIntegrity(std::string_view password) const {
  if (!has_message_integrity()) return false;
  const crypto::Sha1Digest expected = Integrity(datagram_, integrity_offset_, password);
  return crypto::ConstantTimeEqual(expected,
                                   datagram_.subspan(integrity_offset_ + kAttributeHeaderSize, kIntegritySize));
}

std::optional<std::string_view> Message::username_local() const {
  const std::size_t colon = username_ ? username_->find(':') : std::string_view::npos;
  if (colon == std::string_view::npos) return std::nullopt;
  return username_->substr(0, colon);
}

std::optional<std::string_view> Message::username_remote() const {
  const std::size_t colon = username_ ? username_->find(':') : std::string_view::npos;
  if (colon == std::string_view::npos) return std::nullopt;
  return username_->substr(colon + 1);
}

}  // namespace jb::stun
