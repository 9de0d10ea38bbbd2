// SPDX-License-Identifier: Apache-2.0
// One client-side WebRTC transport towards the SFU: ICE, then DTLS as client, then SRTP both ways.
// Does not know what the packets mean, and has no socket: its owner carries datagrams.
// Core: single-threaded, no I/O, no clock. After every mutation: PollTransmit() until nullopt, then
// state() and NextDeadline(). Borrows the Random; shares the immutable certificate.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/json.h"
#include "base/random.h"
#include "base/result.h"
#include "base/socket_address.h"
#include "base/time.h"
#include "client/ice_agent.h"
#include "crypto/dtls.h"
#include "crypto/srtp.h"

namespace jb::client {

// What the server's createTransport answered: mediasoup-client's transport options.
struct RemoteTransport {
  std::string id;
  IceCredentials ice;
  std::vector<IceCandidate> candidates;  // UDP ones
  crypto::Fingerprint fingerprint;
};
// "invalid_transport" when something is missing; names what.
Result<RemoteTransport> ParseRemoteTransport(const json::value& options);

// kDisconnected may become kConnected again by RestartIce(); kFailed and kClosed are final.
enum class PeerState : std::uint8_t { kNew, kConnecting, kConnected, kDisconnected, kFailed, kClosed };

class PeerTransport {
 public:
  PeerTransport(RemoteTransport remote, std::shared_ptr<const crypto::Certificate> certificate, Random& random);

  const std::string& id() const { return remote_.id; }
  // {"role":"client","fingerprints":[…]} for connectTransport.
  json::object DtlsParameters() const;

  void Start(Time now);
  // With the credentials of the server's answer to restartIce.
  void RestartIce(IceCredentials remote, Time now);
  void Close(Time now);

  enum class Kind : std::uint8_t { kNothing, kRtp, kRtcp };
  struct Received {
    Kind kind = Kind::kNothing;
    ByteSpan packet;  // plain; lies in the datagram
  };
  // `datagram` is decrypted in place.
  Received HandleDatagram(const SocketAddress& from, ByteSpan datagram, Time now);

  // Protects the packet in the first `size` bytes of `buffer`, which has room for
  // crypto::SrtpSession::kMaxOverhead more. The owner sends the result to selected(). nullopt: not
  // connected, or refused by SRTP.
  std::optional<ByteView> ProtectRtp(ByteSpan buffer, std::size_t size);
  std::optional<ByteView> ProtectRtcp(ByteSpan buffer, std::size_t size);

  void HandleTimeout(Time now);
  std::optional<Time> NextDeadline() const;
  std::optional<IceAgent::Transmit> PollTransmit();

  PeerState state() const;
  const std::optional<SocketAddress>& selected() const { return ice_.selected(); }
  std::optional<Duration> rtt() const { return ice_.rtt(); }
  // Packets that SRTP refused.
  std::uint64_t rejected() const { return rejected_; }

 private:
  void Advance(Time now);
  Received HandleMedia(ByteSpan datagram, bool rtcp);

  RemoteTransport remote_;
  std::shared_ptr<const crypto::Certificate> certificate_;
  IceAgent ice_;
  crypto::DtlsEndpoint dtls_;
  std::optional<crypto::SrtpSession> srtp_;
  std::uint64_t rejected_ = 0;
};

}  // namespace jb::client
