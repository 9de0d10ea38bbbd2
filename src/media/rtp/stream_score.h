// SPDX-License-Identifier: Apache-2.0
// How well a stream gets through, from 0 (nothing) to 10 (everything), with mediasoup's arithmetic so that its users'
// scales fit: the share of an interval's packets that came, to the fourth power; what came only when it was asked for
// again counts less. The value is the mean of the last 24 intervals, of which later ones weigh more.
// Value type, no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace jb::media {

class StreamScore {
 public:
  static constexpr std::uint8_t kBest = 10;
  static constexpr std::size_t kIntervals = 24;

  // Since the stream began.
  struct Totals {
    std::uint64_t packets = 0;  // that were to come
    std::int64_t lost = 0;      // of these, the first time; duplicates make it negative (RFC 3550 section 6.4.1)
    std::uint64_t resent = 0;   // each time counts
  };

  // An interval is over, about a second. True: the value is another now.
  bool Add(const Totals& totals);
  // Nothing comes any more: 0, and what was before says nothing of what will be. True: as above.
  bool HandleSilence();
  std::uint8_t value() const { return value_; }

 private:
  bool Take(std::uint8_t score);

  Totals before_;
  std::array<std::uint8_t, kIntervals> scores_{};  // a ring
  std::size_t count_ = 0;                          // ever
  std::uint8_t value_ = kBest;
};

}  // namespace jb::media
