// SPDX-License-Identifier: Apache-2.0
// Lets virtual time pass for one sans-IO core, deadline by deadline.
#pragma once

#include <algorithm>

#include "base/time.h"

namespace jb::testing {

// Moves `now` on by `by`. Each deadline of the core that comes on the way is handled at its own time, and
// `after` is called then, to take what came of it.
template <class Core, class After>
void Advance(Core& core, Time& now, Duration by, const After& after) {
  const Time until = now + by;
  while (const auto next = core.NextDeadline()) {
    if (*next > until) break;
    now = std::max(now, *next);
    core.HandleTimeout(now);
    after();
  }
  now = until;
}

}  // namespace jb::testing
