// SPDX-License-Identifier: Apache-2.0
// Where a load may go: to this machine, seen from this network namespace, and nowhere else. A generator of load is a
// generator of attacks when it is pointed at somebody. Any thread.
#pragma once

#include <string>

#include "base/result.h"
#include "base/socket_address.h"

namespace jb::client {

// A loopback address, or one that an interface of this network namespace has.
bool IsOfThisMachine(const SocketAddress& address);

// "not_local": the host of `url` is a name other than localhost, or an address that is not of this machine.
// "bad_url": it is no URL. Looks nothing up.
Status<> CheckLoadTarget(const std::string& url);

}  // namespace jb::client
