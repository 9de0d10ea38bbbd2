// SPDX-License-Identifier: Apache-2.0
// Tells a child that hangs from one that waits for a processor. On a machine with more to do than it can,
// both are silent, and killing the second makes the machine do its start all over again. Loop thread.
#pragma once

#include <sys/types.h>

#include <functional>

#include "base/time.h"
#include "io/loop.h"

namespace jb::speech {

class ChildWatchdog {
 public:
  explicit ChildWatchdog(io::Loop& loop) : timer_(loop) {}

  // Calls `hung` when `quiet` has passed and then nobody of the process group can run; in any case after
  // kLongest. Starting it again, as for each sign of life, replaces the earlier watch.
  void Watch(pid_t group, Duration quiet, std::function<void()> hung);
  void Cancel() { timer_.Cancel(); }

 private:
  void Check();

  static constexpr Duration kCheckEvery = std::chrono::seconds(1);
  static constexpr Duration kLongest = std::chrono::minutes(2);

  io::Timer timer_;
  pid_t group_ = 0;
  std::function<void()> hung_;
  Time since_{};
  int checks_ = 0;
};

}  // namespace jb::speech
