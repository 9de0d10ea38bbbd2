// SPDX-License-Identifier: Apache-2.0
// An IP address and port as a value, and the five-tuple's far end. No sockets here.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace jb {

// IPv4 is kept as IPv4: an IPv4-mapped IPv6 address (::ffff:a.b.c.d) is normalised on the way in, so
// that one peer has one address.
struct SocketAddress {
  std::array<std::uint8_t, 16> ip{};  // network order; IPv4 uses the first four bytes
  std::uint16_t port = 0;
  bool is_v6 = false;

  ByteView ip_bytes() const { return ByteView(ip).first(is_v6 ? 16 : 4); }
  bool is_unspecified() const { return ip == std::array<std::uint8_t, 16>{}; }
  bool is_loopback() const;
  std::string ip_text() const;
  std::string text() const;  // "192.0.2.1:40000", "[2001:db8::1]:40000"

  friend auto operator<=>(const SocketAddress&, const SocketAddress&) = default;

  // `ip` is 4 or 16 bytes.
  static std::optional<SocketAddress> FromBytes(ByteView ip, std::uint16_t port);
  // Numeric addresses only; no name is looked up.
  static std::optional<SocketAddress> Parse(std::string_view ip, std::uint16_t port);
};

enum class TransportProtocol : std::uint8_t { kUdp, kTcp };

// Where a datagram came from and where an answer goes. For TCP `connection` tells two connections of
// one address apart; for UDP it is the number of the socket it came in by.
struct Tuple {
  TransportProtocol protocol = TransportProtocol::kUdp;
  SocketAddress remote;
  std::uint64_t connection = 0;
  friend auto operator<=>(const Tuple&, const Tuple&) = default;
};

}  // namespace jb
