// SPDX-License-Identifier: Apache-2.0
#include "io/interfaces.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <tuple>

#include "io/socket_util.h"

namespace jb::io {
namespace {

std::optional<SocketAddress> AddressOf(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    return SocketAddress::FromBytes({reinterpret_cast<const std::uint8_t*>(&v4->sin_addr), 4}, 0);
  }
  if (address->sa_family == AF_INET6) {
    const auto* v6 = reinterpret_cast<const sockaddr_in6*>(address);
    return SocketAddress::FromBytes({v6->sin6_addr.s6_addr, 16}, 0);
  }
  return std::nullopt;
}

bool IsLinkLocal(const SocketAddress& a) {
  return a.is_v6 ? a.ip[0] == 0xfe && (a.ip[1] & 0xc0) == 0x80 : a.ip[0] == 169 && a.ip[1] == 254;
}

}  // namespace

std::vector<LocalAddress> LocalAddresses() {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) return {};
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(list, &freeifaddrs);
  std::vector<LocalAddress> out;
  for (const ifaddrs* entry = list; entry; entry = entry->ifa_next) {
    if (!entry->ifa_addr || !(entry->ifa_flags & IFF_UP)) continue;
    const auto address = AddressOf(entry->ifa_addr);
    if (!address) continue;
    out.push_back({*address, entry->ifa_name, address->is_loopback(), IsLinkLocal(*address)});
  }
  std::stable_sort(out.begin(), out.end(), [](const LocalAddress& a, const LocalAddress& b) {
    return std::tuple(a.loopback, a.address.is_v6) < std::tuple(b.loopback, b.address.is_v6);
  });
  return out;
}

Status<> CheckTcpPort(const SocketAddress& address) {
  JB_TRY(const int fd, OpenBound(address, SOCK_STREAM));
  const bool free = listen(fd, 1) == 0;
  close(fd);
  if (free) return kOk;
  return Fail("address_in_use", "TCP " + address.text() + " is taken by another program");
}

std::string HostName() {
  char name[256] = "";
  if (gethostname(name, sizeof name - 1) != 0) return "localhost";
  return name;
}

}  // namespace jb::io
