// SPDX-License-Identifier: Apache-2.0
// fork, limits, exec. For the .cc files of jb::io only.
#pragma once

#include "base/result.h"
#include "io/child_process.h"

namespace jb::io {

// Our ends are non-blocking and close-on-exec; -1 where there is no pipe.
struct SpawnedChild {
  pid_t pid = 0;
  int pidfd = -1;
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
};

// Returns when exec has succeeded or failed: about a millisecond.
Result<SpawnedChild> SpawnChild(const ChildOptions& options);

}  // namespace jb::io
