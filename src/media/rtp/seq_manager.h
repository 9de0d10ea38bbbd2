// SPDX-License-Identifier: Apache-2.0
// Renumbers a stream so that the receiver sees no gap where we dropped packets on purpose, and no jump where the
// source was switched. Lost packets keep their gap, so that the receiver can ask for them. Value-like, fixed size,
// sans-IO.
#pragma once

#include <optional>

#include "base/sequence.h"
#include "media/rtp/number_mapper.h"
#include "proto/rtp/types.h"

namespace jb::media {

class SeqManager {
 public:
  // Packets this far behind the newest are not mapped any more.
  static constexpr std::int64_t kWindow = 2048;

  // `first_output`: the number of the first packet that will be mapped. RFC 3550 wants it random; keep it within
  // 1000..32767: if the first packets are lost near 65535 the receiver's SRTP misses the wrap, and nothing ever
  // decrypts.
  explicit SeqManager(rtp::SeqNum first_output) : mapper_(first_output.value()) {}

  // The next input continues at the number after the highest output, whatever its own is: a new source, or a pause.
  // Numbers of before are not mapped any more.
  void Restart() {
    mapper_.Restart();
    unwrapper_ = {};
  }

  // `input` is not forwarded: later numbers close the gap. Call it instead of Map, once per number. A number comes
  // back when it is too late for that: the receiver waits for it, and should be sent something empty under it.
  std::optional<rtp::SeqNum> Drop(rtp::SeqNum input) { return Wrap(mapper_.Drop(unwrapper_.Unwrap(input.value()))); }

  // The number to send `input` under; nullopt when it was dropped or is older than what we remember.
  std::optional<rtp::SeqNum> Map(rtp::SeqNum input) { return Wrap(mapper_.Map(unwrapper_.Unwrap(input.value()))); }

  // The number after the highest one given out.
  rtp::SeqNum next_output() const { return Number(mapper_.next_output()); }

 private:
  static rtp::SeqNum Number(std::int64_t n) { return rtp::SeqNum(static_cast<std::uint16_t>(n)); }
  static std::optional<rtp::SeqNum> Wrap(std::optional<std::int64_t> n) {
    return n ? std::optional(Number(*n)) : std::nullopt;
  }

  Unwrapper<std::uint16_t> unwrapper_;
  NumberMapper<kWindow> mapper_;
};

}  // namespace jb::media
