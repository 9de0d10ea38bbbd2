// SPDX-License-Identifier: Apache-2.0
// Deadlines of many objects merged into one: an indexed binary heap. Setting one is O(log n) and allocates
// only while the heap grows. Single-threaded; borrows its members, which take themselves out when they go.
#pragma once

#include <cstddef>
#include <vector>

#include "base/time.h"

namespace jb::sfu {

class DeadlineHeap;

// Something that wants to be called at a time.
class Timed {
 public:
  explicit Timed(DeadlineHeap& heap) : heap_(heap) {}
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;
  Time deadline() const { return deadline_; }

 protected:
  virtual ~Timed();
  // Called once the deadline is reached, with it cleared; sets the next one itself.
  virtual void HandleDeadline(Time now) = 0;
  void SetDeadline(Time at);
  // As SetDeadline, but only ever makes it earlier: what per-packet code calls.
  void WakeAt(Time at) {
    if (at < deadline_) SetDeadline(at);
  }

 private:
  friend class DeadlineHeap;
  static constexpr std::size_t kOut = static_cast<std::size_t>(-1);
  DeadlineHeap& heap_;
  Time deadline_ = kNever;
  std::size_t at_ = kOut;
};

class DeadlineHeap {
 public:
  // The earliest; kNever when nobody waits.
  Time next() const { return heap_.empty() ? kNever : heap_[0]->deadline_; }
  // Calls everybody whose time has come, each at most once: a member that asks for a time not after `now`
  // is called in the next turn, so that no bug of a member can spin the loop.
  void Run(Time now);

 private:
  friend class Timed;
  void Set(Timed& member, Time at);
  void Remove(Timed& member);
  void SiftUp(std::size_t at);
  void SiftDown(std::size_t at);
  void Place(Timed* member, std::size_t at) {
    heap_[at] = member;
    member->at_ = at;
  }

  std::vector<Timed*> heap_;
  Time floor_ = Time::min();  // while running: nothing is set at or before it
};

inline void Timed::SetDeadline(Time at) { heap_.Set(*this, at); }

}  // namespace jb::sfu
