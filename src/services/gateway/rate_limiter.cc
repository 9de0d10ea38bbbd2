// SPDX-License-Identifier: Apache-2.0
#include "services/gateway/rate_limiter.h"

#include <algorithm>

namespace jb::services {

SocketAddress ClientKey(const SocketAddress& remote) {
  SocketAddress key = remote;
  key.port = 0;
  if (key.is_v6) std::fill(key.ip.begin() + 8, key.ip.end(), std::uint8_t{0});
  return key;
}

RateLimiter::Bucket& RateLimiter::Refilled(const SocketAddress& client, Time now) {
  if (buckets_.size() >= kMaxBuckets) ForgetFull(now);
  const auto [it, fresh] = buckets_.try_emplace(ClientKey(client), Bucket{rule_.burst, now});
  Bucket& bucket = it->second;
  bucket.tokens = std::min(rule_.burst, bucket.tokens + ToSeconds(now - bucket.at) * rule_.per_second);
  bucket.at = now;
  return bucket;
}

std::optional<Duration> RateLimiter::Take(const SocketAddress& client, Time now) {
  Bucket& bucket = Refilled(client, now);
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return std::nullopt;
  }
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>((1 - bucket.tokens) / rule_.per_second));
}

bool RateLimiter::Exhausted(const SocketAddress& client, Time now) { return Refilled(client, now).tokens < 1; }

void RateLimiter::ForgetFull(Time now) {
  std::erase_if(buckets_, [&](const auto& item) {
    const Bucket& b = item.second;
    return b.tokens + ToSeconds(now - b.at) * rule_.per_second >= rule_.burst;
  });
  // Everybody is busy at once: start over rather than grow.
  if (buckets_.size() >= kMaxBuckets) buckets_.clear();
}

}  // namespace jb::services
