// SPDX-License-Identifier: Apache-2.0
// Mailbox<T>: the only thing two loops share. Any thread posts values; the owning loop takes the whole
// batch at once. Bounded: when it is full Post() refuses and counts, and the poster decides (audio:
// drop; command: answer with an error).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>
#include <vector>

namespace jb {

template <class T>
class Mailbox {
 public:
  // `wake` is called from the posting thread when the box goes from empty to filled; it must be safe
  // to call from any thread and must not call back into the mailbox.
  Mailbox(std::size_t capacity, std::function<void()> wake) : capacity_(capacity), wake_(std::move(wake)) {}

  // False when full; the value is then dropped.
  bool Post(T value) {
    return PostInPlace([&value](T& slot) { slot = std::move(value); });
  }
  // For values too large to be moved about: `fill` is called with a new T in the box, and holds its lock.
  template <class Fill>
  bool PostInPlace(const Fill& fill) {
    bool was_empty;
    {
      std::lock_guard lock(mutex_);
      if (filling_.size() >= capacity_) {
        refused_.fetch_add(1, std::memory_order_relaxed);
        return false;
      }
      was_empty = filling_.empty();
      fill(filling_.emplace_back());
    }
    if (was_empty) wake_();
    return true;
  }

  // Owning loop only. The reference stays valid until the next call; its elements may be moved from.
  std::vector<T>& TakeAll() {
    taken_.clear();
    std::lock_guard lock(mutex_);
    std::swap(filling_, taken_);
    return taken_;
  }

  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  const std::size_t capacity_;
  const std::function<void()> wake_;
  std::mutex mutex_;
  std::vector<T> filling_;  // guarded by mutex_
  std::vector<T> taken_;    // owning loop only
  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace jb
