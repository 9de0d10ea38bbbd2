// SPDX-License-Identifier: Apache-2.0
#include "proto/engineio/packet.h"

#include <optional>

#include "base/bytes.h"
#include "base/utf8.h"
#include "crypto/hash.h"

namespace jb::engineio {
namespace {

constexpr char kBinaryPrefix = 'b';
constexpr char kFirstType = '0';
constexpr char kLastType = '6';

Result<Packet, PacketError> ParseBase64(std::string_view text) {
  const std::optional<Bytes> bytes = crypto::Base64Decode(text);
  if (!bytes) return Fail(PacketError::kBadBase64);
  return Packet{PacketType::kMessage, true, std::string(AsText(*bytes))};
}

}  // namespace

Result<Packet, PacketError> ParsePacket(std::string_view text) {
  if (text.empty()) return Fail(PacketError::kEmpty);
  const char type = text.front();
  text.remove_prefix(1);
  if (type == kBinaryPrefix) return ParseBase64(text);
  if (type < kFirstType || type > kLastType) return Fail(PacketError::kUnknownType);
  return Packet{static_cast<PacketType>(type - kFirstType), false, std::string(text)};
}

Result<std::vector<Packet>, PacketError> ParsePayload(std::string_view body, std::size_t max_packets) {
  if (!IsValidUtf8(body)) return Fail(PacketError::kBadUtf8);
  std::vector<Packet> packets;
  for (;;) {
    if (packets.size() == max_packets) return Fail(PacketError::kTooMany);
    const std::size_t end = body.find(kSeparator);
    JB_TRY(Packet packet, ParsePacket(body.substr(0, end)));
    packets.push_back(std::move(packet));
    if (end == std::string_view::npos) return packets;
    body.remove_prefix(end + 1);
  }
}

void AppendPacket(std::string& out, const Packet& packet) {
  if (packet.binary) {
    out += kBinaryPrefix;
    out += crypto::Base64Encode(AsBytes(packet.data));
    return;
  }
  out += static_cast<char>(kFirstType + static_cast<char>(packet.type));
  out += packet.data;
}

void AppendToPayload(std::string& payload, const Packet& packet) {
  if (!payload.empty()) payload += kSeparator;
  AppendPacket(payload, packet);
}

std::size_t EncodedSize(const Packet& packet) {
  return 1 + (packet.binary ? (packet.data.size() + 2) / 3 * 4 : packet.data.size());
}

}  // namespace jb::engineio
