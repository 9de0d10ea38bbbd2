// SPDX-License-Identifier: Apache-2.0
// Private to src/crypto: one handshake of a DtlsEndpoint, from its ClientHello on: the TLS library's object,
// and the flight that is repeated until the other side goes on. Knows no timers but its own; the endpoint
// decides what is sent, and which attempt wins.
#pragma once

#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "crypto/datagram_pipe.h"
#include "crypto/dtls.h"
#include "crypto/openssl_ptr.h"

namespace jb::crypto {

class DtlsAttempt {
 public:
  // `hello`: what a server answers, as ClientHellos made it; a client has none.
  DtlsAttempt(DtlsRole role, const Certificate& certificate, const DtlsOptions& options, Bytes hello = {});
  DtlsAttempt(const DtlsAttempt&) = delete;
  DtlsAttempt& operator=(const DtlsAttempt&) = delete;

  const Bytes& hello() const { return hello_; }
  bool done() const { return done_; }

  enum class Progress : std::uint8_t { kGoesOn, kDone, kFailed };
  // Until it is done.
  Progress Handshake(ByteView records);
  enum class Reading : std::uint8_t { kGoesOn, kClosed, kBroken };
  // After. There is no application data in our use; what comes is decrypted and discarded, for the alerts in it.
  Reading Read(ByteView records);
  void WriteCloseNotify();
  // nullopt: the peer's certificate is not the expected one, or no profile was agreed.
  std::optional<SrtpKeys> KeysIfMatching(const Fingerprint& expected) const;

  std::vector<Bytes> TakeOutput() { return std::exchange(pipe_.output, {}); }
  // What the handshake wrote is a new flight, never a repetition. True when there is one.
  bool TakeFlight(Time now);
  const std::vector<Bytes>& flight() const { return flight_; }

  std::optional<Time> retransmit_at() const { return retransmit_at_; }
  void ScheduleRetransmit(Time now);  // later than the last time
  void StopRetransmitting() { retransmit_at_.reset(); }

  Time last_hello_at{};            // when its hello came last
  Time answer_hello_after{};       // its flight is not repeated for a repeated hello before
  std::optional<Time> give_up_at;  // set by the endpoint

 private:
  // While one lives, the library may read and write.
  class RecordBuffers {
   public:
    explicit RecordBuffers(SSL* ssl);
    ~RecordBuffers();
    RecordBuffers(const RecordBuffers&) = delete;
    RecordBuffers& operator=(const RecordBuffers&) = delete;

   private:
    SSL* const ssl_;
  };

  const DtlsRole role_;
  const Bytes hello_;
  DatagramPipe pipe_;
  SslPtr ssl_;
  bool done_ = false;
  std::vector<Bytes> flight_;
  std::optional<Time> retransmit_at_;
  Duration interval_{};
};

}  // namespace jb::crypto
