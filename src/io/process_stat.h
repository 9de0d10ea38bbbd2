// SPDX-License-Identifier: Apache-2.0
// What the kernel says of a process, from /proc/PID/stat. Any thread.
#pragma once

#include <sys/types.h>

#include <optional>

namespace jb::io {

struct ProcessStat {
  char state = 0;  // proc(5): R running, D waiting for a disk, S sleeping, Z ended and not yet asked for, …
  pid_t group = 0;
};

// nullopt: there is no such process.
std::optional<ProcessStat> ReadProcessStat(pid_t pid);

}  // namespace jb::io
