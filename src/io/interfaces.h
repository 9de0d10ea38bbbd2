// SPDX-License-Identifier: Apache-2.0
// The machine's own addresses, for ICE candidates and for telling people where to connect. Any thread.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/socket_address.h"

namespace jb::io {

struct LocalAddress {
  SocketAddress address;  // port 0
  std::string interface;  // "eth0"
  bool loopback = false;
  bool link_local = false;  // 169.254/16, fe80::/10: not usable without a scope
};

// Addresses of interfaces that are up: IPv4 before IPv6, loopback last.
std::vector<LocalAddress> LocalAddresses();

// Whether a TCP server could listen there now; "address_in_use" names the address. For a clear word before
// a child process fails on it; another program may still be faster.
Status<> CheckTcpPort(const SocketAddress& address);

std::string HostName();

}  // namespace jb::io
