// SPDX-License-Identifier: Apache-2.0
// A WAV file that comes through a pipe: takes its header off and turns the bytes behind it into samples.
// For the output of a program of ours, not for strangers' files. Pure; single-threaded.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"

namespace jb::speech {

class WavStream {
 public:
  // Appends the samples to `out`. False: not mono s16 WAV with a header of 44 bytes.
  bool Push(ByteView bytes, std::vector<std::int16_t>& out);
  // Known once samples came.
  int sample_rate_hz() const { return sample_rate_hz_; }
  bool has_header() const { return sample_rate_hz_ > 0; }

 private:
  bool ParseHeader();

  Bytes header_;
  int sample_rate_hz_ = 0;
  std::optional<std::uint8_t> odd_;  // the first byte of a sample whose second has not come
};

}  // namespace jb::speech
