// SPDX-License-Identifier: Apache-2.0
// A home router's address translation (NAPT, RFC 3022) for one network behind one public address, of the
// kind most homes have: a mapping per inner address and port whoever is talked to (endpoint-independent
// mapping, RFC 4787 section 4.1), through which only those may answer who were written to (address- and
// port-dependent filtering, section 5). Mappings never age; Rebind() forgets them, as a restarted router
// or an expired timer does. Sans-IO; single-threaded.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>

#include "base/bytes.h"
#include "netns/ipv4.h"

namespace jb::netns {

class Nat {
 public:
  static constexpr std::size_t kMaxMappings = 4096;
  static constexpr std::uint16_t kFirstPort = 20'000;

  // `lan`: the network inside, a /24; routers that check sources translate no other, as of a device that still uses the
  // address of the network it has left. 0: any.
  explicit Nat(std::uint32_t public_address, std::uint32_t lan = 0) : public_(public_address), lan_(lan) {}

  // Rewrites a packet on its way out; false: it cannot pass.
  bool Outbound(Ipv4Packet& packet);
  // And one on its way in; false: nobody asked for it.
  bool Inbound(Ipv4Packet& packet);
  // Mappings of that protocol are forgotten; new ones get ports not used before.
  void Rebind(std::uint8_t protocol);

 private:
  using Endpoint = std::pair<std::uint32_t, std::uint16_t>;  // address, port
  struct Mapping {
    Endpoint inner;
    std::set<Endpoint> written_to;
  };
  using Inner = std::pair<std::uint8_t, Endpoint>;        // protocol, inner endpoint
  using Outer = std::pair<std::uint8_t, std::uint16_t>;   // protocol, public port

  std::uint32_t public_, lan_;
  std::uint16_t next_port_ = kFirstPort;
  std::map<Inner, std::uint16_t> ports_;
  std::map<Outer, Mapping> mappings_;
};

}  // namespace jb::netns
