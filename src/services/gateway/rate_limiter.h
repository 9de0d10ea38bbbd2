// SPDX-License-Identifier: Apache-2.0
// Token buckets by client address. Sans-IO and single-threaded. The table is bounded: a bucket that has
// filled up again is as good as none and is forgotten.
#pragma once

#include <map>
#include <optional>

#include "base/socket_address.h"
#include "base/time.h"

namespace jb::services {

class RateLimiter {
 public:
  struct Rule {
    double per_second;
    double burst;
  };
  explicit RateLimiter(Rule rule) : rule_(rule) {}

  // nullopt: allowed, and counted. Else how long to wait until it would be.
  std::optional<Duration> Take(const SocketAddress& client, Time now);
  // Whether Take would allow it, without counting.
  bool Exhausted(const SocketAddress& client, Time now);
  std::size_t size() const { return buckets_.size(); }

 private:
  struct Bucket {
    double tokens;
    Time at;
  };
  Bucket& Refilled(const SocketAddress& client, Time now);
  void ForgetFull(Time now);

  static constexpr std::size_t kMaxBuckets = 65'536;
  const Rule rule_;
  std::map<SocketAddress, Bucket> buckets_;
};

// What a household or an office shares: the address itself for IPv4, the /64 for IPv6. Port 0.
SocketAddress ClientKey(const SocketAddress& remote);

}  // namespace jb::services
