// SPDX-License-Identifier: Apache-2.0
#include "proto/engineio/types.h"

namespace jb::engineio {

std::string_view ToString(CloseReason reason) {
  switch (reason) {
    case CloseReason::kClientClosed: return "client closed";
    case CloseReason::kServerClosed: return "server closed";
    case CloseReason::kTransport: return "transport close";
    case CloseReason::kPingTimeout: return "ping timeout";
    case CloseReason::kParseError: return "parse error";
    case CloseReason::kProtocolError: return "protocol error";
    case CloseReason::kSlowClient: return "slow client";
  }
  return "unknown";
}

std::string Refusal::Body() const {
  // The messages are ours and need no escaping.
  return "{\"code\":" + std::to_string(code) + ",\"message\":\"" + std::string(message) + "\"}";
}

}  // namespace jb::engineio
