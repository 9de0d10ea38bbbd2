// SPDX-License-Identifier: Apache-2.0
// `jbcalling load`: many headless participants for a while, one JSON report on standard output.
#pragma once

#include "client/load_run.h"

namespace jb::client {

// Blocks. Returns the exit status: 0 only if everybody joined and media flowed to everybody, 2 for unusable options
// and for a server that is not of this machine.
int RunLoad(const LoadOptions& options);

}  // namespace jb::client
