// SPDX-License-Identifier: Apache-2.0
#include "io/socket_util.h"

#include <netinet/in.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace jb::io {

socklen_t ToSockaddr(const SocketAddress& address, bool socket_is_v6, sockaddr_storage& out) {
  if (!socket_is_v6 && !address.is_v6) {
    auto* v4 = reinterpret_cast<sockaddr_in*>(&out);
    *v4 = {};
    v4->sin_family = AF_INET;
    v4->sin_port = htons(address.port);
    std::memcpy(&v4->sin_addr, address.ip.data(), 4);
    return sizeof *v4;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&out);
  *v6 = {};
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(address.port);
  if (address.is_v6) {
    std::memcpy(v6->sin6_addr.s6_addr, address.ip.data(), 16);
  } else {
    v6->sin6_addr.s6_addr[10] = v6->sin6_addr.s6_addr[11] = 0xff;
    std::memcpy(v6->sin6_addr.s6_addr + 12, address.ip.data(), 4);
  }
  return sizeof *v6;
}

SocketAddress FromSockaddr(const sockaddr_storage& address) {
  std::optional<SocketAddress> out;
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    out = SocketAddress::FromBytes({reinterpret_cast<const std::uint8_t*>(&v4.sin_addr), 4}, ntohs(v4.sin_port));
  } else if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    out = SocketAddress::FromBytes({v6.sin6_addr.s6_addr, 16}, ntohs(v6.sin6_port));
  }
  return out.value_or(SocketAddress{});
}

SocketAddress LocalAddressOf(int fd) {
  sockaddr_storage name{};
  socklen_t size = sizeof name;
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) != 0) return {};
  return FromSockaddr(name);
}

Result<int> OpenBound(const SocketAddress& address, int type, bool v6_only) {
  const int fd = socket(address.is_v6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return Fail("bad_address", "cannot open a socket: " + std::string(std::strerror(errno)));
  const int on = 1;
  if (address.is_v6) {
    const int only = v6_only ? 1 : 0;
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  }
  // For TCP this only lets a restart bind while old connections are in TIME_WAIT.
  if (type == SOCK_STREAM) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_storage name{};
  const socklen_t size = ToSockaddr(address, address.is_v6, name);
  if (bind(fd, reinterpret_cast<const sockaddr*>(&name), size) == 0) return fd;
  const int reason = errno;
  close(fd);
  const char* protocol = type == SOCK_STREAM ? "TCP " : "UDP ";
  if (reason == EADDRINUSE) {
    return Fail("address_in_use", protocol + address.text() + " is taken by another program");
  }
  return Fail("bad_address", std::string("cannot bind ") + protocol + address.text() + ": " + std::strerror(reason));
}

}  // namespace jb::io
