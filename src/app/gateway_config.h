// SPDX-License-Identifier: Apache-2.0
// From the program's configuration to the gateway's and to the process's own. For commands_*.cc.
#pragma once

#include "app/config.h"
#include "services/gateway/gateway.h"

namespace jb::app {

services::GatewayConfig GatewayConfigOf(const Config& config);
// What every role does first: the log, and the limit of open files.
void BeginRole(const Config& config, const char* service);

}  // namespace jb::app
