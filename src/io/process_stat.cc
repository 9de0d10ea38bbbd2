// SPDX-License-Identifier: Apache-2.0
#include "io/process_stat.h"

#include <cstdio>
#include <fstream>
#include <string>

namespace jb::io {

// proc(5): "pid (name) state ppid pgrp …"; the name may hold anything, brackets too.
std::optional<ProcessStat> ReadProcessStat(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  ProcessStat stat;
  int parent = 0;
  const std::size_t end = line.rfind(')');
  if (end != std::string::npos) std::sscanf(line.c_str() + end + 1, " %c %d %d", &stat.state, &parent, &stat.group);
  return stat;
}

}  // namespace jb::io
