// SPDX-License-Identifier: Apache-2.0
// The packets of Socket.IO protocol version 5 and their text form, for both sides. Binary values travel
// as attachments: the JSON holds {"_placeholder":true,"num":i} and the bytes follow in binary messages;
// here they stay apart, since Boost.JSON has no binary type.
// No I/O. Spec: socketio/socket.io-protocol version 5, section "Packet encoding".
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace jb::socketio {

enum class PacketType : std::uint8_t {
  kConnect,
  kDisconnect,
  kEvent,
  kAck,
  kConnectError,
  kBinaryEvent,
  kBinaryAck,
};

struct Packet {
  PacketType type = PacketType::kEvent;
  std::string nsp = "/";
  std::optional<std::uint64_t> id{};       // acknowledgement id
  json::value data{};                      // null when the packet has no payload
  std::vector<std::string> attachments{};  // raw bytes, in placeholder order

  bool is_event() const { return type == PacketType::kEvent || type == PacketType::kBinaryEvent; }
  bool is_ack() const { return type == PacketType::kAck || type == PacketType::kBinaryAck; }
};

enum class PacketError : std::uint8_t {
  kEmpty,
  kUnknownType,
  kBadAttachmentCount,
  kTooManyAttachments,
  kBadNamespace,
  kBadId,
  kBadJson,
  kTooDeep,
  kBadPayload,  // not what this type carries
  kReservedEvent,
  kBadPlaceholder,  // out of range
  kTextInsteadOfBinary,
  kUnexpectedBinary,
  kTooLarge,
};

struct PacketLimits {
  std::size_t max_attachments = 10;                // as socket.io-parser since CVE-2026-33151
  std::size_t max_attachment_bytes = 1024 * 1024;  // all attachments of one packet
  std::size_t max_json_depth = 64;
  std::size_t max_namespace = 64;  // characters
};

// "connect", "disconnect" and their like: names the protocol keeps for itself.
bool IsReservedEvent(std::string_view name);

// Puts a packet together from text and binary messages, in order. One decoder per connection.
// After an error it is of no further use: the connection is to be closed.
class Decoder {
 public:
  explicit Decoder(PacketLimits limits = {}) : limits_(limits) {}
  // A packet when this message completed one, nullopt when attachments are still to come.
  Result<std::optional<Packet>, PacketError> HandleText(std::string_view text);
  Result<std::optional<Packet>, PacketError> HandleBinary(std::string_view data);
  bool waiting() const { return pending_.has_value(); }

 private:
  PacketLimits limits_;
  std::optional<Packet> pending_;
  std::size_t missing_ = 0;           // attachments
  std::size_t attachment_bytes_ = 0;  // of the pending packet
};

// The text message; `packet.attachments` follow as binary messages. An event or ack with attachments
// is written as its binary type.
std::string Encode(const Packet& packet);

// {"_placeholder":true,"num":index}: where attachment `index` belongs among the arguments.
json::object Placeholder(std::size_t index);

}  // namespace jb::socketio
