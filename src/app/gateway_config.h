// SPDX-License-Identifier: Apache-2.0
// From the program's configuration to the gateway's. For commands_*.cc.
#pragma once

#include "app/config.h"
#include "services/gateway/gateway.h"

namespace jb::app {

services::GatewayConfig GatewayConfigOf(const Config& config);
void SetLogOf(const Config& config, const char* service);

}  // namespace jb::app
