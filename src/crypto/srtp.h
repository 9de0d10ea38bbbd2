// SPDX-License-Identifier: Apache-2.0
// SRTP and SRTCP of one transport, both directions, in place: AES_CM_128_HMAC_SHA1_80 (RFC 3711) and
// AEAD_AES_128_GCM / AEAD_AES_256_GCM (RFC 7714). No MKI, no rekeying, no encrypted header extensions.
//
// Single-threaded, whoever drives it. After the first packet of an SSRC nothing is allocated.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>

#include "base/bytes.h"
#include "base/result.h"
#include "crypto/dtls.h"

namespace jb::crypto {

enum class SrtpError : std::uint8_t {
  kMalformed,     // too short, not RTP/RTCP, lengths that do not add up
  kNoRoom,        // Protect: the buffer cannot take the tag
  kAuthFailed,    // tag wrong: not the peer, or damaged
  kReplayed,      // Unprotect: seen before. Protect: this sequence number was already sent
  kTooOld,        // behind the window
  kTooManySsrcs,  // Protect: kMaxSendSsrcs reached
  kExhausted,     // 2^48 RTP or 2^31 RTCP packets under one key
};

// The faster one is chosen at run time; both give equal bytes.
enum class SrtpBackend : std::uint8_t { kAuto, kOpenSsl, kIpsecMb };
bool HasIpsecMb();  // built in, and this CPU can run it

class SrtpTransform;   // private to src/crypto
struct SrtpSendStream;  // private to src/crypto: the sending side of one SSRC

// The right to seal one packet under one number of one SSRC. It cannot be copied and is used up: no two packets
// ever share a nonce, whatever lies between taking the number and sealing. Must not outlive its session.
class SrtpTicket {
 public:
  SrtpTicket() = default;
  SrtpTicket(SrtpTicket&& other) noexcept
      : transform_(std::exchange(other.transform_, nullptr)), ssrc_(other.ssrc_), index_(other.index_) {}
  SrtpTicket& operator=(SrtpTicket&& other) noexcept {
    transform_ = std::exchange(other.transform_, nullptr);
    ssrc_ = other.ssrc_;
    index_ = other.index_;
    return *this;
  }
  explicit operator bool() const { return transform_ != nullptr; }

 private:
  friend class SrtpSession;
  friend class SrtpBatch;
  SrtpTransform* transform_ = nullptr;
  std::uint32_t ssrc_ = 0;
  std::uint64_t index_ = 0;  // RFC 3711 section 3.3.1: 2^16 * rollover counter + sequence number
};

class SrtpSession {
 public:
  // What Protect* adds at most: 16 bytes of tag, and for RTCP 4 of index.
  static constexpr std::size_t kMaxOverhead = 20;
  // Packets behind the newest that are still accepted (RFC 3711 section 3.3.2 asks for at least 64).
  static constexpr std::size_t kReplayWindow = 1024;
  static constexpr std::size_t kMaxReceiveSsrcs = 256;
  static constexpr std::size_t kMaxSendSsrcs = 8192;

  explicit SrtpSession(const SrtpKeys& keys, SrtpBackend backend = SrtpBackend::kAuto);
  ~SrtpSession();
  SrtpSession(SrtpSession&&) noexcept;
  SrtpSession& operator=(SrtpSession&&) noexcept;

  // The first `size` bytes of `buffer` are the packet; `buffer` has room for kMaxOverhead more. Returns
  // the new size. On failure the packet is as it was.
  //
  // An RTP sequence number of an SSRC is protected once: a second packet under the same nonce would
  // give away the key, so it is refused with kReplayed. Resend through RTX, or resend the protected
  // bytes. For the same reason an SSRC must not be used anew with other numbers on this transport.
  Result<std::size_t, SrtpError> ProtectRtp(ByteSpan buffer, std::size_t size);
  Result<std::size_t, SrtpError> ProtectRtcp(ByteSpan buffer, std::size_t size);

  // ProtectRtp in two steps, for senders of many packets: the stream is found once, a number is taken for
  // each packet under the rules above, and SrtpBatch seals. The stream is valid until RetireSendSsrc.
  Result<SrtpSendStream*, SrtpError> OpenSendStream(std::uint32_t ssrc);
  Result<SrtpTicket, SrtpError> TakeNumber(SrtpSendStream& stream, std::uint16_t sequence_number);

  // Returns the size of the plain packet at the start of `packet`. Nothing about the packet may be
  // believed before this succeeded; on failure its bytes are unspecified and must be dropped.
  //
  // State for an SSRC comes into being with its first authentic packet, whose rollover counter may be
  // 0 or 1 (the packets before the wrap may have been lost). When kMaxReceiveSsrcs are known, the one
  // that was silent the longest makes room.
  Result<std::size_t, SrtpError> UnprotectRtp(ByteSpan packet);
  Result<std::size_t, SrtpError> UnprotectRtcp(ByteSpan packet);

  // Frees the receive state of an SSRC that ended (BYE, producer closed). Send state is kept: see above.
  void ForgetSsrc(std::uint32_t ssrc);
  // Frees the send state of an SSRC. The caller vouches that it never sends under it again.
  void RetireSendSsrc(std::uint32_t ssrc);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace jb::crypto
