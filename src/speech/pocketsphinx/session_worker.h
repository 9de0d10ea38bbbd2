// SPDX-License-Identifier: Apache-2.0
// What a session's two threads share: the loop pushes audio and commands in, the worker takes them and
// decodes. Bounded: past kMostBacklog the oldest audio is dropped and counted, and the clause it was in
// ends there.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "speech/pocketsphinx/clause_stream.h"
#include "speech/pocketsphinx/decoder_pool.h"

namespace jb::speech {

class SessionWorker {
 public:
  // 30 s of audio: a decoder that lags so far behind will not catch up.
  static constexpr std::size_t kMostBacklog = 30 * kRecognizerRateHz;

  explicit SessionWorker(const EndpointerOptions& endpointer = {}) : endpointer_(endpointer) {}

  // Loop side.
  void Push(std::span<const std::int16_t> pcm);
  void Flush();
  void Finish();
  // Nothing more is wanted: Run returns soon, without results.
  void Abandon();
  std::size_t backlog() const;  // samples
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

  // Worker side: until Finish or Abandon. False: the model did not load.
  bool Run(DecoderPool& pool, const ClauseStream::Sink& sink);
  bool abandoned() const { return abandoned_.load(std::memory_order_relaxed); }

 private:
  struct FlushMark {
    std::uint64_t number;
  };
  struct SkipMark {
    std::size_t samples;
  };
  struct FinishMark {};
  using Audio = std::vector<std::int16_t>;
  using Item = std::variant<Audio, FlushMark, SkipMark, FinishMark>;

  void Add(Item item);
  void DropOldest();
  bool WaitForWork(std::unique_lock<std::mutex>& lock);

  const EndpointerOptions endpointer_;
  mutable std::mutex mutex_;
  std::condition_variable added_;
  std::deque<Item> items_;     // guarded by mutex_
  std::size_t backlog_ = 0;    // samples in items_; guarded by mutex_
  std::uint64_t flushes_ = 0;  // loop only
  std::atomic<bool> abandoned_{false};
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace jb::speech
