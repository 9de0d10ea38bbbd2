// SPDX-License-Identifier: Apache-2.0
// An event loop: one thread runs it, everything in jb::io that was given this loop calls back on that
// thread and is used on that thread only. Does not balance work over threads. Asio stays in the .cc files.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/time.h"
#include "io/clock.h"

namespace jb::io {

class Loop {
 public:
  explicit Loop(std::string name = "main");
  // What is still queued is destroyed without being run.
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Blocks until Stop(). What a callback throws leaves through here: see LoopThread.
  void Run();
  // Any thread.
  void Stop();
  // Runs until `done` holds or `limit` has passed, whichever is first, and answers done(). For tests
  // and short-lived programs; `done` is asked after every callback.
  bool RunUntil(const std::function<bool()>& done, Duration limit);

  // Any thread. Runs `fn` on the loop, after what is queued already. Not bounded: values in numbers go
  // through a Mailbox whose wake function posts.
  void Post(std::function<void()> fn);
  // True on the thread that is inside Run() or RunUntil().
  bool IsCurrent() const;
  // Calls `fn` for each of these signals instead of their default action, until the loop is destroyed.
  // Once per loop; one loop per process.
  void OnSignal(std::initializer_list<int> signals, std::function<void(int)> fn);

  const std::string& name() const;

  struct Impl;  // for the .cc files of jb::io
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

// One deadline at a time; starting it again replaces the earlier one. Loop thread. Must not outlive the loop.
class Timer {
 public:
  explicit Timer(Loop& loop);
  ~Timer();  // cancels
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void StartAt(Time at, std::function<void()> fn);
  void StartIn(Duration delay, std::function<void()> fn);
  // The function of a cancelled or replaced start never runs. It may cancel, restart or destroy its timer.
  void Cancel();
  bool armed() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// A loop on a thread of its own, named (at most 15 characters show in `top -H`).
class LoopThread {
 public:
  // `on_exception`: a callback threw that; called on the thread, as the last thing it does. What lived on the
  // loop is then the caller's to destroy, after Stop(). Without it an exception ends the process.
  explicit LoopThread(std::string name, std::function<void(const std::string& what)> on_exception = {});
  ~LoopThread();  // Stop()
  LoopThread(const LoopThread&) = delete;
  LoopThread& operator=(const LoopThread&) = delete;

  Loop& loop() { return *loop_; }
  // Stops the loop after what was posted before, and joins. What lives on the loop must have been
  // destroyed by then, on it: see RunOn.
  void Stop();
  // Any thread: whether no callback runs any more, or ever will.
  bool ended() const { return ended_.load(std::memory_order_acquire); }
  // What the thread has used of a processor. The caller's thread; zero after Stop().
  Duration CpuTime();

 private:
  void Run();

  const std::function<void(const std::string& what)> on_exception_;
  std::atomic<bool> ended_{false};
  std::unique_ptr<Loop> loop_;
  std::thread thread_;
};

// Runs `fn` on the loop and waits for it. From another thread only; the loop must be running.
void RunOn(Loop& loop, const std::function<void()>& fn);

// Names the calling thread for the debugger and `top -H`.
void SetThreadName(const std::string& name);

// Drives a sans-IO core that has HandleTimeout(Time) and optional<Time> NextDeadline() const, with one
// timer. Call Update() after each mutation (or batch of them). A deadline that moved later costs nothing:
// the timer fires once at the old time and is then armed again. Borrows the loop and the core.
template <class Core>
class Driver {
 public:
  // `after` runs after each HandleTimeout, before the timer is armed again: drain the core's output there.
  Driver(Loop& loop, Core& core, std::function<void()> after = {})
      : timer_(loop), core_(core), after_(std::move(after)) {}

  void Update() {
    const std::optional<Time> next = core_.NextDeadline();
    if (!next || *next == kNever || (timer_.armed() && *next >= armed_for_)) return;
    armed_for_ = *next;
    timer_.StartAt(*next, [this] { Fire(); });
  }

 private:
  void Fire() {
    const Time now = Now();
    if (const std::optional<Time> next = core_.NextDeadline(); next && *next <= now) {
      core_.HandleTimeout(now);
      if (after_) after_();
    }
    Update();
  }

  Timer timer_;
  Core& core_;
  std::function<void()> after_;
  Time armed_for_{};
};

}  // namespace jb::io
