// SPDX-License-Identifier: Apache-2.0
// The wire between somebody and the rest of the world: a testing::Netem each way, what a firewall lets
// through, a NAT where there is one, and the figures a test asks for. IP packets in, IP packets out; the
// rate counts them whole, headers included. Sans-IO; single-threaded.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "base/json.h"
#include "base/time.h"
#include "netns/nat.h"
#include "testing/netem.h"

namespace jb::netns {

enum class Direction : std::uint8_t { kUp, kDown };  // away from the person, towards them

// What passes; nothing set: everything. A packet passes when its protocol is allowed and, where ports are
// named, the far end's port is one of them.
struct Firewall {
  bool udp = true;
  bool tcp = true;
  std::set<std::uint16_t> ports;
};

class Link {
 public:
  Link(std::uint64_t seed, std::optional<Nat> nat);

  void Send(Direction direction, ByteSpan packet, Time now);
  std::optional<Time> NextDeadline() const;
  // The next packet that has arrived by `now`; call until nullopt.
  std::optional<Bytes> Poll(Direction direction, Time now);

  // {"do":"shape","up":PROFILE,"down":PROFILE}, {"do":"firewall","udp":…,"tcp":…,"ports":[…]},
  // {"do":"rebind","tcp":false} or {"do":"figures"} (since the last time); answers {"ok":true,…} or
  // {"ok":false,"error":…}.
  json::object HandleCommand(const json::value& command);

 private:
  struct Lane {
    testing::Netem netem;
    std::vector<Duration> queued;  // one per packet since the figures were last asked for
    std::uint64_t bytes = 0;       // delivered in that time
    std::uint64_t firewalled = 0;
    testing::Netem::Counters reported;
  };
  Lane& lane(Direction direction) { return direction == Direction::kUp ? up_ : down_; }
  bool Passes(Direction direction, Ipv4Packet& packet);
  json::object Shape(const json::value& command);
  json::object SetFirewall(const json::value& command);
  json::object Rebind(const json::value& command);
  json::object TakeFigures(Lane& lane);

  Lane up_, down_;
  Firewall firewall_;
  std::optional<Nat> nat_;
};

// {"latencyMs":20,"loss":0.1,"rateBps":500000,…}: keys as in kKeys of link.cc, all of them numbers; a missing one has
// NetemProfile's default, an unknown one is an error.
Result<testing::NetemProfile> ParseProfile(const json::value& description);

}  // namespace jb::netns
