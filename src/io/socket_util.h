// SPDX-License-Identifier: Apache-2.0
// Between SocketAddress and the kernel's addresses. For the .cc files of jb::io only.
#pragma once

#include <sys/socket.h>

#include "base/result.h"
#include "base/socket_address.h"

namespace jb::io {

// Writes the kernel's form and answers its length; an IPv4 address for an IPv6 socket is mapped.
socklen_t ToSockaddr(const SocketAddress& address, bool socket_is_v6, sockaddr_storage& out);
SocketAddress FromSockaddr(const sockaddr_storage& address);
SocketAddress LocalAddressOf(int fd);

// A non-blocking, close-on-exec socket bound to `address` (IPv6: `v6_only` unless told otherwise). Errors:
// "address_in_use", "bad_address"; the message names the address.
Result<int> OpenBound(const SocketAddress& address, int type, bool v6_only = true);

}  // namespace jb::io
