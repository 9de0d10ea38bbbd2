// SPDX-License-Identifier: Apache-2.0
// Keeps the timestamps of one outgoing stream going forward at the right pace while its source changes: each simulcast
// encoding counts from a number of its own. Two sources are laid over each other by their sender reports, which tie
// both to the sender's clock; without them by the time that has passed. Sans-IO, single-threaded, value type.
#pragma once

#include <optional>

#include "base/time.h"
#include "proto/rtcp/sender_report.h"
#include "proto/rtp/types.h"

namespace jb::media {

class TimestampAligner {
 public:
  explicit TimestampAligner(std::uint32_t clock_rate) : clock_rate_(clock_rate) {}

  // Where a timestamp of the source in use goes.
  rtp::Timestamp Map(rtp::Timestamp source) const { return source + std::int64_t{offset_} + std::int64_t{extra_}; }
  // A packet went out.
  void HandleSent(rtp::Timestamp out, Time now);

  // The reports that tie both sources to the sender's clock, as far as they have come.
  struct Clocks {
    std::optional<rtcp::SenderInfo> from, to;
  };
  // Another source begins with a packet of timestamp `first`. False: laid over the old one it would begin too far in
  // the past; the caller goes on with the old one and tries at the next key frame. The third attempt in a row always
  // succeeds, or one whose encoder lags would never be reached.
  bool ChangeSource(rtp::Timestamp first, const Clocks& clocks, Time now);
  // The source began to count anew.
  void HandleRestart(rtp::Timestamp first, Time now);

 private:
  std::int64_t Ticks(Duration duration) const;
  // How far `out` is ahead of the newest sent; negative: behind.
  std::int64_t Ahead(rtp::Timestamp out) const { return out - newest_; }
  // One step after the newest, as long as has really passed.
  rtp::Timestamp Next(Time now) const;
  std::optional<rtp::Timestamp> ByReports(rtp::Timestamp first, const Clocks& clocks, Time now) const;

  std::uint32_t clock_rate_;
  std::uint32_t offset_ = 0;  // of the source in use, modulo 2^32
  std::uint32_t extra_ = 0;   // added while this source is in use, so that it began behind the one before
  std::optional<Time> sent_at_;
  rtp::Timestamp newest_;  // sent
  int failures_ = 0;
};

}  // namespace jb::media
