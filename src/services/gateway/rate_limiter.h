// SPDX-License-Identifier: Apache-2.0
// Token buckets: one by itself, and many by client address. Sans-IO and single-threaded. The table is
// bounded: a bucket that has filled up again is as good as none and is forgotten.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/socket_address.h"
#include "base/time.h"

namespace jb::services {

struct RateRule {
  double per_second;
  double burst;
};

class TokenBucket {
 public:
  TokenBucket(const RateRule& rule, Time now) : tokens_(rule.burst), at_(now) {}
  // nullopt: allowed, and counted. Else how long to wait until it would be.
  std::optional<Duration> Take(const RateRule& rule, Time now);
  // Whether Take would refuse, without counting.
  bool Exhausted(const RateRule& rule, Time now) const { return TokensAt(rule, now) < 1; }
  bool Full(const RateRule& rule, Time now) const { return TokensAt(rule, now) >= rule.burst; }

 private:
  double TokensAt(const RateRule& rule, Time now) const;

  double tokens_;
  Time at_;
};

class RateLimiter {
 public:
  explicit RateLimiter(RateRule rule) : rule_(rule) {}

  // As TokenBucket's. `about` tells apart what one client does: the room it tries passcodes of.
  std::optional<Duration> Take(const SocketAddress& client, Time now, const std::string& about = {});
  bool Exhausted(const SocketAddress& client, Time now, const std::string& about = {}) const;
  std::size_t size() const { return buckets_.size(); }

 private:
  using Key = std::pair<SocketAddress, std::string>;
  void ForgetFull(Time now);

  static constexpr std::size_t kMaxBuckets = 65'536;
  const RateRule rule_;
  std::map<Key, TokenBucket> buckets_;
};

// What a household or an office shares: the address itself for IPv4, the /64 for IPv6. Port 0.
SocketAddress ClientKey(const SocketAddress& remote);

}  // namespace jb::services
