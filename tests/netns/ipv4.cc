// SPDX-License-Identifier: Apache-2.0
#include "netns/ipv4.h"

namespace jb::netns {
namespace {

constexpr std::size_t kMinHeader = 20;
constexpr std::size_t kIpChecksum = 10;
constexpr std::size_t kUdpHeader = 8, kTcpHeader = 20;
constexpr std::size_t kUdpChecksum = 6, kTcpChecksum = 16;  // from the start of their headers

// RFC 1624 equation 3: HC' = ~(~HC + ~m + m').
std::uint16_t Updated(std::uint16_t checksum, std::uint16_t before, std::uint16_t after) {
  std::uint32_t sum = static_cast<std::uint16_t>(~checksum) + static_cast<std::uint16_t>(~before) + std::uint32_t{after};
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

}  // namespace

std::optional<Ipv4Packet> Ipv4Packet::Parse(ByteSpan bytes) {
  if (bytes.size() < kMinHeader || bytes[0] >> 4 != 4) return std::nullopt;
  const std::size_t header = std::size_t{4} * (bytes[0] & 0x0f);
  const std::size_t total = LoadU16(&bytes[2]);
  if (header < kMinHeader || total < header || total > bytes.size()) return std::nullopt;
  const bool first_fragment = (LoadU16(&bytes[6]) & 0x1fff) == 0;
  const std::uint8_t protocol = bytes[9];
  const std::size_t needed = protocol == kUdp ? kUdpHeader : kTcpHeader;
  const bool has_ports = first_fragment && (protocol == kUdp || protocol == kTcp) && total - header >= needed;
  return Ipv4Packet(bytes.first(total), header, has_ports);
}

void Ipv4Packet::Set(std::size_t address_at, std::uint32_t address, std::size_t port_at, std::uint16_t port) {
  Replace(address_at, static_cast<std::uint16_t>(address >> 16), true);
  Replace(address_at + 2, static_cast<std::uint16_t>(address), true);
  if (has_ports_) Replace(port_at, port, false);
}

// The addresses are part of the pseudo header that TCP and UDP sum over too.
void Ipv4Packet::Replace(std::size_t at, std::uint16_t value, bool in_ip_header) {
  const std::uint16_t before = LoadU16(&bytes_[at]);
  StoreU16(&bytes_[at], value);
  const auto update = [&](std::size_t checksum_at) {
    StoreU16(&bytes_[checksum_at], Updated(LoadU16(&bytes_[checksum_at]), before, value));
  };
  if (in_ip_header) update(kIpChecksum);
  if (!has_ports_) return;
  const std::size_t checksum_at = header_ + (protocol() == kUdp ? kUdpChecksum : kTcpChecksum);
  // RFC 768: a UDP checksum of 0 says that there is none.
  if (protocol() == kUdp && LoadU16(&bytes_[checksum_at]) == 0) return;
  update(checksum_at);
  if (protocol() == kUdp && LoadU16(&bytes_[checksum_at]) == 0) StoreU16(&bytes_[checksum_at], 0xffff);
}

}  // namespace jb::netns
