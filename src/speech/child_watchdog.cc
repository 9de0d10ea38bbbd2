// SPDX-License-Identifier: Apache-2.0
#include "speech/child_watchdog.h"

#include <filesystem>
#include <string>

#include "io/clock.h"
#include "io/process_stat.h"

namespace jb::speech {
namespace {

// D waits for a disk, as at the start.
bool IsRunnableIn(pid_t group, pid_t process) {
  const auto stat = io::ReadProcessStat(process);
  return stat && stat->group == group && (stat->state == 'R' || stat->state == 'D');
}

bool AnyRunnable(pid_t group) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    if (IsRunnableIn(group, static_cast<pid_t>(std::stol(name)))) return true;
  }
  return false;
}

}  // namespace

void ChildWatchdog::Watch(pid_t group, Duration quiet, std::function<void()> hung) {
  group_ = group;
  hung_ = std::move(hung);
  since_ = io::Now();
  checks_ = 0;
  timer_.StartIn(quiet, [this] { Check(); });
}

void ChildWatchdog::Check() {
  // The first time only looks again: it may have been us who got no time, with the answer in the pipe.
  const bool patient = ++checks_ == 1 || (io::Now() - since_ < kLongest && AnyRunnable(group_));
  if (patient) return timer_.StartIn(kCheckEvery, [this] { Check(); });
  const auto hung = std::move(hung_);
  hung();
}

}  // namespace jb::speech
