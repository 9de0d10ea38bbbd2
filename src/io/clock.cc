// SPDX-License-Identifier: Apache-2.0
#include "io/clock.h"

namespace jb::io {

Time Now() { return Time(std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now().time_since_epoch())); }

WallTime WallNow() { return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now()); }

}  // namespace jb::io
