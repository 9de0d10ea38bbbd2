// SPDX-License-Identifier: Apache-2.0
#include "crypto/dtls_attempt.h"

#include <openssl/err.h>
#include <openssl/srtp.h>

#include <algorithm>
#include <utility>

#include "base/result.h"
#include "crypto/certificate_impl.h"
#include "crypto/fingerprint.h"
#include "crypto/srtp_keys.h"

namespace jb::crypto {
namespace {

// RFC 6347 section 4.2.4.1 suggests 1 s doubling to 60 s; calls cannot wait that long, so we start at
// the figure browsers and other SFUs use.
constexpr Duration kFirstRetransmit = std::chrono::milliseconds(100);
constexpr Duration kSlowestRetransmit = std::chrono::seconds(4);

// OpenSSL times retransmissions by the system clock, which a core must not see. Its timer is set so far
// ahead that it never fires, and flights are repeated from our own copies: plaintext records under
// fresh record numbers, the encrypted Finished as it was.
constexpr unsigned kOpenSslTimerUs = 3'600'000'000u;
unsigned NeverRetransmit(SSL*, unsigned) { return kOpenSslTimerUs; }

}  // namespace

DtlsAttempt::DtlsAttempt(DtlsRole role, const Certificate& certificate, const DtlsOptions& options, Bytes hello)
    : role_(role), hello_(std::move(hello)) {
  JB_CHECK(options.handshake_limit < std::chrono::microseconds(kOpenSslTimerUs));
  const Certificate::Impl& identity = certificate.impl();
  const bool server = role_ == DtlsRole::kServer;
  ssl_.reset(SSL_new(server ? identity.server.get() : identity.client.get()));
  SSL* ssl = ssl_.get();
  JB_CHECK(ssl != nullptr);
  BIO* bio = MakeDatagramBio(pipe_).release();
  SSL_set_bio(ssl, bio, bio);
  JB_CHECK(SSL_set_mtu(ssl, static_cast<long>(options.max_datagram_size)) != 0);
  DTLS_set_timer_cb(ssl, NeverRetransmit);
  JB_CHECK(SSL_set_tlsext_use_srtp(ssl, options.srtp_profiles.c_str()) == 0);  // 0 is success
  server ? SSL_set_accept_state(ssl) : SSL_set_connect_state(ssl);
}

// The library keeps room for the largest record of either way, 33 KB, and a call has a few small ones after its
// handshake. Not all of its paths take the room again by themselves: nothing is done without, once it was given back.
DtlsAttempt::RecordBuffers::RecordBuffers(SSL* ssl) : ssl_(ssl) { JB_CHECK(SSL_alloc_buffers(ssl_) == 1); }
DtlsAttempt::RecordBuffers::~RecordBuffers() { SSL_free_buffers(ssl_); }

DtlsAttempt::Progress DtlsAttempt::Handshake(ByteView records) {
  ERR_clear_error();
  pipe_.input = records;
  const int result = SSL_do_handshake(ssl_.get());
  const bool waits = result != 1 && SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ;
  pipe_.input = {};
  ERR_clear_error();
  done_ = result == 1;
  if (done_) {
    SSL_free_buffers(ssl_.get());
    return Progress::kDone;
  }
  return waits ? Progress::kGoesOn : Progress::kFailed;
}

DtlsAttempt::Reading DtlsAttempt::Read(ByteView records) {
  const RecordBuffers buffers(ssl_.get());
  std::uint8_t discarded[2048];
  int n = 0;
  ERR_clear_error();
  pipe_.input = records;
  do {
    n = SSL_read(ssl_.get(), discarded, sizeof discarded);
  } while (n > 0);
  const bool waits = SSL_get_error(ssl_.get(), n) == SSL_ERROR_WANT_READ;
  pipe_.input = {};
  ERR_clear_error();
  if (waits) return Reading::kGoesOn;
  return (SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0 ? Reading::kClosed : Reading::kBroken;
}

void DtlsAttempt::WriteCloseNotify() {
  const RecordBuffers buffers(ssl_.get());
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
}

std::optional<SrtpKeys> DtlsAttempt::KeysIfMatching(const Fingerprint& expected) const {
  const X509Ptr peer(SSL_get1_peer_certificate(ssl_.get()));
  if (!Matches(expected, peer.get())) return std::nullopt;
  return ExportKeys(ssl_.get(), role_);
}

bool DtlsAttempt::TakeFlight(Time now) {
  if (pipe_.output.empty()) return false;
  flight_ = TakeOutput();
  interval_ = kFirstRetransmit;
  retransmit_at_ = now + interval_;
  return true;
}

void DtlsAttempt::ScheduleRetransmit(Time now) {
  interval_ = std::min(2 * interval_, kSlowestRetransmit);
  retransmit_at_ = now + interval_;
}

}  // namespace jb::crypto
