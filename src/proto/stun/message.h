// SPDX-License-Identifier: Apache-2.0
// STUN messages (RFC 8489) with the ICE attributes (RFC 8445): a strict zero-copy parser, and a
// writer. Message borrows the datagram and is valid as long as that is. It decides nothing about
// ICE: roles, credentials and replies are the caller's. Short-term credentials only; no long-term
// mechanism, no TURN methods. No threads, no allocation.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "base/socket_address.h"

namespace jb::stun {

inline constexpr std::size_t kHeaderSize = 20;
inline constexpr std::uint32_t kMagicCookie = 0x2112A442;  // RFC 8489 section 5
inline constexpr std::uint16_t kBindingMethod = 0x001;     // RFC 8489 section 3
inline constexpr std::size_t kMaxUsernameSize = 513;       // RFC 8489 section 14.3: < 513 bytes of UTF-8
inline constexpr std::size_t kMaxSoftwareSize = 763;       // RFC 8489 section 14.14: < 763 bytes
inline constexpr std::size_t kMaxMessageSize = 1200;       // what our writer is asked for at most

enum class MessageClass : std::uint8_t { kRequest, kIndication, kSuccess, kError };
using TransactionId = std::array<std::uint8_t, 12>;

enum class Attribute : std::uint16_t {
  kMappedAddress = 0x0001,
  kUsername = 0x0006,
  kMessageIntegrity = 0x0008,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000A,
  kXorMappedAddress = 0x0020,
  kPriority = 0x0024,      // RFC 8445 section 16.1
  kUseCandidate = 0x0025,  // RFC 8445 section 16.1
  kSoftware = 0x8022,
  kFingerprint = 0x8028,
  kIceControlled = 0x8029,
  kIceControlling = 0x802A,
  kNomination = 0xC001,  // draft-thatcher-ice-renomination
};

enum class ParseError : std::uint8_t {
  kNotStun,                    // too short, first two bits set, or no magic cookie
  kBadLength,                  // length + 20 is not the datagram, or not a multiple of 4
  kAttributeOverrun,           // an attribute runs over the end
  kAttributeAfterFingerprint,  // FINGERPRINT must be last
  kBadAttributeSize,           // an attribute of a size its type does not have
  kBadFingerprint,             // the CRC does not match
};

// The error codes we send (RFC 8489 section 14.8, RFC 8445 section 16.2).
inline constexpr std::uint16_t kBadRequest = 400;
inline constexpr std::uint16_t kUnauthenticated = 401;
inline constexpr std::uint16_t kUnknownAttribute = 420;
inline constexpr std::uint16_t kRoleConflict = 487;

// A parsed message. Attributes after MESSAGE-INTEGRITY other than FINGERPRINT are ignored (RFC 8489
// section 14.5); of an attribute given twice the first counts (section 14). When there is a
// FINGERPRINT it has been verified. Nothing here is authenticated until VerifyIntegrity() said yes.
class Message {
 public:
  static Result<Message, ParseError> Parse(ByteView datagram);

  MessageClass message_class() const { return class_; }
  std::uint16_t method() const { return method_; }
  bool IsBindingRequest() const { return class_ == MessageClass::kRequest && method_ == kBindingMethod; }
  TransactionId transaction_id() const;

  bool has_fingerprint() const { return has_fingerprint_; }
  bool has_message_integrity() const { return integrity_offset_ != 0; }
  // HMAC-SHA1 over the message up to MESSAGE-INTEGRITY, its length field counting up to and
  // including that attribute (RFC 8489 section 14.5); compared in constant time. `password` is the
  // short-term key.
  bool VerifyIntegrity(std::string_view password) const;

  // Empty optional: the attribute is not there.
  const std::optional<std::string_view>& username() const { return username_; }
  // The parts of USERNAME around its first ':'; nullopt without a USERNAME or without a colon. In a
  // request received by us the first is ours (RFC 8445 section 7.2.2).
  std::optional<std::string_view> username_local() const;
  std::optional<std::string_view> username_remote() const;
  const std::optional<std::uint32_t>& priority() const { return priority_; }
  const std::optional<std::uint64_t>& ice_controlling() const { return ice_controlling_; }
  const std::optional<std::uint64_t>& ice_controlled() const { return ice_controlled_; }
  bool use_candidate() const { return use_candidate_; }
  const std::optional<std::uint32_t>& nomination() const { return nomination_; }
  const std::optional<SocketAddress>& xor_mapped_address() const { return xor_mapped_address_; }
  const std::optional<std::uint16_t>& error_code() const { return error_code_; }  // 300..699
  const std::optional<std::string_view>& software() const { return software_; }
  // Comprehension-required types (< 0x8000) that we do not know, the first few of them; a request
  // that has any is answered with 420 (RFC 8489 section 6.3.1).
  std::span<const std::uint16_t> unknown_required() const { return std::span(unknown_required_).first(unknown_count_); }

