// SPDX-License-Identifier: Apache-2.0
#include "sfu/timer_wheel.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace jb::sfu {
namespace {

// The tick in which `at` has passed.
std::int64_t TickOf(Time at) {
  const std::int64_t us = at.time_since_epoch().count(), tick = TimerWheel::kTick.count();
  return us / tick + (us % tick > 0);
}
Time TimeOf(std::int64_t tick) { return Time(TimerWheel::kTick * tick); }

}  // namespace

Timed::~Timed() { wheel_.Remove(*this); }

void TimerWheel::Set(Timed& member, Time at) {
  Remove(member);
  if (at == kNever) return;
  member.deadline_ = at;
  member.tick_ = std::max(TickOf(at), floor_);
  Insert(member);
}

void TimerWheel::Remove(Timed& member) {
  member.deadline_ = kNever;
  if (!member.link_) return;
  *member.link_ = member.next_;
  if (member.next_) member.next_->link_ = member.link_;
  member.link_ = nullptr;
  if (member.slot_ == kRinging || slots_[member.slot_]) return;
  const std::size_t level = member.slot_ / kSlots;
  used_[level] &= ~(std::uint64_t{1} << member.slot_ % kSlots);
  if (used_[level] == 0) used_levels_ &= ~(1u << level);
}

void TimerWheel::Insert(Timed& member) {
  const auto differs = static_cast<std::uint64_t>(member.tick_ ^ now_);  // not 0: it is later
  const int level = (static_cast<int>(std::bit_width(differs)) - 1) / kSlotBits;
  const auto group = static_cast<std::size_t>(member.tick_ >> level * kSlotBits) % kSlots;
  Link(member, static_cast<std::uint16_t>(static_cast<std::size_t>(level) * kSlots + group));
  used_[static_cast<std::size_t>(level)] |= std::uint64_t{1} << group;
  used_levels_ |= 1u << level;
}

void TimerWheel::Link(Timed& member, std::uint16_t slot) {
  Timed*& head = slots_[slot];
  member.slot_ = slot;
  member.next_ = head;
  member.link_ = &head;
  if (head) head->link_ = &member.next_;
  head = &member;
}

// Somebody waits.
TimerWheel::Position TimerWheel::Earliest() const {
  const int level = std::countr_zero(used_levels_);
  const int group = std::countr_zero(used_[static_cast<std::size_t>(level)]);
  const int below = level * kSlotBits;
  const auto above = static_cast<std::int64_t>(static_cast<std::uint64_t>(now_) >> below >> kSlotBits);
  const std::int64_t tick = (above << kSlotBits | group) << below;
  return {static_cast<std::uint16_t>(level * static_cast<int>(kSlots) + group), tick};
}

Time TimerWheel::next() const { return used_levels_ == 0 ? kNever : TimeOf(Earliest().tick); }

void TimerWheel::Run(Time now) {
  const std::int64_t until = now.time_since_epoch() / kTick;
  if (until <= now_) return;
  floor_ = until + 1;
  while (used_levels_ != 0) {
    const Position earliest = Earliest();
    if (earliest.tick > until) break;
    now_ = earliest.tick;
    Open(earliest.slot, now);
  }
  now_ = until;
}

// Calls the members of a slot, or lets them down to the levels below. A member that is called may take others out.
void TimerWheel::Open(std::uint16_t slot, Time now) {
  while (Timed* member = slots_[slot]) {
    const Time deadline = member->deadline_;
    Remove(*member);
    if (member->tick_ > now_) {
      member->deadline_ = deadline;
      Insert(*member);
    } else {
      Link(*member, kRinging);
    }
  }
  while (Timed* member = slots_[kRinging]) {
    Remove(*member);
    member->HandleDeadline(now);
  }
}

}  // namespace jb::sfu
