// SPDX-License-Identifier: Apache-2.0
// The packets of Engine.IO protocol version 4 and their three encodings: a WebSocket text frame, a
// WebSocket binary frame (always a message), and the HTTP long-polling payload that joins packets
// with U+001E and carries binary as base64. Pure functions; no state, no I/O.
// Spec: socketio/engine.io-protocol, version 4, section "Packet encoding".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace jb::engineio {

enum class PacketType : std::uint8_t { kOpen, kClose, kPing, kPong, kMessage, kUpgrade, kNoop };

struct Packet {
  PacketType type = PacketType::kNoop;
  bool binary = false;  // only messages are ever binary
  std::string data;     // UTF-8 text, or raw bytes when binary

  friend bool operator==(const Packet&, const Packet&) = default;
};

enum class PacketError : std::uint8_t { kEmpty, kUnknownType, kBadBase64, kBadUtf8, kTooMany };

inline constexpr char kSeparator = '\x1e';  // between the packets of a polling payload

// One text packet: "4hello", or "bAQID" for a binary message.
Result<Packet, PacketError> ParsePacket(std::string_view text);
// The body of a long-polling POST. Checks that it is UTF-8 and holds at most `max_packets` packets.
Result<std::vector<Packet>, PacketError> ParsePayload(std::string_view body, std::size_t max_packets);

// Appends one packet in its text form; binary messages become base64.
void AppendPacket(std::string& out, const Packet& packet);
// Appends one packet to a polling payload, with the separator when it is not the first.
void AppendToPayload(std::string& payload, const Packet& packet);
// Bytes AppendPacket adds.
std::size_t EncodedSize(const Packet& packet);

}  // namespace jb::engineio
