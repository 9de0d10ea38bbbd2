// SPDX-License-Identifier: Apache-2.0
// Deadlines in a tree: the simple form of sfu/timer_wheel.h, which its test and its benchmark compare with it.
// Linked by tests and benchmarks only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/time.h"

namespace jb::testing {

class OrderedDeadlines {
 public:
  using Id = std::size_t;
  explicit OrderedDeadlines(Duration tick) : tick_(tick) {}

  // Replaces the one before; kNever takes it out.
  void Set(Id id, Time at) {
    if (id >= places_.size()) places_.resize(id + 1);
    if (places_[id]) order_.erase(*places_[id]);
    places_[id].reset();
    if (at == kNever) return;
    const auto up = (at.time_since_epoch() + tick_ - Duration(1)) / tick_;
    places_[id] = order_.emplace(std::max<std::int64_t>(up, now_ + 1), id);
  }
  Time next() const { return order_.empty() ? kNever : Time(tick_ * order_.begin()->first); }
  // fn(Id) for each whose tick has come; what it sets waits for a later tick.
  template <class Fn>
  void Run(Time now, Fn&& fn) {
    now_ = std::max<std::int64_t>(now_, now.time_since_epoch() / tick_);
    while (!order_.empty() && order_.begin()->first <= now_) {
      const Id id = order_.begin()->second;
      Set(id, kNever);
      fn(id);
    }
  }

 private:
  const Duration tick_;
  std::int64_t now_ = 0;
  std::multimap<std::int64_t, Id> order_;
  std::vector<std::optional<std::multimap<std::int64_t, Id>::iterator>> places_;
};

}  // namespace jb::testing
