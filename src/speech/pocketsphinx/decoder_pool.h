// SPDX-License-Identifier: Apache-2.0
// Decoders lent to one thread at a time. Any thread; Take() blocks while one is loaded or all are lent.
#pragma once

#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "speech/pocketsphinx/decoder.h"

namespace jb::speech {

class DecoderPool {
 public:
  DecoderPool(SphinxModel model, int most) : model_(std::move(model)), most_(most) {}

  // Null when the model does not load.
  std::unique_ptr<SphinxDecoder> Take();
  void Give(std::unique_ptr<SphinxDecoder> decoder);

 private:
  // More idle ones than this are not worth their memory.
  static constexpr std::size_t kMostIdle = 2;

  const SphinxModel model_;
  const int most_;
  std::mutex mutex_;
  std::condition_variable returned_;
  std::vector<std::unique_ptr<SphinxDecoder>> idle_;  // guarded by mutex_
  int lent_ = 0;                                      // guarded by mutex_
};

}  // namespace jb::speech
