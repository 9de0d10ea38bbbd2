// SPDX-License-Identifier: Apache-2.0
// The loss that a voice of ours is encoded for, from what its listeners report: raised by the first report that says so,
// lowered step by step after a while without one, so that the encoder does not change with each of them. Value type,
// sans-IO.
#pragma once

#include <cstdint>

#include "base/time.h"

namespace jb::media {

class ExpectedLoss {
 public:
  // The worst fraction of 256 that was lost lately, as of now. True: percent() is another one.
  bool Update(std::uint8_t fraction_lost, Time now);
  int percent() const { return percent_; }

 private:
  int percent_ = 0;
  Time needed_at_{};  // the last time that the loss was one to encode for like this
};

}  // namespace jb::media
