// SPDX-License-Identifier: Apache-2.0
// One DTLS 1.2 association that agrees on SRTP keys (RFC 5764). Sans-IO: datagrams and `now` go in,
// datagrams and a state come out. It carries no application data and knows nothing of ICE: the caller
// feeds it only datagrams from an address that passed an authenticated connectivity check, and sends
// its datagrams only there.
//
// Rule of use: one mutation, then PollTransmit() until false, then read state() and NextDeadline().
// Single-threaded, whoever drives it. RFC 6347, RFC 5764, RFC 8122, RFC 8827 section 6.5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/bytes.h"
#include "base/time.h"
#include "crypto/certificate.h"

namespace jb::crypto {

enum class DtlsRole : std::uint8_t { kServer, kClient };

// kFailed and kClosed are final. kConnected is reached only with the peer's certificate matching the
// fingerprint and an SRTP profile agreed.
enum class DtlsState : std::uint8_t { kNew, kConnecting, kConnected, kFailed, kClosed };

// The numbers are the DTLS-SRTP protection profiles of the IANA registry.
enum class SrtpProfile : std::uint16_t {
  kAes128CmSha1_80 = 0x0001,
  kAeadAes128Gcm = 0x0007,
  kAeadAes256Gcm = 0x0008,
};

// Master keys and salts; `local` protects what we send. Salt: 14 bytes for kAes128CmSha1_80, else 12.
struct SrtpKeys {
  SrtpProfile profile = SrtpProfile::kAeadAes128Gcm;
  Bytes local_key;
  Bytes local_salt;
  Bytes remote_key;
  Bytes remote_salt;
};

// As signaled: algorithm "sha-256" (also sha-1, sha-224, sha-384, sha-512), value "AB:CD:…" in either
// case. An unknown algorithm or a malformed value matches no certificate.
struct Fingerprint {
  std::string algorithm;
  std::string value;
};

struct DtlsOptions {
  // UDP payload bytes of the largest datagram sent; 1200 fits every path WebRTC is used on.
  std::size_t max_datagram_size = 1200;
  // From the first flight we send to kConnected. Then a client fails; a server drops that handshake and
  // listens on, unless it was finished and only the fingerprint never came: then it fails too.
  Duration handshake_limit = std::chrono::seconds(30);
  // OpenSSL's names, ours first. The server's order decides.
  std::string srtp_profiles = "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80";
};

// Plain counts, for metrics and tests.
struct DtlsStats {
  std::uint64_t datagrams_in = 0;
  std::uint64_t records_dropped = 0;  // refused before the TLS library saw them
  std::uint64_t resets = 0;           // handshakes thrown away after a fatal error
  std::uint64_t muted = 0;            // handshakes not begun while the reset budget was spent
  std::uint64_t retransmits = 0;      // flights sent again
};

class DtlsEndpoint {
 public:
  DtlsEndpoint(DtlsRole role, std::shared_ptr<const Certificate> certificate, DtlsOptions options = {});
  ~DtlsEndpoint();
  DtlsEndpoint(DtlsEndpoint&&) noexcept;
  DtlsEndpoint& operator=(DtlsEndpoint&&) noexcept;

  // May come before, during or after the handshake bytes, once; later calls are ignored. Without it no
  // key is exported. A mismatch ends in kFailed, unless the server has another handshake under way.
  void SetRemoteFingerprint(const Fingerprint& fingerprint);

  // Client: sends the ClientHello. Server: optional, it listens from the start.
  void Start(Time now);

  // Garbage, replays and unauthenticated alerts are dropped. A fatal error before the verified handshake
  // throws that handshake away (at most 8 times in 10 s), because anyone who can spoof the peer's address can
  // cause it. For the same reason a server follows up to three different ClientHellos at once: the first to
  // finish with the promised certificate wins.
  void HandlePacket(ByteView datagram, Time now);
  void HandleTimeout(Time now);
  // nullopt: nothing to wait for.
  std::optional<Time> NextDeadline() const;

  // Moves the next datagram into `datagram`; false when there is none.
  bool PollTransmit(Bytes& datagram);

  // Sends close_notify once connected; then kClosed. No-op in a final state.
  void Close(Time now);

  DtlsRole role() const;
  DtlsState state() const;
  // Only in kConnected (checked).
  const SrtpKeys& keys() const;
  const DtlsStats& stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace jb::crypto
