// SPDX-License-Identifier: Apache-2.0
// One IPv4 packet as it lies in a buffer: the addresses and ports that an address translator changes,
// with the checksums brought along (RFC 1624). Not a general parser: options are stepped over, fragments
// other than the first have no ports. Borrows the bytes.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"

namespace jb::netns {

inline constexpr std::uint8_t kTcp = 6, kUdp = 17;  // RFC 790 protocol numbers

class Ipv4Packet {
 public:
  // nullopt: not IPv4, or shorter than it says.
  static std::optional<Ipv4Packet> Parse(ByteSpan bytes);

  std::uint8_t protocol() const { return bytes_[9]; }
  std::uint32_t source() const { return LoadU32(&bytes_[12]); }
  std::uint32_t destination() const { return LoadU32(&bytes_[16]); }
  // TCP or UDP with its ports in sight.
  bool has_ports() const { return has_ports_; }
  std::uint16_t source_port() const { return LoadU16(&bytes_[header_]); }
  std::uint16_t destination_port() const { return LoadU16(&bytes_[header_ + 2]); }

  void SetSource(std::uint32_t address, std::uint16_t port) { Set(12, address, header_, port); }
  void SetDestination(std::uint32_t address, std::uint16_t port) { Set(16, address, header_ + 2, port); }

 private:
  Ipv4Packet(ByteSpan bytes, std::size_t header, bool has_ports)
      : bytes_(bytes), header_(header), has_ports_(has_ports) {}
  void Set(std::size_t address_at, std::uint32_t address, std::size_t port_at, std::uint16_t port);
  void Replace(std::size_t at, std::uint16_t value, bool in_ip_header);

  ByteSpan bytes_;
  std::size_t header_;  // bytes of the IP header: where TCP or UDP begins
  bool has_ports_;
};

}  // namespace jb::netns
