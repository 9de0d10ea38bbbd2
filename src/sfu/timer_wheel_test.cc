// SPDX-License-Identifier: Apache-2.0
#include "sfu/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <vector>

#include "testing/ordered_deadlines.h"
#include "testing/seeded_random.h"

namespace jb::sfu {
namespace {

using namespace std::chrono_literals;

class Alarm : public Timed {
 public:
  explicit Alarm(TimerWheel& wheel, std::function<void(Time)> ring = [](Time) {})
      : Timed(wheel), ring_(std::move(ring)) {}
  ~Alarm() override = default;
  using Timed::SetDeadline;
  using Timed::WakeAt;
  std::vector<Time> rang;

 private:
  void HandleDeadline(Time now) override {
    rang.push_back(now);
    ring_(now);
  }
  const std::function<void(Time)> ring_;
};

// Just before a level's last group wraps, for every level that a process can live to see; and the first ones.
std::vector<Time> Starts() {
  std::vector<Time> out{Time{}, Time(1us), Time(10s)};
  for (const int bits : {6, 12, 18, 24, 30, 36}) {
    for (const std::int64_t before : {0, 1, 3}) out.emplace_back(TimerWheel::kTick * ((std::int64_t{1} << bits) - before));
  }
  return out;
}

// From a tick to three weeks, each order of magnitude as often as the others.
Duration SomeDelay(Random& random) {
  const std::uint32_t bits = random.Between(0, 40);
  return Duration(static_cast<std::int64_t>(random.U32() % 1000 + 1) * (std::int64_t{1} << bits) / 1000);
}

TEST(TimerWheelTest, CallsTheSameMembersInTheSameTicksAsAnOrderedTree) {
  for (const Time start : Starts()) {
    testing::SeededRandom random(static_cast<std::uint64_t>(start.time_since_epoch().count()) + 1);
    TimerWheel wheel;
    testing::OrderedDeadlines tree(TimerWheel::kTick);
    std::vector<std::unique_ptr<Alarm>> alarms;
    std::vector<std::size_t> rang;
    for (std::size_t i = 0; i < 50; ++i) {
      alarms.push_back(std::make_unique<Alarm>(wheel, [&rang, i](Time) { rang.push_back(i); }));
    }
    Time now = start;
    wheel.Run(now);
    tree.Run(now, [](std::size_t) {});
    for (int step = 0; step < 3000; ++step) {
      const std::size_t i = random.Between(0, 49);
      const Time at = random.Between(0, 9) == 0 ? kNever : now + SomeDelay(random);
      alarms[i]->SetDeadline(at);
      tree.Set(i, at);
      if (random.Between(0, 2) != 0) continue;
      now += SomeDelay(random) / 4;
      std::vector<std::size_t> expected;
      tree.Run(now, [&](std::size_t id) { expected.push_back(id); });
      rang.clear();
      wheel.Run(now);
      std::sort(rang.begin(), rang.end());
      std::sort(expected.begin(), expected.end());
      ASSERT_EQ(rang, expected) << start.time_since_epoch().count() << " " << step;
      ASSERT_LE(wheel.next(), tree.next());
      ASSERT_GT(wheel.next(), now);
    }
  }
}

TEST(TimerWheelTest, WhoWakesUpWhenItSaysIsNeverEarlyAndLessThanATickLate) {
  for (const Time start : Starts()) {
    testing::SeededRandom random(7);
    TimerWheel wheel;
    Time now = start;
    wheel.Run(now);
    for (int i = 0; i < 200; ++i) {
      Alarm alarm(wheel);
      const Time at = now + SomeDelay(random);
      alarm.SetDeadline(at);
      int wakes = 0;
      while (alarm.rang.empty()) {
        ASSERT_LE(++wakes, 11) << "no more than one for each level";
        now = wheel.next();
        wheel.Run(now);
      }
      EXPECT_GE(now, at);
      EXPECT_LE(now, at + TimerWheel::kTick);
      EXPECT_EQ(wheel.next(), kNever);
      EXPECT_EQ(alarm.deadline(), kNever);
    }
  }
}

TEST(TimerWheelTest, EachIsCalledOnceInARunThoughItAsksForThePast) {
  TimerWheel wheel;
  Alarm once(wheel), later(wheel);
  Alarm* spinner = nullptr;
  Alarm spins(wheel, [&](Time now) { spinner->SetDeadline(now - 1h); });
  spinner = &spins;
  wheel.Run(Time(10s));
  once.SetDeadline(Time(10s));
  spins.SetDeadline(Time(11s));
  later.SetDeadline(Time(15s));
  wheel.Run(Time(12s));
  wheel.Run(Time(12s));
  EXPECT_EQ(once.rang.size(), 1u);
  EXPECT_EQ(spins.rang.size(), 1u);
  EXPECT_TRUE(later.rang.empty());
  EXPECT_GT(wheel.next(), Time(12s));
  EXPECT_LE(wheel.next(), Time(12s) + TimerWheel::kTick);
  wheel.Run(wheel.next());
  EXPECT_EQ(spins.rang.size(), 2u);
}

TEST(TimerWheelTest, AMemberThatIsCalledMayTakeTheOthersOfItsTickOut) {
  TimerWheel wheel;
  std::vector<std::unique_ptr<Alarm>> alarms;
  std::size_t called = 0;
  const auto ring = [&](Time) {
    ++called;
    // All but the one that is being called.
    for (auto& alarm : alarms) {
      if (alarm->rang.empty()) alarm = std::make_unique<Alarm>(wheel);
    }
  };
  for (int i = 0; i < 5; ++i) {
    alarms.push_back(std::make_unique<Alarm>(wheel, ring));
    alarms.back()->SetDeadline(Time(5s));
  }
  wheel.Run(Time(6s));
  EXPECT_EQ(called, 1u);
  EXPECT_EQ(wheel.next(), kNever);
}

TEST(TimerWheelTest, WakeAtOnlyMakesItEarlier) {
  TimerWheel wheel;
  Alarm alarm(wheel);
  alarm.WakeAt(Time(5s));
  alarm.WakeAt(Time(7s));
  EXPECT_EQ(alarm.deadline(), Time(5s));
  alarm.WakeAt(Time(3s));
  EXPECT_EQ(alarm.deadline(), Time(3s));
  wheel.Run(Time(4s));
  EXPECT_EQ(alarm.rang.size(), 1u);
}

}  // namespace
}  // namespace jb::sfu
