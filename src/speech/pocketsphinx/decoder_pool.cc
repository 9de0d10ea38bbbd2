// SPDX-License-Identifier: Apache-2.0
#include "speech/pocketsphinx/decoder_pool.h"

#include "base/log.h"

namespace jb::speech {

std::unique_ptr<SphinxDecoder> DecoderPool::Take() {
  std::unique_lock lock(mutex_);
  returned_.wait(lock, [this] { return lent_ < most_; });
  ++lent_;
  if (!idle_.empty()) {
    std::unique_ptr<SphinxDecoder> decoder = std::move(idle_.back());
    idle_.pop_back();
    return decoder;
  }
  lock.unlock();
  Result<std::unique_ptr<SphinxDecoder>> loaded = SphinxDecoder::Load(model_);
  if (loaded.ok()) return std::move(loaded).value();
  Log(LogLevel::kError, "recogniser does not load", {{"reason", loaded.error().message}});
  lock.lock();
  --lent_;
  returned_.notify_one();
  return nullptr;
}

void DecoderPool::Give(std::unique_ptr<SphinxDecoder> decoder) {
  std::unique_ptr<SphinxDecoder> surplus;  // destroyed outside the lock
  std::lock_guard lock(mutex_);
  --lent_;
  if (idle_.size() < kMostIdle) {
    idle_.push_back(std::move(decoder));
  } else {
    surplus = std::move(decoder);
  }
  returned_.notify_one();
}

}  // namespace jb::speech
