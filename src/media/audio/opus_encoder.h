// SPDX-License-Identifier: Apache-2.0
// Mono voice at 48 kHz to Opus packets of 20 ms, with in-band FEC where loss is expected. Adapter over libopus, whose types
// stay in opus_encoder.cc. No clock, no allocation after construction. Single-threaded. RFC 6716, RFC 7587.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.h"

namespace jb::media {

struct OpusEncoderOptions {
  int bitrate_bps = 32000;  // RFC 7587 section 3.1.1: 28-40 kb/s is the sweet spot for fullband speech
  int complexity = 5;       // 0..10; 5 costs about half of 10 and is not told apart on speech
  int expected_loss_percent = 0;
  bool dtx = false;  // our senders stop by themselves when there is nothing to say
};

inline constexpr std::size_t kOpusFrameSamples = 960;    // 20 ms at 48 kHz
inline constexpr std::size_t kMaxOpusFrameBytes = 1275;  // RFC 6716 section 3.2.1

class OpusEncoder {
 public:
  explicit OpusEncoder(OpusEncoderOptions options = {});
  ~OpusEncoder();
  OpusEncoder(OpusEncoder&&) noexcept;
  OpusEncoder& operator=(OpusEncoder&&) noexcept;

  // Returns the size of the packet written; `out` should have kMaxOpusFrameBytes (it must hold ≥ 3).
  std::size_t Encode(std::span<const std::int16_t, kOpusFrameSamples> pcm, ByteSpan out);
  // Samples at 48 kHz by which the decoded sound lags: Ogg's pre-skip (RFC 7845 section 4.2).
  int lookahead_samples() const;
  // From the next packet on each carries a coarse copy of the one before (in-band FEC, RFC 6716 section 2.1.7), the better
  // the more loss is expected; 0: none but that of the packet before. The copy is paid for out of the bitrate.
  void SetExpectedLoss(int percent);
  // For the start of a new talk spurt after silence.
  void Reset();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace jb::media
