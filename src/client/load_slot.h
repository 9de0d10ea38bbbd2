// SPDX-License-Identifier: Apache-2.0
// A place in a load: one participant at a time. For the load_*.cc files only.
#pragma once

#include <memory>
#include <string>

#include "client/load_run.h"

namespace jb::client {

struct LoadRun::Slot {
  std::string room;
  bool publishes = false;
  std::unique_ptr<LoadClient> client;  // null until its turn to join
  Time scheduled_at = kNever;          // in the wheel
};

}  // namespace jb::client