 private:
  Message() = default;
  Result<Unit, ParseError> ParseAttributes();
  Result<Unit, ParseError> HandleAttribute(std::uint16_t type, ByteView value, std::size_t offset);
  Result<Unit, ParseError> HandleFingerprint(ByteView value, std::size_t offset);
  Result<Unit, ParseError> HandleErrorCode(ByteView value);
  Result<Unit, ParseError> HandleXorMappedAddress(ByteView value);
  void HandleUnknown(std::uint16_t type);

  ByteView datagram_;
  MessageClass class_ = MessageClass::kRequest;
  std::uint16_t method_ = 0;
  bool has_fingerprint_ = false;
  bool use_candidate_ = false;
  std::size_t integrity_offset_ = 0;  // of the attribute's header; 0: none (the STUN header is there)
  std::optional<std::string_view> username_;
  std::optional<std::string_view> software_;
  std::optional<std::uint32_t> priority_;
  std::optional<std::uint32_t> nomination_;
  std::optional<std::uint64_t> ice_controlling_;
  std::optional<std::uint64_t> ice_controlled_;
  std::optional<SocketAddress> xor_mapped_address_;
  std::optional<std::uint16_t> error_code_;
  std::array<std::uint16_t, 8> unknown_required_{};
  std::size_t unknown_count_ = 0;
};

// Builds one message in the caller's buffer: attributes in call order, then AddMessageIntegrity (if
// any), then Finish, which adds FINGERPRINT. Too little room makes Finish return nullopt.
class MessageWriter {
 public:
  MessageWriter(ByteSpan buffer, MessageClass message_class, const TransactionId& id,
                std::uint16_t method = kBindingMethod);

  void AddRaw(std::uint16_t type, ByteView value);
  void AddUsername(std::string_view username) { AddRaw(Type(Attribute::kUsername), AsBytes(username)); }
  void AddSoftware(std::string_view text) { AddRaw(Type(Attribute::kSoftware), AsBytes(text)); }
  void AddPriority(std::uint32_t priority);
  void AddIceControlling(std::uint64_t tie_breaker);
  void AddIceControlled(std::uint64_t tie_breaker);
  void AddUseCandidate() { AddRaw(Type(Attribute::kUseCandidate), {}); }
  void AddXorMappedAddress(const SocketAddress& address);
  void AddErrorCode(std::uint16_t code, std::string_view reason);
  void AddUnknownAttributes(std::span<const std::uint16_t> types);
  void AddMessageIntegrity(std::string_view password);
  std::optional<ByteView> Finish();

 private:
  static constexpr std::uint16_t Type(Attribute a) { return static_cast<std::uint16_t>(a); }
  void SetLength(std::size_t attribute_bytes_still_to_come);

  ByteSpan buffer_;
  ByteWriter writer_;
  TransactionId id_;
};

// What an ICE agent that checks a pair sends (RFC 8445 section 7.2.2).
struct BindingRequest {
  TransactionId id{};
  std::string_view username;  // "theirs:ours"
  std::string_view password;  // theirs
  std::uint32_t priority = 0;
  std::uint64_t tie_breaker = 0;
  bool controlling = true;
  bool use_candidate = false;
};
std::optional<ByteView> WriteBindingRequest(ByteSpan buffer, const BindingRequest& request);

// Answers to a request; `password` is the one the request was verified with.
std::optional<ByteView> WriteBindingSuccess(ByteSpan buffer, const TransactionId& id, const SocketAddress& mapped,
                                            std::string_view password);
// `password` empty: without MESSAGE-INTEGRITY, as for a request that could not be authenticated.
// `unknown` is sent with 420.
std::optional<ByteView> WriteBindingError(ByteSpan buffer, const TransactionId& id, std::uint16_t code,
                                          std::string_view password, std::span<const std::uint16_t> unknown = {});

}  // namespace jb::stun
