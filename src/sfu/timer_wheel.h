// SPDX-License-Identifier: Apache-2.0
// The deadlines of many objects as one: a hierarchical timing wheel (Varghese and Lauck, "Hashed and Hierarchical
// Timing Wheels", 1987, scheme 7). Setting, moving and taking out a deadline is O(1), whatever their number, and
// allocates nothing; each comes closer level by level, at most kLevels times. testing/ordered_deadlines.h is the
// simple form, and calls the same members in the same ticks.
// Time is counted in ticks: nobody is called before its deadline, nor more than a tick behind it, and what falls
// into one tick is called together.
// Does not: read a clock, tell more than one deadline apart per member. Single-threaded; borrows its members, which
// take themselves out when they go.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.h"

namespace jb::sfu {

class TimerWheel;

// Something that wants to be called at a time.
class Timed {
 public:
  explicit Timed(TimerWheel& wheel) : wheel_(wheel) {}
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
  friend class TimerWheel;
  TimerWheel& wheel_;
  Time deadline_ = kNever;
  std::int64_t tick_ = 0;   // of the deadline
  std::uint16_t slot_ = 0;  // where it waits
  Timed* next_ = nullptr;   // in that slot
  Timed** link_ = nullptr;  // what points here; nullptr: it does not wait
};

class TimerWheel {
 public:
  // As long as nobody notices (RTCP, consent and DTLS have tens of milliseconds at least), and a power of two.
  static constexpr Duration kTick = Duration(1024);

  // When Run() is next of use: kNever when nobody waits. For what is far away that is a time before its deadline, at
  // which it comes closer and nobody is called.
  Time next() const;
  // Calls everybody whose time has come, each at most once: a member that asks for a time not after `now`
  // is called in the next tick, so that no bug of a member can spin the loop.
  void Run(Time now);

 private:
  friend class Timed;
  static constexpr int kSlotBits = 6;
  static constexpr std::size_t kSlots = 1u << kSlotBits;
  static constexpr std::size_t kLevels = 11;  // all of a 64-bit count of ticks: there is no farthest deadline
  static constexpr std::uint16_t kRinging = kLevels * kSlots;

  struct Position {
    std::uint16_t slot;
    std::int64_t tick;  // its first
  };
  void Set(Timed& member, Time at);
  void Remove(Timed& member);
  void Insert(Timed& member);
  void Link(Timed& member, std::uint16_t slot);
  Position Earliest() const;
  void Open(std::uint16_t slot, Time now);

  // Members wait in the slot of their tick's highest group of kSlotBits bits that differs from now_'s. So whoever waits
  // on a level is due before anybody on the levels above, and in a level the slots are in order.
  std::array<Timed*, kLevels * kSlots + 1> slots_{};  // the last: those being called
  std::array<std::uint64_t, kLevels> used_{};         // a bit per slot with members
  std::uint32_t used_levels_ = 0;
  std::int64_t now_ = 0;    // the last tick that was run; everybody waits for a later one
  std::int64_t floor_ = 1;  // nothing is set before it
};

inline void Timed::SetDeadline(Time at) { wheel_.Set(*this, at); }

}  // namespace jb::sfu
