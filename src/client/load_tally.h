// SPDX-License-Identifier: Apache-2.0
// What a load counts about the packets its clients receive. Only packets whose stamp lies in the window of
// measurement are counted, wherever the window's ends find them. Single-threaded.
#pragma once

#include <cstdint>

#include "base/time.h"
#include "client/delay_histogram.h"
#include "client/load_payload.h"
#include "proto/rtp/packet.h"

namespace jb::client {

// Of one consumer's stream: that what comes in order was sent in order.
class OrderCheck {
 public:
  // False: newer by its RTP number, but not by its stamp. A simulcast consumer may change to another stream.
  bool HandlePacket(rtp::SeqNum seq, const LoadStamp& stamp) {
    if (started_ && !seq.IsNewerThan(seq_)) return true;  // late: says nothing about order
    const bool ok = !started_ || stamp.stream != stream_ || static_cast<std::int32_t>(stamp.number - number_) > 0;
    started_ = true;
    seq_ = seq;
    stream_ = stamp.stream;
    number_ = stamp.number;
    return ok;
  }

 private:
  bool started_ = false;
  rtp::SeqNum seq_;
  std::uint32_t stream_ = 0;
  std::uint32_t number_ = 0;
};

struct LoadTally {
  static constexpr std::uint32_t kInspectEvery = 16;  // packets whose payload is compared byte by byte: 1 in so many

  bool Covers(WallTime sent_at) const { return sent_at >= window_from && sent_at < window_to; }

  WallTime window_from = WallTime::max();
  WallTime window_to = WallTime::max();
  std::uint64_t received = 0;
  std::uint64_t bytes = 0;  // of payload
  std::uint64_t inspected = 0;
  std::uint64_t corrupted = 0;
  std::uint64_t misordered = 0;
  std::uint64_t foreign = 0;  // media without a stamp of this run
  DelayHistogram delay;       // stamp to the kernel's own time of arrival; repaired packets are not in it
};

}  // namespace jb::client
