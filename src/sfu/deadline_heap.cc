// SPDX-License-Identifier: Apache-2.0
#include "sfu/deadline_heap.h"

#include <algorithm>

namespace jb::sfu {
namespace {
constexpr Duration kMinStep = std::chrono::milliseconds(1);
}

Timed::~Timed() { heap_.Remove(*this); }

void DeadlineHeap::Set(Timed& member, Time at) {
  if (at == kNever) {
    Remove(member);
    return;
  }
  at = std::max(at, floor_);
  const bool is_new = member.at_ == Timed::kOut;
  const bool earlier = is_new || at < member.deadline_;
  member.deadline_ = at;
  if (is_new) {
    heap_.push_back(&member);
    member.at_ = heap_.size() - 1;
  }
  earlier ? SiftUp(member.at_) : SiftDown(member.at_);
}

void DeadlineHeap::Remove(Timed& member) {
  member.deadline_ = kNever;
  if (member.at_ == Timed::kOut) return;
  const std::size_t at = member.at_;
  member.at_ = Timed::kOut;
  Timed* last = heap_.back();
  heap_.pop_back();
  if (last == &member) return;
  Place(last, at);
  SiftUp(at);
  SiftDown(last->at_);
}

void DeadlineHeap::Run(Time now) {
  floor_ = now + kMinStep;
  while (!heap_.empty() && heap_[0]->deadline_ <= now) {
    Timed* member = heap_[0];
    Remove(*member);
    member->HandleDeadline(now);
  }
  floor_ = Time::min();
}

void DeadlineHeap::SiftUp(std::size_t at) {
  Timed* member = heap_[at];
  while (at > 0) {
    const std::size_t parent = (at - 1) / 2;
    if (heap_[parent]->deadline_ <= member->deadline_) break;
    Place(heap_[parent], at);
    at = parent;
  }
  Place(member, at);
}

void DeadlineHeap::SiftDown(std::size_t at) {
  Timed* member = heap_[at];
  for (;;) {
    std::size_t child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->deadline_ < heap_[child]->deadline_) ++child;
    if (member->deadline_ <= heap_[child]->deadline_) break;
    Place(heap_[child], at);
    at = child;
  }
  Place(member, at);
}

}  // namespace jb::sfu
