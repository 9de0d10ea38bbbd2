// SPDX-License-Identifier: Apache-2.0
#include "client/peer_transport.h"

#include <utility>

#include "proto/demux.h"

namespace jb::client {
namespace {

using crypto::DtlsState;

// Candidates whose address is a name, or that need TCP, are passed over.
std::optional<IceCandidate> ParseCandidate(const json::value& candidate) {
  const auto protocol = GetString(candidate, "protocol");
  auto ip = GetString(candidate, "address");
  if (!ip) ip = GetString(candidate, "ip");
  const auto port = GetInt(candidate, "port");
  if (!protocol || *protocol != "udp" || !ip || !port || *port < 1 || *port > 65535) return std::nullopt;
  const auto address = SocketAddress::Parse(*ip, static_cast<std::uint16_t>(*port));
  if (!address) return std::nullopt;
  return IceCandidate{*address, static_cast<std::uint32_t>(GetInt(candidate, "priority").value_or(0))};
}

Failure<Error> Missing(const char* what) {
  return Fail("invalid_transport", std::string("the server's transport has no ") + what);
}

// Not AEAD_AES_256_GCM, which other servers (mediasoup, Janus) would choose over what ours does: what is compared with
// them is forwarding, with one cipher for all.
constexpr const char* kOfferedProfiles = "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80";

}  // namespace

Result<RemoteTransport> ParseRemoteTransport(const json::value& options) {
  RemoteTransport out;
  const auto id = GetString(options, "id");
  const json::value* ice = GetMember(options, "iceParameters");
  const auto ufrag = ice ? GetString(*ice, "usernameFragment") : std::nullopt;
  const auto password = ice ? GetString(*ice, "password") : std::nullopt;
  if (!id) return Missing("id");
  if (!ufrag || !password) return Missing("iceParameters");
  out.id = *id;
  out.ice = {std::string(*ufrag), std::string(*password)};
  if (const json::array* candidates = GetArray(options, "iceCandidates")) {
    for (const json::value& candidate : *candidates) {
      if (const auto parsed = ParseCandidate(candidate)) out.candidates.push_back(*parsed);
    }
  }
  if (out.candidates.empty()) return Missing("UDP candidate with a numeric address");
  const json::value* dtls = GetMember(options, "dtlsParameters");
  const json::array* fingerprints = dtls ? GetArray(*dtls, "fingerprints") : nullptr;
  if (!fingerprints || fingerprints->empty()) return Missing("DTLS fingerprint");
  // As mediasoup-client: of several the last one counts.
  const json::value& fingerprint = fingerprints->back();
  out.fingerprint = {std::string(GetString(fingerprint, "algorithm").value_or("")),
                     std::string(GetString(fingerprint, "value").value_or(""))};
  return out;
}

PeerTransport::PeerTransport(RemoteTransport remote, std::shared_ptr<const crypto::Certificate> certificate,
                             Random& random)
    : remote_(std::move(remote)),
      certificate_(std::move(certificate)),
      ice_(random),
      dtls_(crypto::DtlsRole::kClient, certificate_, {.srtp_profiles = kOfferedProfiles}) {
  dtls_.SetRemoteFingerprint(remote_.fingerprint);
}

json::object PeerTransport::DtlsParameters() const {
  json::array fingerprints;
  fingerprints.push_back(json::object{{"algorithm", "sha-256"}, {"value", certificate_->fingerprint_sha256()}});
  return {{"role", "client"}, {"fingerprints", std::move(fingerprints)}};
}

void PeerTransport::Start(Time now) { ice_.Start(remote_.ice, remote_.candidates, now); }

void PeerTransport::RestartIce(IceCredentials remote, Time now) {
  remote_.ice = std::move(remote);
  ice_.Start(remote_.ice, remote_.candidates, now);
}

void PeerTransport::Close(Time now) { dtls_.Close(now); }

PeerTransport::Received PeerTransport::HandleDatagram(const SocketAddress& from, ByteSpan datagram, Time now) {
  const proto::PacketKind kind = proto::Classify(datagram);
  if (kind == proto::PacketKind::kStun) {
    ice_.HandlePacket(from, datagram, now);
    Advance(now);
    return {};
  }
  if (from != ice_.selected()) return {};  // nobody else has proved anything
  switch (kind) {
    case proto::PacketKind::kDtls:
      dtls_.HandlePacket(datagram, now);
      Advance(now);
      return {};
    case proto::PacketKind::kRtp: return HandleMedia(datagram, /*rtcp=*/false);
    case proto::PacketKind::kRtcp: return HandleMedia(datagram, /*rtcp=*/true);
    default: return {};
  }
}

PeerTransport::Received PeerTransport::HandleMedia(ByteSpan datagram, bool rtcp) {
  if (!srtp_) return {};
  const auto size = rtcp ? srtp_->UnprotectRtcp(datagram) : srtp_->UnprotectRtp(datagram);
  if (!size.ok()) {
    ++rejected_;
    return {};
  }
  return {rtcp ? Kind::kRtcp : Kind::kRtp, datagram.first(*size)};
}

// DTLS begins when there is a way for it, and SRTP when DTLS has its keys.
void PeerTransport::Advance(Time now) {
  if (ice_.selected() && dtls_.state() == DtlsState::kNew) dtls_.Start(now);
  if (!srtp_ && dtls_.state() == DtlsState::kConnected) srtp_.emplace(dtls_.keys());
}

std::optional<ByteView> PeerTransport::ProtectRtp(ByteSpan buffer, std::size_t size) {
  if (state() != PeerState::kConnected) return std::nullopt;
  const auto protected_size = srtp_->ProtectRtp(buffer, size);
  if (!protected_size.ok()) return std::nullopt;
  return buffer.first(*protected_size);
}

std::optional<ByteView> PeerTransport::ProtectRtcp(ByteSpan buffer, std::size_t size) {
  if (state() != PeerState::kConnected) return std::nullopt;
  const auto protected_size = srtp_->ProtectRtcp(buffer, size);
  if (!protected_size.ok()) return std::nullopt;
  return buffer.first(*protected_size);
}

void PeerTransport::HandleTimeout(Time now) {
  ice_.HandleTimeout(now);
  dtls_.HandleTimeout(now);
  Advance(now);
}

std::optional<Time> PeerTransport::NextDeadline() const {
  const auto a = ice_.NextDeadline();
  const auto b = dtls_.NextDeadline();
  if (!a || !b) return a ? a : b;
  return std::min(*a, *b);
}

std::optional<IceAgent::Transmit> PeerTransport::PollTransmit() {
  if (auto check = ice_.Poll()) return check;
  Bytes datagram;
  while (dtls_.PollTransmit(datagram)) {
    // Without consent nothing leaves but checks (RFC 7675 section 5.1); DTLS repeats itself later.
    if (ice_.selected()) return IceAgent::Transmit{*ice_.selected(), std::move(datagram)};
  }
  return std::nullopt;
}

PeerState PeerTransport::state() const {
  switch (dtls_.state()) {
    case DtlsState::kFailed: return PeerState::kFailed;
    case DtlsState::kClosed: return PeerState::kClosed;
    case DtlsState::kNew:
    case DtlsState::kConnecting:
    case DtlsState::kConnected: break;
  }
  switch (ice_.state()) {
    case IceState::kNew: return PeerState::kNew;
    case IceState::kFailed: return PeerState::kFailed;
    case IceState::kDisconnected: return PeerState::kDisconnected;
    case IceState::kChecking:
    case IceState::kConnected: break;
  }
  const bool ready = srtp_.has_value() && ice_.selected().has_value();
  return ready ? PeerState::kConnected : PeerState::kConnecting;
}

}  // namespace jb::client
