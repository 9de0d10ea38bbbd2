// SPDX-License-Identifier: Apache-2.0
// Renumbers a stream so that the receiver sees no gap where we dropped packets on purpose, and no
// jump where the source was switched. Lost packets keep their gap, so that the receiver can ask for
// them. Value-like, sans-IO.
#pragma once

#include <optional>
#include <vector>

#include "base/sequence.h"
#include "proto/rtp/types.h"

namespace jb::media {

class SeqManager {
 public:
  // Remembered; packets older than these are not mapped any more.
  static constexpr std::size_t kMaxDrops = 2048;

  // `first_output`: the number of the first packet that will be mapped. RFC 3550 wants it random;
  // keep it within 1000..32767: if the first packets are lost near 65535 the receiver's SRTP misses
  // the wrap, and nothing ever decrypts.
  explicit SeqManager(rtp::SeqNum first_output) : highest_output_(std::int64_t{first_output.value()} - 1) {}

  // The next input continues at the number after the highest output, whatever its own is: a new
  // source, or a pause. Numbers of before are not mapped any more.
  void Restart() {
    synced_ = false;
    unwrapper_ = {};
  }

  // `input` is not forwarded: later numbers close the gap. Call it instead of Map, once per number.
  void Drop(rtp::SeqNum input);

  // The number to send `input` under; nullopt when it was dropped or is older than what we
  // remember.
  std::optional<rtp::SeqNum> Map(rtp::SeqNum input);

  // The number after the highest one given out.
  rtp::SeqNum next_output() const { return Wrap(highest_output_ + 1); }

 private:
  static rtp::SeqNum Wrap(std::int64_t n) { return rtp::SeqNum(static_cast<std::uint16_t>(n)); }
  void Sync(std::int64_t input);
  void Forget();

  Unwrapper<std::uint16_t> unwrapper_;
  bool synced_ = false;
  std::int64_t first_input_ = 0;     // lowest input that is mapped
  std::int64_t highest_input_ = 0;   // mapped or dropped
  std::int64_t offset_ = 0;          // output = input + offset_ - drops before it
  std::vector<std::int64_t> drops_;  // ascending, those after first_input_
  std::int64_t highest_output_;      // before the first: one less than that
};

}  // namespace jb::media
