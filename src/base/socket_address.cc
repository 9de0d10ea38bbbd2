// SPDX-License-Identifier: Apache-2.0
#include "base/socket_address.h"

#include <arpa/inet.h>

#include <cstring>

namespace jb {

bool SocketAddress::is_loopback() const {
  if (!is_v6) return ip[0] == 127;
  for (std::size_t i = 0; i < 15; ++i) {
    if (ip[i] != 0) return false;
  }
  return ip[15] == 1;
}

std::string SocketAddress::ip_text() const {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(is_v6 ? AF_INET6 : AF_INET, ip.data(), text, sizeof text);
  return text;
}

std::string SocketAddress::text() const {
  const std::string host = is_v6 ? "[" + ip_text() + "]" : ip_text();
  return host + ":" + std::to_string(port);
}

std::optional<SocketAddress> SocketAddress::FromBytes(ByteView ip, std::uint16_t port) {
  static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
  if (ip.size() == 16 && std::memcmp(ip.data(), kMapped, 12) == 0) ip = ip.subspan(12);
  if (ip.size() != 4 && ip.size() != 16) return std::nullopt;
  SocketAddress address;
  address.is_v6 = ip.size() == 16;
  address.port = port;
  std::memcpy(address.ip.data(), ip.data(), ip.size());
  return address;
}

std::optional<SocketAddress> SocketAddress::Parse(std::string_view ip, std::uint16_t port) {
  const std::string text(ip);
  std::uint8_t bytes[16];
  if (inet_pton(AF_INET, text.c_str(), bytes) == 1) return FromBytes({bytes, 4}, port);
  if (inet_pton(AF_INET6, text.c_str(), bytes) == 1) return FromBytes({bytes, 16}, port);
  return std::nullopt;
}

}  // namespace jb
