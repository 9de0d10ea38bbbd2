// SPDX-License-Identifier: Apache-2.0
// Private to src/crypto: the ciphers of SRTP and SRTCP, one object per direction and kind of packet.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "crypto/dtls.h"
#include "crypto/srtp.h"

namespace jb::crypto {

enum class SrtpKind : std::uint8_t { kRtp, kRtcp };

// RTP: 2^16 * rollover counter + sequence number (48 bits). RTCP: the 31-bit SRTCP index.
struct PacketPosition {
  std::uint32_t ssrc;
  std::uint64_t index;
};

// The last four bytes of the header part of an SRTCP packet's authentication: the E flag and the index.
constexpr std::uint32_t kSrtcpEncrypted = 0x80000000u;

using CounterBlock = std::array<std::uint8_t, 16>;

// AES-128-CM and HMAC-SHA1-80 of packets under several keys at once: a hash is a chain of dependent steps, so
// that one message leaves most of the processor idle.
class CounterModeLanes {
 public:
  // Private to the implementation: the two keys, expanded.
  class Key {
   public:
    virtual ~Key() = default;
  };
  virtual ~CounterModeLanes() = default;
  // Encrypts all of `packet` behind its header and writes the tag of it and `rollover` behind the end.
  virtual void Submit(const Key& key, const CounterBlock& start, ByteSpan packet, std::size_t header_size,
                      std::uint32_t rollover) = 0;
  virtual void Finish() = 0;
};
// nullptr when HasIpsecMb() is false: packets are then sealed one by one.
std::unique_ptr<CounterModeLanes> MakeIpsecMbLanes();
std::unique_ptr<CounterModeLanes::Key> MakeIpsecMbLaneKey(ByteView encryption, ByteView authentication);

class SrtpTransform {
 public:
  virtual ~SrtpTransform() = default;
  virtual std::size_t tag_size() const = 0;

  // Encrypts `plain` to `sealed`, which follows `header` in memory and is either where `plain` is or apart
  // from it, and writes tag_size() bytes to `tag`. `header` is authenticated.
  virtual void Seal(PacketPosition at, ByteView header, ByteView plain, std::uint8_t* sealed, std::uint8_t* tag) = 0;
  // As Seal, with `tag` behind the sealed bytes; all of it may be done only with lanes->Finish(), until which the
  // memory of all parameters must last.
  virtual void SealLater(CounterModeLanes* lanes, PacketPosition at, ByteView header, ByteView plain,
                         std::uint8_t* sealed);

  // Undoes Seal when the tag is right. When it is not, `payload` is unspecified until Restore().
  [[nodiscard]] virtual bool Open(PacketPosition at, ByteView header, ByteSpan payload, const std::uint8_t* tag) = 0;

  // After a failed Open with the same arguments: the payload as it was, to try another position.
  virtual void Restore(PacketPosition at, ByteView header, ByteSpan payload) = 0;
};

// RFC 3711 section 4.3 with a key derivation rate of 0, RFC 7714 section 11.
enum class SrtpKeyLabel : std::uint8_t {
  kRtpEncryption = 0,
  kRtpAuthentication = 1,
  kRtpSalt = 2,
  kRtcpEncryption = 3,
  kRtcpAuthentication = 4,
  kRtcpSalt = 5,
};
Bytes DeriveSrtpKey(ByteView master_key, ByteView master_salt, SrtpKeyLabel label, std::size_t size);

std::unique_ptr<SrtpTransform> MakeSrtpTransform(SrtpProfile profile, SrtpKind kind, ByteView master_key,
                                                 ByteView master_salt, SrtpBackend backend);

// RFC 7714 sections 8.1 and 9.1: one rule for both kinds, since 48 bits hold either index.
using GcmNonce = std::array<std::uint8_t, 12>;
using GcmSalt = std::array<std::uint8_t, 12>;
GcmNonce MakeGcmNonce(const GcmSalt& salt, PacketPosition at);

// AES-GCM over one key. The two implementations are interchangeable.
class Gcm {
 public:
  virtual ~Gcm() = default;
  // `sealed` is where `text` is, or apart from it.
  virtual void Seal(const GcmNonce& nonce, ByteView aad, ByteView text, std::uint8_t* sealed, std::uint8_t* tag) = 0;
  virtual bool Open(const GcmNonce& nonce, ByteView aad, ByteSpan text, const std::uint8_t* tag) = 0;
};
inline constexpr std::size_t kGcmTagSize = 16;
std::unique_ptr<Gcm> MakeOpenSslGcm(ByteView key);
// nullptr when HasIpsecMb() is false.
std::unique_ptr<Gcm> MakeIpsecMbGcm(ByteView key);

}  // namespace jb::crypto
