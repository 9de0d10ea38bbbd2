// SPDX-License-Identifier: Apache-2.0
// The only two clocks of the program. Cores never include this: they are told the time. Any thread.
#pragma once

#include "base/time.h"

namespace jb::io {

// CLOCK_MONOTONIC.
Time Now();
// CLOCK_REALTIME: only for what leaves the machine.
WallTime WallNow();

}  // namespace jb::io
