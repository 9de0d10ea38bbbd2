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

double TokenBucket::TokensAt(const RateRule& rule, Time now) const {
  return std::min(rule.burst, tokens_ + ToSeconds(now - at_) * rule.per_second);
}

std::optional<Duration> TokenBucket::Take(const RateRule& rule, Time now) {
  tokens_ = TokensAt(rule, now);
  at_ = now;
  if (tokens_ >= 1) {
    tokens_ -= 1;
    return std::nullopt;
  }
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>((1 - tokens_) / rule.per_second));
}

std::optional<Duration> RateLimiter::Take(const SocketAddress& client, Time now, const std::string& about) {
  if (buckets_.size() >= kMaxBuckets) ForgetFull(now);
  const auto [it, fresh] = buckets_.try_emplace(Key(ClientKey(client), about), rule_, now);
  return it->second.Take(rule_, now);
}

bool RateLimiter::Exhausted(const SocketAddress& client, Time now, const std::string& about) const {
  const auto it = buckets_.find(Key(ClientKey(client), about));
  return it != buckets_.end() && it->second.Exhausted(rule_, now);
}

void RateLimiter::ForgetFull(Time now) {
  std::erase_if(buckets_, [&](const auto& item) { return item.second.Full(rule_, now); });
  // Everybody is busy at once: start over rather than grow.
  if (buckets_.size() >= kMaxBuckets) buckets_.clear();
}

}  // namespace jb::services
