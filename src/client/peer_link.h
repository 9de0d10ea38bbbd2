// SPDX-License-Identifier: Apache-2.0
// A PeerTransport on a UDP socket of its own, driven by a loop. Loop thread. Borrows the loop and the
// Random; calls back on the loop, never inside a call.
#pragma once

#include <functional>
#include <memory>

#include "base/bytes.h"
#include "base/random.h"
#include "base/result.h"
#include "client/peer_transport.h"
#include "io/loop.h"
#include "io/udp_socket.h"

namespace jb::client {

class PeerLink {
 public:
  struct Handlers {
    // Plain RTP or RTCP; the bytes may be changed in place and are valid during the call.
    std::function<void(PeerTransport::Kind kind, ByteSpan packet, Time now)> on_packet;
    std::function<void(PeerState state)> on_state;
  };

  using OpenSocket = std::function<Result<std::unique_ptr<io::UdpSocket>>(const SocketAddress& bind,
                                                                          io::UdpSocket::Handler handler)>;

  // Takes the candidates of one address family: the one of the best candidate. `open` makes the socket; without it
  // it is an io::UdpSocket of this link alone.
  static Result<std::unique_ptr<PeerLink>> Open(io::Loop& loop, RemoteTransport remote,
                                                std::shared_ptr<const crypto::Certificate> certificate, Random& random,
                                                Handlers handlers, const OpenSocket& open = {});
  PeerLink(const PeerLink&) = delete;
  PeerLink& operator=(const PeerLink&) = delete;

  void Start();
  // Says goodbye to the peer; the socket stays until destruction.
  void Close();
  bool SendRtp(ByteSpan buffer, std::size_t size);
  bool SendRtcp(ByteSpan buffer, std::size_t size);
  // What was sent leaves now and not when the loop's turn ends.
  void Flush() { socket_->Flush(); }

  PeerTransport& transport() { return transport_; }
  bool connected() const { return transport_.state() == PeerState::kConnected; }

 private:
  PeerLink(io::Loop& loop, RemoteTransport remote, std::shared_ptr<const crypto::Certificate> certificate,
           Random& random, Handlers handlers);
  void Drain();

  PeerTransport transport_;
  const Handlers handlers_;
  PeerState reported_ = PeerState::kNew;
  std::unique_ptr<io::UdpSocket> socket_;
  io::Driver<PeerTransport> driver_;
};

}  // namespace jb::client
