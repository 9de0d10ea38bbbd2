// SPDX-License-Identifier: Apache-2.0
// What the kernel says of a process, from /proc/PID/stat and status (proc(5)). Any thread.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <optional>

#include "base/time.h"

namespace jb::io {

struct ProcessStat {
  char state = 0;  // proc(5): R running, D waiting for a disk, S sleeping, Z ended and not yet asked for, …
  pid_t group = 0;
};

// nullopt: there is no such process.
std::optional<ProcessStat> ReadProcessStat(pid_t pid);

// What a process has used so far, all its threads together. Times come in clock ticks of 10 ms.
struct ProcessUsage {
  Duration user{};
  Duration system{};
  std::size_t rss_kb = 0;
  std::size_t peak_rss_kb = 0;
};
std::optional<ProcessUsage> ReadProcessUsage(pid_t pid);

}  // namespace jb::io
