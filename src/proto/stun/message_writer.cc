// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "crypto/hash.h"
#include "proto/stun/crc32.h"
#include "proto/stun/message.h"

namespace jb::stun {
namespace {

constexpr std::size_t kIntegrityAttributeSize = 24;
constexpr std::size_t kFingerprintAttributeSize = 8;
constexpr std::uint32_t kFingerprintXor = 0x5354554E;  // RFC 8489 section 14.7

std::uint16_t TypeField(MessageClass message_class, std::uint16_t method) {
  const unsigned c = static_cast<unsigned>(message_class);
  const unsigned m = method;
  return static_cast<std::uint16_t>((m & 0x000F) | ((m & 0x0070) << 1) | ((m & 0x0F80) << 2) | ((c & 1) << 4) |
                                    ((c & 2) << 7));
}

std::string_view ReasonOf(std::uint16_t code) {
  switch (code) {
    case kBadRequest: return "Bad Request";
    case kUnauthenticated: return "Unauthenticated";
    case kUnknownAttribute: return "Unknown Attribute";
    case kRoleConflict: return "Role Conflict";
    default: return "";
  }
}

}  // namespace

MessageWriter::MessageWriter(ByteSpan buffer, MessageClass message_class, const TransactionId& id, std::uint16_t method)
    : buffer_(buffer), writer_(buffer), id_(id) {
  writer_.U16(TypeField(message_class, method));
  writer_.U16(0);
  writer_.U32(kMagicCookie);
  writer_.Append(id_);
}

void MessageWriter::AddRaw(std::uint16_t type, ByteView value) {
  writer_.U16(type);
  writer_.U16(static_cast<std::uint16_t>(value.size()));
  writer_.Append(value);
  writer_.Zeros((4 - value.size() % 4) % 4);
}

void MessageWriter::AddPriority(std::uint32_t priority) {
  std::uint8_t value[4];
  StoreU32(value, priority);
  AddRaw(Type(Attribute::kPriority), value);
}

void MessageWriter::AddIceControlling(std::uint64_t tie_breaker) {
  std::uint8_t value[8];
  StoreU64(value, tie_breaker);
  AddRaw(Type(Attribute::kIceControlling), value);
}

void MessageWriter::AddIceControlled(std::uint64_t tie_breaker) {
  std::uint8_t value[8];
  StoreU64(value, tie_breaker);
  AddRaw(Type(Attribute::kIceControlled), value);
}

void MessageWriter::AddXorMappedAddress(const SocketAddress& address) {
  std::uint8_t value[20] = {0, static_cast<std::uint8_t>(address.is_v6 ? 2 : 1)};
  StoreU16(value + 2, static_cast<std::uint16_t>(address.port ^ (kMagicCookie >> 16)));
  std::uint8_t mask[16];
  StoreU32(mask, kMagicCookie);
  std::copy(id_.begin(), id_.end(), mask + 4);
  const ByteView ip = address.ip_bytes();
  for (std::size_t i = 0; i < ip.size(); ++i) value[4 + i] = ip[i] ^ mask[i];
  AddRaw(Type(Attribute::kXorMappedAddress), ByteView(value).first(4 + ip.size()));
}

void MessageWriter::AddErrorCode(std::uint16_t code, std::string_view reason) {
  std::array<std::uint8_t, 4 + 127> value{};
  value[2] = static_cast<std::uint8_t>(code / 100);
  value[3] = static_cast<std::uint8_t>(code % 100);
  reason = reason.substr(0, 127);  // RFC 8489 section 14.8: fewer than 128 characters
  std::copy(reason.begin(), reason.end(), value.begin() + 4);
  AddRaw(Type(Attribute::kErrorCode), ByteView(value).first(4 + reason.size()));
}

void MessageWriter::AddUnknownAttributes(std::span<const std::uint16_t> types) {
  std::array<std::uint8_t, 16> value{};
  const std::size_t count = std::min(types.size(), value.size() / 2);
  for (std::size_t i = 0; i < count; ++i) StoreU16(value.data() + 2 * i, types[i]);
  AddRaw(Type(Attribute::kUnknownAttributes), ByteView(value).first(2 * count));
}

void MessageWriter::SetLength(std::size_t attribute_bytes_still_to_come) {
  StoreU16(buffer_.data() + 2,
           static_cast<std::uint16_t>(writer_.size() - kHeaderSize + attribute_bytes_still_to_come));
}

void MessageWriter::AddMessageIntegrity(std::string_view password) {
  if (!writer_.ok()) return;
  SetLength(kIntegrityAttributeSize);
  AddRaw(Type(Attribute::kMessageIntegrity), crypto::HmacSha1(AsBytes(password), {writer_.written()}));
}

std::optional<ByteView> MessageWriter::Finish() {
  if (!writer_.ok()) return std::nullopt;
  SetLength(kFingerprintAttributeSize);
  std::uint8_t value[4];
  StoreU32(value, Crc32(writer_.written()) ^ kFingerprintXor);
  AddRaw(Type(Attribute::kFingerprint), value);
  if (!writer_.ok()) return std::nullopt;
  return writer_.written();
}

std::optional<ByteView> WriteBindingRequest(ByteSpan buffer, const BindingRequest& request) {
  MessageWriter out(buffer, MessageClass::kRequest, request.id);
  out.AddUsername(request.username);
  if (request.controlling) {
    out.AddIceControlling(request.tie_breaker);
  } else {
    out.AddIceControlled(request.tie_breaker);
  }
  if (request.use_candidate) out.AddUseCandidate();
  out.AddPriority(request.priority);
  out.AddMessageIntegrity(request.password);
  return out.Finish();
}

std::optional<ByteView> WriteBindingSuccess(ByteSpan buffer, const TransactionId& id, const SocketAddress& mapped,
                                            std::string_view password) {
  MessageWriter out(buffer, MessageClass::kSuccess, id);
  out.AddXorMappedAddress(mapped);
  out.AddMessageIntegrity(password);
  return out.Finish();
}

std::optional<ByteView> WriteBindingError(ByteSpan buffer, const TransactionId& id, std::uint16_t code,
                                          std::string_view password, std::span<const std::uint16_t> unknown) {
  MessageWriter out(buffer, MessageClass::kError, id);
  out.AddErrorCode(code, ReasonOf(code));
  if (!unknown.empty()) out.AddUnknownAttributes(unknown);
  if (!password.empty()) out.AddMessageIntegrity(password);
  return out.Finish();
}

}  // namespace jb::stun
