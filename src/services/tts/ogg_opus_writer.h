// SPDX-License-Identifier: Apache-2.0
// Opus in Ogg as it is made: RFC 7845 over RFC 3533. 48 kHz mono s16 in, pages out. No I/O.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "media/audio/opus_encoder.h"

namespace jb::services {

class OggOpusWriter {
 public:
  explicit OggOpusWriter(std::uint32_t serial);
  // Whole pages that are ready; the first call also gives the two header pages.
  Bytes Push(std::span<const std::int16_t> pcm_48k);
  // The rest, padded with silence that a player cuts off, and the end mark.
  Bytes Finish();

 private:
  void Begin(Bytes& out);
  void EncodeFrame(std::span<const std::int16_t> frame);
  void WritePage(Bytes& out, std::uint8_t flags, std::int64_t granule);

  media::OpusEncoder encoder_;
  const std::uint32_t serial_;
  std::uint32_t page_ = 0;
  bool begun_ = false;
  std::vector<std::int16_t> held_;  // less than a frame
  std::vector<Bytes> packets_;      // of the page being filled
  std::int64_t encoded_samples_ = 0;
  std::int64_t given_samples_ = 0;
};

}  // namespace jb::services
