// SPDX-License-Identifier: Apache-2.0
#include "io/process_stat.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace jb::io {

namespace {

Duration FromTicks(unsigned long long ticks) {
  static const long per_second = sysconf(_SC_CLK_TCK);
  return std::chrono::microseconds(ticks * 1'000'000 / static_cast<unsigned long long>(per_second));
}

std::optional<std::string> ReadStatLine(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string line;
  if (!std::getline(in, line)) return std::nullopt;
  return line;
}

// "VmRSS:	   12345 kB"
void ReadMemory(pid_t pid, ProcessUsage& usage) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(in, line);) {
    std::sscanf(line.c_str(), "VmRSS: %zu", &usage.rss_kb);
    std::sscanf(line.c_str(), "VmHWM: %zu", &usage.peak_rss_kb);
  }
}

}  // namespace

// proc(5): "pid (name) state ppid pgrp …"; the name may hold anything, brackets too.
std::optional<ProcessStat> ReadProcessStat(pid_t pid) {
  const auto line = ReadStatLine(pid);
  if (!line) return std::nullopt;
  ProcessStat stat;
  int parent = 0;
  const std::size_t end = line->rfind(')');
  if (end != std::string::npos) std::sscanf(line->c_str() + end + 1, " %c %d %d", &stat.state, &parent, &stat.group);
  return stat;
}

// proc(5): utime and stime are the fields 14 and 15, the 12th and 13th after the name.
std::optional<ProcessUsage> ReadProcessUsage(pid_t pid) {
  const auto line = ReadStatLine(pid);
  const std::size_t end = line ? line->rfind(')') : std::string::npos;
  if (end == std::string::npos) return std::nullopt;
  ProcessUsage usage;
  unsigned long long user = 0, system = 0;
  if (std::sscanf(line->c_str() + end + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) !=
      2) {
    return std::nullopt;
  }
  usage.user = FromTicks(user);
  usage.system = FromTicks(system);
  ReadMemory(pid, usage);
  return usage;
}

}  // namespace jb::io
