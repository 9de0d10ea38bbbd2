// SPDX-License-Identifier: Apache-2.0
// Keeps one child process running: starts it again when it ends, waiting longer each time it ends early.
// Knows only whether the process lives; whether it is healthy its owner asks it. Loop thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "io/child_process.h"
#include "io/loop.h"

namespace jb::io {

enum class SupervisedState : std::uint8_t { kStopped, kRunning, kWaiting, kStopping };

struct SupervisorOptions {
  Duration first_backoff = std::chrono::milliseconds(200);
  Duration max_backoff = std::chrono::seconds(5);
  Duration stable_after = std::chrono::seconds(10);  // a run this long starts the back-off anew
  Duration stop_grace = std::chrono::seconds(2);     // SIGTERM to SIGKILL
};

class Supervisor {
 public:
  Supervisor(Loop& loop, std::string name, ChildOptions child, const SupervisorOptions& options = {});
  ~Supervisor();  // kills the child
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;

  void Start();
  // SIGTERM, then SIGKILL after the grace; `done` runs when the child has gone (never inside Stop).
  void Stop(std::function<void()> done = {});
  // On each change of state.
  void set_on_state(std::function<void(SupervisedState)> fn);

  SupervisedState state() const;
  const std::string& name() const;
  std::uint64_t restarts() const;
  pid_t pid() const;  // 0 when it does not run
  // Why it last ended or failed to start; "" before that.
  const std::string& last_exit() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace jb::io
