// SPDX-License-Identifier: Apache-2.0
#include "proto/engineio/client_limits.h"

#include <algorithm>
#include <iterator>

namespace jb::engineio {

ClientKey KeyOf(const SocketAddress& remote) {
  ClientKey key{};
  key[0] = remote.is_v6 ? 6 : 4;
  std::copy_n(remote.ip.begin(), remote.is_v6 ? 8 : 4, key.begin() + 1);
  return key;
}

void ClientLimits::Refill(Record& record, Time now) const {
  record.tokens = std::min(burst_, record.tokens + ToSeconds(now - record.at) * per_second_);
  record.at = now;
}

ClientLimits::Verdict ClientLimits::Enter(const ClientKey& client, Time now) {
  const auto [it, added] = records_.try_emplace(client, Record{burst_, now, 0});
  Record& record = it->second;
  if (!added) Refill(record, now);
  if (record.sessions >= max_sessions_) return Verdict::kTooMany;
  if (record.tokens < 1) return Verdict::kTooFast;
  record.tokens -= 1;
  ++record.sessions;
  return Verdict::kOk;
}

void ClientLimits::Leave(const ClientKey& client) {
  const auto it = records_.find(client);
  if (it != records_.end() && it->second.sessions > 0) --it->second.sessions;
}

void ClientLimits::Sweep(Time now) {
  for (auto it = records_.begin(); it != records_.end();) {
    Refill(it->second, now);
    const bool idle = it->second.sessions == 0 && it->second.tokens >= burst_;
    it = idle ? records_.erase(it) : std::next(it);
  }
}

}  // namespace jb::engineio
