// SPDX-License-Identifier: Apache-2.0
// The deadlines of many clients in one wheel (Varghese and Lauck 1987, scheme 6): setting, moving and removing one is
// O(1), whatever their number. Ticks of 250 us: fine enough that publishers do not send in step. A deadline farther
// than the wheel reaches fires early, at its end; its owner looks at the clock anyway.
// Core: single-threaded, no clock.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"

namespace jb::client {

class TimerWheel {
 public:
  using Id = std::uint32_t;
  static constexpr Duration kTick = std::chrono::microseconds(250);
  static constexpr std::int64_t kSlots = 4096;  // about one second

  explicit TimerWheel(Time now) : current_(ToTick(now)), heads_(kSlots, kNone) {}

  // Ids are small numbers, each with one deadline.
  void Schedule(Id id, Time at) {
    if (id >= nodes_.size()) nodes_.resize(id + 1);
    Cancel(id);
    if (at == kNever) return;
    const std::int64_t tick = std::clamp(ToTick(at + kTick - Duration(1)), current_ + 1, current_ + kSlots - 1);
    Node& node = nodes_[id];
    Id& head = heads_[static_cast<std::size_t>(tick % kSlots)];
    node = {tick, head, kNone, true};
    if (head != kNone) nodes_[head].previous = id;
    head = id;
    ++size_;
  }

  void Cancel(Id id) {
    if (id >= nodes_.size() || !nodes_[id].scheduled) return;
    Node& node = nodes_[id];
    if (node.next != kNone) nodes_[node.next].previous = node.previous;
    if (node.previous != kNone) {
      nodes_[node.previous].next = node.next;
    } else {
      heads_[static_cast<std::size_t>(node.tick % kSlots)] = node.next;
    }
    node.scheduled = false;
    --size_;
  }

  // fn(Id) for each that is due; it may schedule and cancel anything.
  template <class Fn>
  void Advance(Time now, Fn&& fn) {
    const std::int64_t until = ToTick(now);
    while (current_ < until && size_ > 0) {
      ++current_;
      Id& head = heads_[static_cast<std::size_t>(current_ % kSlots)];
      // What is scheduled meanwhile lies at least one tick ahead: this slot only shrinks.
      while (head != kNone) {
        const Id id = head;
        Cancel(id);
        fn(id);
      }
    }
    current_ = std::max(current_, until);
  }

  // The first tick with something in it.
  std::optional<Time> NextDeadline() const {
    if (size_ == 0) return std::nullopt;
    std::int64_t tick = current_ + 1;
    while (heads_[static_cast<std::size_t>(tick % kSlots)] == kNone) ++tick;
    return Time(kTick * tick);
  }

 private:
  static constexpr Id kNone = ~Id{0};
  struct Node {
    std::int64_t tick = 0;
    Id next = kNone;
    Id previous = kNone;
    bool scheduled = false;
  };
  static std::int64_t ToTick(Time at) { return at.time_since_epoch() / kTick; }

  std::int64_t current_;  // handled up to here
  std::vector<Id> heads_;
  std::vector<Node> nodes_;
  std::size_t size_ = 0;
};

}  // namespace jb::client
