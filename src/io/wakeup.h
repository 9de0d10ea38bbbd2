// SPDX-License-Identifier: Apache-2.0
// Wakes a loop from another thread without a lock and without allocation: an eventfd that the loop waits on. Many
// signals before the loop gets there are one call. For values that cross in a ring; see base/spsc_ring.h.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "io/loop.h"

namespace jb::io {

class Wakeup {
 public:
  // Any thread; may outlive the Wakeup and its loop, and then does nothing.
  class Signal {
   public:
    ~Signal();
    Signal(const Signal&) = delete;
    Signal& operator=(const Signal&) = delete;
    // What the caller has written before is seen by the function it wakes.
    void Raise();

   private:
    friend class Wakeup;
    Signal();
    int fd_;
    std::atomic<bool> raised_{false};
  };

  // `fn` runs on the loop, where this object lives. Must not outlive the loop.
  Wakeup(Loop& loop, std::function<void()> fn);
  ~Wakeup();
  Wakeup(const Wakeup&) = delete;
  Wakeup& operator=(const Wakeup&) = delete;

  const std::shared_ptr<Signal>& signal() const { return signal_; }

 private:
  struct Impl;
  std::shared_ptr<Signal> signal_;
  std::shared_ptr<Impl> impl_;
};

}  // namespace jb::io
