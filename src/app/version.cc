// SPDX-License-Identifier: Apache-2.0
#include "app/commands.h"

namespace jb::app {

std::string Version() { return JB_VERSION; }

}  // namespace jb::app
