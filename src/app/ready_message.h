// SPDX-License-Identifier: Apache-2.0
// What `serve` prints when it can be used. Pure.
#pragma once

#include <string>
#include <vector>

#include "io/interfaces.h"

namespace jb::app {

// `host` is the address listened on; `late`: services that do not answer yet.
std::string ReadyMessage(bool https, const std::string& host, std::uint16_t port,
                         const std::vector<io::LocalAddress>& addresses, const std::vector<std::string>& late);

}  // namespace jb::app
