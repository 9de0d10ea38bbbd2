// SPDX-License-Identifier: Apache-2.0
#include "app/ready_message.h"

namespace jb::app {
namespace {

bool IsLoopbackOnly(const std::string& host) {
  const auto address = SocketAddress::Parse(host, 0);
  return host == "localhost" || (address && address->is_loopback());
}

// Where this machine's own browser finds it. Browsers give the microphone to localhost without HTTPS, but who
// listens on one address alone is not found there.
std::string OwnAuthority(const std::string& host, std::uint16_t port) {
  const auto address = SocketAddress::Parse(host, port);
  const bool everywhere = !address || address->is_unspecified();
  const bool at_localhost =
      everywhere || address == SocketAddress::Parse("127.0.0.1", port) || address == SocketAddress::Parse("::1", port);
  return at_localhost ? "localhost:" + std::to_string(port) : address->text();
}

std::vector<std::string> LanUrls(const std::string& host, std::uint16_t port,
                                 const std::vector<io::LocalAddress>& addresses) {
  std::vector<std::string> urls;
  const auto bound = SocketAddress::Parse(host, 0);
  if (IsLoopbackOnly(host) || !bound) return urls;
  for (const io::LocalAddress& local : addresses) {
    const bool reachable = !local.loopback && !local.link_local && (bound->is_v6 || !local.address.is_v6) &&
                           (bound->is_unspecified() || bound->ip == local.address.ip);
    if (!reachable) continue;
    SocketAddress address = local.address;
    address.port = port;
    urls.push_back("https://" + address.text());
  }
  return urls;
}

}  // namespace

std::string ReadyMessage(bool https, const std::string& host, std::uint16_t port,
                         const std::vector<io::LocalAddress>& addresses, const std::vector<std::string>& late) {
  const std::string scheme = https ? "https" : "http";
  std::string out = "JB Calling is ready: " + scheme + "://" + OwnAuthority(host, port) + "\n";
  const auto lan = LanUrls(host, port, addresses);
  if (!lan.empty() && https) {
    out += "On a phone or another computer of this network (accept the certificate once):\n";
    for (const std::string& url : lan) out += "  " + url + "\n";
  } else if (!lan.empty()) {
    out += "Other devices need HTTPS for the microphone: start with --https and open " + lan.front() + "\n";
  }
  for (const std::string& name : late) out += "Still starting: " + name + " (calls work; it joins in when it is up)\n";
  return out;
}

}  // namespace jb::app
