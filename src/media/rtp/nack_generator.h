// SPDX-License-Identifier: Apache-2.0
// Finds missing packets of one incoming stream and says when to ask for them (RFC 4585 generic
// NACK). Sans-IO, single-threaded; the owner writes the RTCP and sends the key frame request.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/sequence.h"
#include "base/time.h"
#include "proto/rtp/types.h"

namespace jb::media {

struct NackOptions {
  Duration first_delay = std::chrono::milliseconds(10);   // reordered packets get this long to arrive
  Duration default_rtt = std::chrono::milliseconds(100);  // until one is measured; also the retry interval
  Duration min_interval = std::chrono::milliseconds(20);  // between tries, however short the round trip
  int max_tries = 10;
  std::size_t max_list = 1000;    // more missing than this: a key frame is cheaper
  std::int64_t max_age = 10'000;  // numbers; older ones are forgotten
};

class NackGenerator {
 public:
  struct Counters {
    std::uint64_t asked = 0;      // numbers asked for, repetitions included
    std::uint64_t recovered = 0;  // missing numbers that came by RTX
    std::uint64_t abandoned = 0;  // given up: too many tries, too old, behind a key frame, or the list overflowed
  };

  explicit NackGenerator(NackOptions options = {}) : options_(options) {}

  void set_rtt(Duration rtt) { rtt_ = rtt; }

  // `key_frame`: the packet begins a key frame (IsKeyFrame of its codec); missing numbers well
  // before it are forgotten. `recovered`: it came by RTX. True when the number had been missing.
  bool HandlePacket(rtp::SeqNum seq, bool key_frame, bool recovered, Time now);

  std::optional<Time> NextDeadline() const;
  // Fills `out` with numbers due, oldest first, and returns how many. Call again while it returns
  // out.size().
  std::size_t PollNacks(Time now, std::span<rtp::SeqNum> out);

  // True once after the list overflowed: only a key frame helps now. A single number given up is
  // left to the receivers, whose decoders ask if they need to.
  bool TakeKeyFrameWanted();

  // Forgets everything, as when the stream restarts; counters stay.
  void Reset();
  // Missing, and asked for: what comes under that number is likely a repetition.
  bool WasAskedFor(rtp::SeqNum seq) const;
  std::size_t missing_count() const { return missing_.size(); }
  const Counters& counters() const { return counters_; }

 private:
  struct Missing {
    std::int64_t number;
    Time next_try;
    int tries = 0;
  };
  void AddMissing(std::int64_t from, std::int64_t to, Time now);
  void ForgetBefore(std::int64_t number);
  std::vector<Missing>::const_iterator Find(std::int64_t number) const;
  bool Remove(std::int64_t number);

  NackOptions options_;
  Duration rtt_{0};
  Unwrapper<std::uint16_t> unwrapper_;
  std::optional<std::int64_t> highest_;
  std::vector<Missing> missing_;  // ascending
  std::optional<Time> next_deadline_;
  bool key_frame_wanted_ = false;
  Counters counters_;
};

}  // namespace jb::media
