// SPDX-License-Identifier: Apache-2.0
#include "client/peer_link.h"

#include <algorithm>
#include <utility>

#include "io/clock.h"

namespace jb::client {

Result<std::unique_ptr<PeerLink>> PeerLink::Open(io::Loop& loop, RemoteTransport remote,
                                                 std::shared_ptr<const crypto::Certificate> certificate, Random& random,
                                                 Handlers handlers, const OpenSocket& open) {
  auto& candidates = remote.candidates;
  const auto best = std::max_element(candidates.begin(), candidates.end(),
                                     [](const auto& a, const auto& b) { return a.priority < b.priority; });
  if (best == candidates.end()) return Fail("invalid_transport", "the server has no candidates");
  const bool v6 = best->address.is_v6;
  std::erase_if(candidates, [&](const IceCandidate& c) { return c.address.is_v6 != v6; });

  std::unique_ptr<PeerLink> link(
      new PeerLink(loop, std::move(remote), std::move(certificate), random, std::move(handlers)));
  SocketAddress any;
  any.is_v6 = v6;
  PeerLink* self = link.get();
  const auto handle = [self](const SocketAddress& from, ByteSpan datagram) {
    const Time now = io::Now();
    const auto received = self->transport_.HandleDatagram(from, datagram, now);
    if (received.kind != PeerTransport::Kind::kNothing) {
      self->handlers_.on_packet(received.kind, received.packet, now);
    } else {
      self->Drain();
    }
  };
  auto socket = open ? open(any, handle) : io::UdpSocket::Open(loop, any, handle);
  if (!socket.ok()) return Fail(socket.error());
  link->socket_ = std::move(socket).value();
  return link;
}

PeerLink::PeerLink(io::Loop& loop, RemoteTransport remote, std::shared_ptr<const crypto::Certificate> certificate,
                   Random& random, Handlers handlers)
    : transport_(std::move(remote), std::move(certificate), random),
      handlers_(std::move(handlers)),
      driver_(loop, transport_, [this] { Drain(); }) {}

void PeerLink::Start() {
  transport_.Start(io::Now());
  Drain();
}

void PeerLink::Close() {
  transport_.Close(io::Now());
  while (const auto out = transport_.PollTransmit()) socket_->Send(out->to, out->datagram);
  socket_->Flush();
}

void PeerLink::Drain() {
  while (const auto out = transport_.PollTransmit()) socket_->Send(out->to, out->datagram);
  driver_.Update();
  const PeerState state = transport_.state();
  if (std::exchange(reported_, state) != state) handlers_.on_state(state);
}

bool PeerLink::SendRtp(ByteSpan buffer, std::size_t size) {
  const auto wire = transport_.ProtectRtp(buffer, size);
  if (wire) socket_->Send(*transport_.selected(), *wire);
  return wire.has_value();
}

bool PeerLink::SendRtcp(ByteSpan buffer, std::size_t size) {
  const auto wire = transport_.ProtectRtcp(buffer, size);
  if (wire) socket_->Send(*transport_.selected(), *wire);
  return wire.has_value();
}

}  // namespace jb::client
