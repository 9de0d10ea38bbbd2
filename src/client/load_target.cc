// SPDX-License-Identifier: Apache-2.0
#include "client/load_target.h"

#include <algorithm>

#include "io/interfaces.h"
#include "io/url.h"

namespace jb::client {

bool IsOfThisMachine(const SocketAddress& address) {
  if (address.is_loopback()) return true;
  const auto locals = io::LocalAddresses();
  return std::any_of(locals.begin(), locals.end(), [&](const io::LocalAddress& local) {
    return local.address.is_v6 == address.is_v6 && local.address.ip == address.ip;
  });
}

Status<> CheckLoadTarget(const std::string& url) {
  const auto parsed = io::ParseUrl(url);
  if (!parsed) return Fail("bad_url", "not an http or https URL: " + url);
  if (parsed->host == "localhost") return kOk;
  const auto address = SocketAddress::Parse(parsed->host, parsed->port);
  if (address && IsOfThisMachine(*address)) return kOk;
  return Fail("not_local", parsed->host + " is no address of this machine and network namespace; load goes nowhere else");
}

}  // namespace jb::client
