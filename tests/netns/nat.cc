// SPDX-License-Identifier: Apache-2.0
#include "netns/nat.h"

namespace jb::netns {
namespace {

constexpr std::uint32_t kLanMask = 0xffffff00;

}  // namespace

bool Nat::Outbound(Ipv4Packet& packet) {
  if (!packet.has_ports()) return false;
  if (lan_ != 0 && (packet.source() & kLanMask) != lan_) return false;
  const Inner inner{packet.protocol(), {packet.source(), packet.source_port()}};
  auto known = ports_.find(inner);
  if (known == ports_.end()) {
    if (ports_.size() >= kMaxMappings || next_port_ == 0) return false;
    known = ports_.emplace(inner, next_port_++).first;
    mappings_[{packet.protocol(), known->second}].inner = inner.second;
  }
  mappings_[{packet.protocol(), known->second}].written_to.emplace(packet.destination(), packet.destination_port());
  packet.SetSource(public_, known->second);
  return true;
}

bool Nat::Inbound(Ipv4Packet& packet) {
  if (!packet.has_ports() || packet.destination() != public_) return false;
  const auto mapping = mappings_.find({packet.protocol(), packet.destination_port()});
  if (mapping == mappings_.end()) return false;
  if (!mapping->second.written_to.contains({packet.source(), packet.source_port()})) return false;
  packet.SetDestination(mapping->second.inner.first, mapping->second.inner.second);
  return true;
}

void Nat::Rebind(std::uint8_t protocol) {
  std::erase_if(ports_, [&](const auto& entry) { return entry.first.first == protocol; });
  std::erase_if(mappings_, [&](const auto& entry) { return entry.first.first == protocol; });
}

}  // namespace jb::netns
