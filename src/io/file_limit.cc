// SPDX-License-Identifier: Apache-2.0
#include "io/file_limit.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>

namespace jb::io {
namespace {

constexpr rlim_t kMost = 1 << 20;  // the kernel's own default bound, fs.nr_open

std::atomic<std::uint64_t> g_inherited{0};  // 0: never raised

}  // namespace

std::uint64_t FileLimit() {
  rlimit limit{};
  return getrlimit(RLIMIT_NOFILE, &limit) == 0 ? limit.rlim_cur : 0;
}

std::uint64_t RaiseFileLimit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  const rlim_t before = limit.rlim_cur;
  limit.rlim_cur = std::max(before, std::min(limit.rlim_max, kMost));
  if (limit.rlim_cur > before && setrlimit(RLIMIT_NOFILE, &limit) == 0) g_inherited = before;
  return FileLimit();
}

std::uint64_t InheritedFileLimit() {
  const std::uint64_t inherited = g_inherited;
  return inherited != 0 ? inherited : FileLimit();
}

}  // namespace jb::io
