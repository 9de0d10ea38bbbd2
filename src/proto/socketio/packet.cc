// SPDX-License-Identifier: Apache-2.0
#include "proto/socketio/packet.h"

#include <algorithm>
#include <array>
#include <utility>

namespace jb::socketio {
namespace {

constexpr std::array<std::string_view, 6> kReservedEvents = {"connect",       "connect_error", "disconnect",
                                                             "disconnecting", "newListener",   "removeListener"};
constexpr std::string_view kPlaceholderKey = "_placeholder";
constexpr std::string_view kIndexKey = "num";
constexpr std::size_t kMaxIdDigits = 18;  // fits 64 bits

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Eats the leading digits. nullopt when there are too many.
std::optional<std::uint64_t> TakeNumber(std::string_view& text) {
  std::uint64_t value = 0;
  std::size_t digits = 0;
  while (digits < text.size() && IsDigit(text[digits])) {
    if (digits == kMaxIdDigits) return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(text[digits++] - '0');
  }
  text.remove_prefix(digits);
  return value;
}

Result<PacketType, PacketError> TakeType(std::string_view& text) {
  if (text.empty()) return Fail(PacketError::kEmpty);
  const char c = text.front();
  if (c < '0' || c > '6') return Fail(PacketError::kUnknownType);
  text.remove_prefix(1);
  return static_cast<PacketType>(c - '0');
}

// "2-" before the namespace of a binary packet.
Result<std::size_t, PacketError> TakeAttachmentCount(std::string_view& text, const PacketLimits& limits) {
  if (text.empty() || !IsDigit(text.front())) return Fail(PacketError::kBadAttachmentCount);
  const auto count = TakeNumber(text);
  if (!count) return Fail(PacketError::kTooManyAttachments);
  if (text.empty() || text.front() != '-') return Fail(PacketError::kBadAttachmentCount);
  text.remove_prefix(1);
  if (*count > limits.max_attachments) return Fail(PacketError::kTooManyAttachments);
  return static_cast<std::size_t>(*count);
}

// "/admin," or, when nothing follows, "/admin"; "/" when there is none.
Result<std::string, PacketError> TakeNamespace(std::string_view& text, const PacketLimits& limits) {
  if (text.empty() || text.front() != '/') return std::string("/");
  const std::size_t comma = text.find(',');
  const std::string_view nsp = text.substr(0, comma);
  if (nsp.size() > limits.max_namespace) return Fail(PacketError::kBadNamespace);
  text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  return std::string(nsp);
}

Status<PacketError> CheckEventName(const json::array& payload) {
  if (payload.empty()) return Fail(PacketError::kBadPayload);
  const json::value& name = payload.front();
  if (!name.is_string()) return Fail(PacketError::kBadPayload);
  if (IsReservedEvent(std::string_view(name.get_string()))) return Fail(PacketError::kReservedEvent);
  return kOk;
}

// `present`: whether there was any payload text at all.
Status<PacketError> CheckPayload(const Packet& packet, bool present) {
  const json::value& data = packet.data;
  switch (packet.type) {
    case PacketType::kConnect:
      if (present && !data.is_object()) return Fail(PacketError::kBadPayload);
      return kOk;
    case PacketType::kDisconnect:
      if (present) return Fail(PacketError::kBadPayload);
      return kOk;
    case PacketType::kConnectError:
      if (!data.is_object() && !data.is_string()) return Fail(PacketError::kBadPayload);
      return kOk;
    case PacketType::kEvent:
    case PacketType::kBinaryEvent:
      if (!data.is_array()) return Fail(PacketError::kBadPayload);
      return CheckEventName(data.get_array());
    case PacketType::kAck:
    case PacketType::kBinaryAck:
      if (!data.is_array() || !packet.id) return Fail(PacketError::kBadPayload);
      return kOk;
  }
  return Fail(PacketError::kUnknownType);
}

// An object that says it is a placeholder must name an attachment there is.
bool PlaceholdersAreInRange(const json::value& value, std::size_t attachments) {
  if (const json::array* array = value.if_array()) {
    return std::all_of(array->begin(), array->end(),
                       [&](const json::value& v) { return PlaceholdersAreInRange(v, attachments); });
  }
  const json::object* object = value.if_object();
  if (!object) return true;
  if (GetBool(value, kPlaceholderKey).value_or(false)) {
    const auto index = GetInt(value, kIndexKey);
    return index && *index >= 0 && static_cast<std::size_t>(*index) < attachments;
  }
  return std::all_of(object->begin(), object->end(), [&](const json::key_value_pair& member) {
    return PlaceholdersAreInRange(member.value(), attachments);
  });
}

Result<json::value, PacketError> ParsePayload(std::string_view text, const PacketLimits& limits) {
  auto value = ParseJson(text, limits.max_json_depth);
  if (value.ok()) return std::move(value).value();
  return Fail(value.error() == JsonError::kTooDeep ? PacketError::kTooDeep : PacketError::kBadJson);
}

bool IsBinary(PacketType type) { return type == PacketType::kBinaryEvent || type == PacketType::kBinaryAck; }

// The part all packets have; for binary ones `attachments` says how many messages follow.
Result<Packet, PacketError> ParseText(std::string_view text, const PacketLimits& limits, std::size_t& attachments) {
  Packet packet;
  JB_TRY(packet.type, TakeType(text));
  attachments = 0;
  if (IsBinary(packet.type)) {
    JB_TRY(attachments, TakeAttachmentCount(text, limits));
  }
  JB_TRY(packet.nsp, TakeNamespace(text, limits));
  if (!text.empty() && IsDigit(text.front())) {
    packet.id = TakeNumber(text);
    if (!packet.id) return Fail(PacketError::kBadId);
  }
  if (!text.empty()) {
    JB_TRY(packet.data, ParsePayload(text, limits));
  }
  JB_TRY_VOID(CheckPayload(packet, !text.empty()));
  if (IsBinary(packet.type) && !PlaceholdersAreInRange(packet.data, attachments)) {
    return Fail(PacketError::kBadPlaceholder);
  }
  return packet;
}

PacketType WireType(const Packet& packet) {
  if (packet.attachments.empty()) return packet.type;
  if (packet.type == PacketType::kEvent) return PacketType::kBinaryEvent;
  if (packet.type == PacketType::kAck) return PacketType::kBinaryAck;
  return packet.type;
}

}  // namespace

bool IsReservedEvent(std::string_view name) {
  return std::find(kReservedEvents.begin(), kReservedEvents.end(), name) != kReservedEvents.end();
}

Result<std::optional<Packet>, PacketError> Decoder::HandleText(std::string_view text) {
  if (pending_) return Fail(PacketError::kTextInsteadOfBinary);
  JB_TRY(Packet packet, ParseText(text, limits_, missing_));
  if (missing_ == 0) return std::optional<Packet>(std::move(packet));
  pending_ = std::move(packet);
  attachment_bytes_ = 0;
  return std::optional<Packet>();
}

Result<std::optional<Packet>, PacketError> Decoder::HandleBinary(std::string_view data) {
  if (!pending_) return Fail(PacketError::kUnexpectedBinary);
  attachment_bytes_ += data.size();
  if (attachment_bytes_ > limits_.max_attachment_bytes) return Fail(PacketError::kTooLarge);
  pending_->attachments.emplace_back(data);
  if (--missing_ > 0) return std::optional<Packet>();
  return std::exchange(pending_, std::nullopt);
}

std::string Encode(const Packet& packet) {
  const PacketType type = WireType(packet);
  std::string out(1, static_cast<char>('0' + static_cast<char>(type)));
  if (IsBinary(type)) out += std::to_string(packet.attachments.size()) + '-';
  if (packet.nsp != "/") out += packet.nsp + ',';
  if (packet.id) out += std::to_string(*packet.id);
  if (!packet.data.is_null()) out += json::serialize(packet.data);
  return out;
}

json::object Placeholder(std::size_t index) { return {{kPlaceholderKey, true}, {kIndexKey, index}}; }

}  // namespace jb::socketio
