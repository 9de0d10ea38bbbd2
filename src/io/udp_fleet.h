// SPDX-License-Identifier: Apache-2.0
// Many UDP sockets of one loop, each with a port of its own, that share one epoll instance, one receive batch
// and one send batch: a thousand clients of a load generator in one thread, where a UdpSocket each would take
// a quarter of a megabyte of buffers and a turn of the loop. It looks at its sockets every quarter of a millisecond,
// rather than being woken: a sender on the same machine pays for no waking, as it would not with receivers elsewhere.
// Tells when the kernel took each datagram in, so that a delay can be measured without the reader's own. Loop thread;
// must not outlive the loop. RFC 768.
#pragma once

#include <memory>

#include "base/result.h"
#include "base/time.h"
#include "io/udp_socket.h"

namespace jb::io {

class UdpFleet {
 public:
  explicit UdpFleet(Loop& loop);
  ~UdpFleet();  // its sockets fall silent
  UdpFleet(const UdpFleet&) = delete;
  UdpFleet& operator=(const UdpFleet&) = delete;

  // As UdpSocket::Open. What a socket sends leaves when another one of the fleet sends, too.
  Result<std::unique_ptr<UdpSocket>> Open(const SocketAddress& bind, UdpSocket::Handler handler,
                                          const UdpOptions& options = {});
  // Within a handler: when the kernel took the datagram in (SO_TIMESTAMPNS, socket(7)).
  WallTime arrival() const;

  struct Impl;  // for the .cc

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace jb::io
