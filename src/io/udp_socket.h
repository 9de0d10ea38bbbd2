// SPDX-License-Identifier: Apache-2.0
// One bound UDP socket, IPv4 or IPv6, read and written in batches (recvmmsg, sendmmsg). Knows nothing of
// what the datagrams hold. Loop thread. RFC 768.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/bytes.h"
#include "base/result.h"
#include "base/socket_address.h"
#include "io/loop.h"

namespace jb::io {

// Larger datagrams are dropped and counted: media never exceeds an Ethernet MTU by much.
inline constexpr std::size_t kMaxDatagram = 2048;  // bytes

struct UdpOptions {
  int receive_buffer = 4 << 20;  // bytes of SO_RCVBUF: 100 ms at 300 Mbit/s; the kernel may grant less
  int send_buffer = 4 << 20;     // bytes of SO_SNDBUF
};

struct UdpStats {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::uint64_t oversized = 0;     // arrived larger than kMaxDatagram
  std::uint64_t send_dropped = 0;  // the kernel's buffer was full, or the destination is unreachable
};

// Borrowed for the call.
struct UdpOutgoing {
  const SocketAddress* to = nullptr;
  ByteView bytes;
};
struct UdpIncoming {
  SocketAddress from;
  ByteSpan bytes;
};

class UdpSocket {
 public:
  // `datagram` may be changed in place (decryption); it is valid during the call.
  using Handler = std::function<void(const SocketAddress& from, ByteSpan datagram)>;
  // All that was read at once, in the order of arrival; as above.
  using BatchHandler = std::function<void(std::span<const UdpIncoming> datagrams)>;

  // Port 0 picks a free one. An IPv6 socket does not take IPv4. "address_in_use" names the address.
  static Result<std::unique_ptr<UdpSocket>> Open(Loop& loop, const SocketAddress& bind, Handler handler,
                                                 const UdpOptions& options = {});
  static Result<std::unique_ptr<UdpSocket>> OpenBatched(Loop& loop, const SocketAddress& bind, BatchHandler handler,
                                                        const UdpOptions& options = {});
  virtual ~UdpSocket() = default;  // the handler is never called again

  // Copies into the batch, which leaves when it holds 64, when Flush() is called, or when the loop turn
  // that began it ends. Never blocks: what the kernel does not take is dropped and counted.
  virtual void Send(const SocketAddress& to, ByteView datagram) = 0;
  virtual void Flush() = 0;
  // Sends what waits in the batch and then all of these, from where they lie: nothing is copied and nothing waits.
  // Datagrams of equal size to one destination that stand together cost the kernel little more than one.
  virtual void SendAll(std::span<const UdpOutgoing> datagrams) = 0;
  // Runs after each batch of handler calls: the place to drain a core and to re-arm its timer once.
  virtual void set_on_batch_end(std::function<void()> fn) = 0;

  virtual const SocketAddress& local_address() const = 0;
  virtual const UdpStats& stats() const = 0;
};

}  // namespace jb::io
