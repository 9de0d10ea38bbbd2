// SPDX-License-Identifier: Apache-2.0
// How many connections a server holds, in all and per peer, and which newcomer is one too many. No I/O. For
// the .cc files of jb::io only. Loop thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "base/socket_address.h"

namespace jb::io {

class Admissions {
 public:
  // Above `most` nobody is admitted; above `most_per_peer` nobody from that IPv4 address or IPv6 /64, which
  // is what one household or server is given. 0: no limit per peer. Loopback has none either: a reverse proxy,
  // tests and measurements come from there.
  Admissions(std::size_t most, std::size_t most_per_peer);

  // A place, taken until the last copy of the pointer is gone, which may outlive this; null when full.
  std::shared_ptr<void> Take(const SocketAddress& remote);
  std::uint64_t refused() const { return refused_; }

 private:
  struct Held {
    std::size_t all = 0;
    std::map<SocketAddress, std::size_t> per_peer;  // port 0; as many as `all` at most
  };

  const std::size_t most_, most_per_peer_;
  const std::shared_ptr<Held> held_ = std::make_shared<Held>();
  std::uint64_t refused_ = 0;
};

}  // namespace jb::io
