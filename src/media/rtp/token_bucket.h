// SPDX-License-Identifier: Apache-2.0
// A budget that refills with time: for what a peer may send us, and for answers to strangers. Value
// type, sans-IO.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/time.h"

namespace jb::media {

class TokenBucket {
 public:
  // `rate` tokens per second, at most `burst` saved up; starts full. burst <= 2^32.
  TokenBucket(std::uint64_t rate, std::uint64_t burst, Time now)
      : rate_(rate), burst_micro_(burst * 1'000'000), micro_(burst_micro_), last_(now) {}

  // Takes `tokens` if they are there.
  bool Take(std::uint64_t tokens, Time now) {
    Refill(now);
    if (tokens > micro_ / 1'000'000) return false;
    micro_ -= tokens * 1'000'000;
    return true;
  }
  void set_rate(std::uint64_t rate, Time now) {
    Refill(now);
    rate_ = rate;
  }
  std::uint64_t rate() const { return rate_; }

 private:
  void Refill(Time now) {
    if (now <= last_) return;
    // A bucket of any rate is full after an hour; the bound keeps the product in 64 bits.
    const std::uint64_t elapsed_us =
        static_cast<std::uint64_t>(std::min((now - last_).count(), Duration(std::chrono::hours(1)).count()));
    last_ = now;
    micro_ = std::min(burst_micro_, micro_ + rate_ * elapsed_us);
  }

  std::uint64_t rate_;
  std::uint64_t burst_micro_;  // millionths of a token
  std::uint64_t micro_;
  Time last_;
};

}  // namespace jb::media
