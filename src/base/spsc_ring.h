// SPDX-License-Identifier: Apache-2.0
// SpscRing<T>: fixed slots between one thread that writes and one that reads, without lock and without allocation
// after it was made. Values are written and read in place. Full: the writer is told, and decides. Wakes nobody.
// The scheme is Lamport's (1983), with both sides keeping a copy of the other's index, so that a cache line moves
// only when a side has run out of what it knew of.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <vector>

#include "base/result.h"

namespace jb {

template <class T>
class SpscRing {
 public:
  // Rounded up to a power of two.
  explicit SpscRing(std::size_t capacity) : slots_(std::bit_ceil(capacity)), mask_(slots_.size() - 1) {
    JB_CHECK(capacity > 0);
  }
  SpscRing(const SpscRing&) = delete;
  SpscRing& operator=(const SpscRing&) = delete;

  std::size_t capacity() const { return slots_.size(); }

  // --- the writing thread ---
  // The next free slot, with what was in it before; nullptr when all are taken. Fill it, then Push().
  T* Next() {
    const std::size_t head = writer_.index.load(std::memory_order_relaxed);
    if (head - writer_.other == slots_.size()) {
      writer_.other = reader_.index.load(std::memory_order_acquire);
      if (head - writer_.other == slots_.size()) return nullptr;
    }
    return &slots_[head & mask_];
  }
  void Push() {
    writer_.index.store(writer_.index.load(std::memory_order_relaxed) + 1, std::memory_order_release);
  }

  // --- the reading thread ---
  // The oldest value, or the one that came `after` others; nullptr when there is none. Use them, then Pop().
  T* Front(std::size_t after = 0) {
    const std::size_t index = reader_.index.load(std::memory_order_relaxed) + after;
    if (!Before(index, reader_.other)) {
      reader_.other = writer_.index.load(std::memory_order_acquire);
      if (!Before(index, reader_.other)) return nullptr;
    }
    return &slots_[index & mask_];
  }
  // The oldest `count`, which Front has shown.
  void Pop(std::size_t count = 1) {
    reader_.index.store(reader_.index.load(std::memory_order_relaxed) + count, std::memory_order_release);
  }

 private:
  // Of two indices that are at most a ring apart.
  bool Before(std::size_t a, std::size_t b) const { return b - a - 1 < slots_.size(); }

  static constexpr std::size_t kCacheLine = 64;  // bytes, x86-64 and most ARM
  struct alignas(kCacheLine) Side {
    std::atomic<std::size_t> index{0};  // counts up for ever; a slot is index modulo capacity
    std::size_t other = 0;              // the other side's index, when last looked at
  };

  std::vector<T> slots_;
  const std::size_t mask_;
  Side writer_, reader_;
};

}  // namespace jb
