// SPDX-License-Identifier: Apache-2.0
// How many sessions one client address has and how fast it opens new ones. A client is an IPv4 address
// or an IPv6 /64, since a subscriber usually gets a whole /64. Sans-IO; single-threaded.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>

#include "base/socket_address.h"
#include "base/time.h"

namespace jb::engineio {

using ClientKey = std::array<std::uint8_t, 9>;  // family, then 4 or 8 bytes of address
ClientKey KeyOf(const SocketAddress& remote);

class ClientLimits {
 public:
  ClientLimits(double per_second, double burst, std::size_t max_sessions)
      : per_second_(per_second), burst_(burst), max_sessions_(max_sessions) {}

  enum class Verdict : std::uint8_t { kOk, kTooFast, kTooMany };
  // kOk takes a token and counts a session, which Leave() gives back.
  Verdict Enter(const ClientKey& client, Time now);
  void Leave(const ClientKey& client);
  // Forgets clients without sessions whose bucket is full again. Records are bounded by the handshakes
  // of the last burst / per_second seconds plus the open sessions, if called now and then.
  void Sweep(Time now);
  std::size_t size() const { return records_.size(); }

 private:
  struct Record {
    double tokens = 0;
    Time at{};
    std::size_t sessions = 0;
  };
  void Refill(Record& record, Time now) const;

  double per_second_;
  double burst_;
  std::size_t max_sessions_;
  std::map<ClientKey, Record> records_;
};

}  // namespace jb::engineio
