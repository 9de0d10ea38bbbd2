// SPDX-License-Identifier: Apache-2.0
#include "crypto/dtls.h"

#include <openssl/err.h>
#include <openssl/srtp.h>

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "base/result.h"
#include "crypto/certificate_impl.h"
#include "crypto/datagram_pipe.h"
#include "crypto/fingerprint.h"
#include "crypto/openssl_ptr.h"
#include "crypto/record_filter.h"

namespace jb::crypto {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// RFC 6347 section 4.2.4.1 suggests 1 s doubling to 60 s; calls cannot wait that long, so we start at
// the figure browsers and other SFUs use.
constexpr Duration kFirstRetransmit = milliseconds(100);
constexpr Duration kSlowestRetransmit = seconds(4);

constexpr std::size_t kMaxResets = 8;  // in kResetWindow
constexpr Duration kResetWindow = seconds(10);

// A client that lost our last flight asks for it by repeating its own.
constexpr Duration kFinalFlightSpacing = milliseconds(50);
constexpr int kMaxFinalFlights = 16;

constexpr std::size_t kMaxOutbox = 64;  // datagrams; a flight has at most a handful

// OpenSSL times retransmissions by the system clock, which a core must not see. Its timer is set so far
// ahead that it never fires, and flights are repeated from our own copies: plaintext records under
// fresh record numbers, the encrypted Finished as it was.
constexpr unsigned kOpenSslTimerUs = 3'600'000'000u;
unsigned NeverRetransmit(SSL*, unsigned) { return kOpenSslTimerUs; }

struct ProfileSizes {
  std::size_t key;
  std::size_t salt;
};

// RFC 5764 section 4.1.2, RFC 7714 section 14.2.
std::optional<ProfileSizes> SizesOf(unsigned long profile) {
  switch (static_cast<SrtpProfile>(profile)) {
    case SrtpProfile::kAes128CmSha1_80: return ProfileSizes{16, 14};
    case SrtpProfile::kAeadAes128Gcm: return ProfileSizes{16, 12};
    case SrtpProfile::kAeadAes256Gcm: return ProfileSizes{32, 12};
  }
  return std::nullopt;
}

// RFC 5764 section 4.2: client key, server key, client salt, server salt.
std::optional<SrtpKeys> ExportKeys(SSL* ssl, DtlsRole role) {
  constexpr std::string_view kLabel = "EXTRACTOR-dtls_srtp";
  const SRTP_PROTECTION_PROFILE* profile = SSL_get_selected_srtp_profile(ssl);
  const auto sizes = profile != nullptr ? SizesOf(profile->id) : std::nullopt;
  if (!sizes) return std::nullopt;
  Bytes material(2 * (sizes->key + sizes->salt));
  if (SSL_export_keying_material(ssl, material.data(), material.size(), kLabel.data(), kLabel.size(), nullptr, 0, 0) !=
      1) {
    return std::nullopt;
  }
  ByteReader reader(material);
  const auto take = [&](std::size_t n) {
    const ByteView bytes = reader.Take(n);
    return Bytes(bytes.begin(), bytes.end());
  };
  SrtpKeys keys;
  keys.profile = static_cast<SrtpProfile>(profile->id);
  keys.local_key = take(sizes->key);
  keys.remote_key = take(sizes->key);
  keys.local_salt = take(sizes->salt);
  keys.remote_salt = take(sizes->salt);
  OPENSSL_cleanse(material.data(), material.size());
  if (role == DtlsRole::kServer) {
    std::swap(keys.local_key, keys.remote_key);
    std::swap(keys.local_salt, keys.remote_salt);
  }
  return keys;
}

void Cleanse(SrtpKeys& keys) {
  for (Bytes* b : {&keys.local_key, &keys.local_salt, &keys.remote_key, &keys.remote_salt}) {
    OPENSSL_cleanse(b->data(), b->size());
  }
}

}  // namespace

class DtlsEndpoint::Impl {
 public:
  Impl(DtlsRole role, std::shared_ptr<const Certificate> certificate, DtlsOptions options);
  ~Impl() { Cleanse(keys_); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  void SetRemoteFingerprint(const Fingerprint& fingerprint);
  void Start(Time now);
  void HandlePacket(ByteView datagram, Time now);
  void HandleTimeout(Time now);
  std::optional<Time> NextDeadline() const;
  bool PollTransmit(Bytes& datagram);
  void Close();

  const DtlsRole role_;
  DtlsState state_ = DtlsState::kNew;
  SrtpKeys keys_;
  DtlsStats stats_;

 private:
  bool is_over() const { return state_ == DtlsState::kFailed || state_ == DtlsState::kClosed; }

  void MakeSsl();
  bool EnsureListening(Time now);
  void Handshake(Time now);
  void HandleFatalError(Time now);
  void CompleteIfVerified();
  void ReadAfterHandshake();
  void RepeatFinalFlight(Time now);

  void TakeFlight(Time now);
  void SendOutputOnce();
  void SendFlight();
  void Enqueue(Bytes datagram);
  void Fail();

  const std::shared_ptr<const Certificate> certificate_;
  const DtlsOptions options_;
  std::optional<Fingerprint> expected_;

  DatagramPipe pipe_;
  SslPtr ssl_;  // null while the reset budget is spent
  Bytes filtered_;
  bool handshake_done_ = false;
  bool broken_ = false;  // failed after the handshake: SRTP goes on, DTLS is deaf

  PlainRecordNumbering numbering_;
  std::vector<Bytes> flight_;  // the last one, for repeating
  std::deque<Bytes> outbox_;

  std::optional<Time> retransmit_at_;
  Duration interval_ = kFirstRetransmit;
  std::optional<Time> give_up_at_;
  std::deque<Time> resets_;           // the last kMaxResets
  std::optional<Time> listen_again_;  // set while ssl_ is null
  Time final_flight_after_{};
  int final_flights_ = 0;
};

DtlsEndpoint::Impl::Impl(DtlsRole role, std::shared_ptr<const Certificate> certificate, DtlsOptions options)
    : role_(role), certificate_(std::move(certificate)), options_(std::move(options)) {
  JB_CHECK(certificate_ != nullptr);
  JB_CHECK(options_.handshake_limit < std::chrono::microseconds(kOpenSslTimerUs));
  MakeSsl();
}

void DtlsEndpoint::Impl::MakeSsl() {
  const Certificate::Impl& identity = certificate_->impl();
  const bool server = role_ == DtlsRole::kServer;
  ssl_.reset(SSL_new(server ? identity.server.get() : identity.client.get()));
  SSL* ssl = ssl_.get();
  JB_CHECK(ssl != nullptr);
  BIO* bio = MakeDatagramBio(pipe_).release();
  SSL_set_bio(ssl, bio, bio);
  JB_CHECK(SSL_set_mtu(ssl, static_cast<long>(options_.max_datagram_size)) != 0);
  DTLS_set_timer_cb(ssl, NeverRetransmit);
  JB_CHECK(SSL_set_tlsext_use_srtp(ssl, options_.srtp_profiles.c_str()) == 0);  // 0 is success
  server ? SSL_set_accept_state(ssl) : SSL_set_connect_state(ssl);
}

void DtlsEndpoint::Impl::SetRemoteFingerprint(const Fingerprint& fingerprint) {
  if (expected_ || is_over()) return;
  expected_ = fingerprint;
  CompleteIfVerified();
}

void DtlsEndpoint::Impl::Start(Time now) {
  if (state_ != DtlsState::kNew) return;
  state_ = DtlsState::kConnecting;
  if (role_ == DtlsRole::kClient) Handshake(now);
}

void DtlsEndpoint::Impl::HandlePacket(ByteView datagram, Time now) {
  ++stats_.datagrams_in;
  const bool unasked = role_ == DtlsRole::kClient && state_ == DtlsState::kNew;
  if (is_over() || unasked || broken_) return;
  const FilteredRecords records = FilterRecords(datagram, filtered_);
  stats_.records_dropped += records.dropped;
  if (filtered_.empty() || !EnsureListening(now)) return;
  state_ = std::max(state_, DtlsState::kConnecting);
  pipe_.input = filtered_;
  if (!handshake_done_) {
    Handshake(now);
  } else {
    ReadAfterHandshake();
    const bool answered = !pipe_.output.empty();
    SendOutputOnce();
    if (records.plain_handshake && !answered) RepeatFinalFlight(now);
  }
  pipe_.input = {};
}

// After too many resets nothing is listened to until the oldest is kResetWindow ago.
bool DtlsEndpoint::Impl::EnsureListening(Time now) {
  if (ssl_) return true;
  if (listen_again_ && now < *listen_again_) {
    ++stats_.muted;
    return false;
  }
  listen_again_.reset();
  MakeSsl();
  return true;
}

void DtlsEndpoint::Impl::Handshake(Time now) {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result != 1 && SSL_get_error(ssl_.get(), result) != SSL_ERROR_WANT_READ) {
    HandleFatalError(now);
    return;
  }
  handshake_done_ = result == 1;
  TakeFlight(now);
  if (handshake_done_) {
    retransmit_at_.reset();
    CompleteIfVerified();
    if (!is_over()) ReadAfterHandshake();
  }
}

// Before the verified handshake anyone who can spoof the peer's address can cause this, so it proves
// nothing about the peer. The alert OpenSSL wrote is thrown away: it would stop the real peer.
void DtlsEndpoint::Impl::HandleFatalError(Time now) {
  ERR_clear_error();
  pipe_.output.clear();
  pipe_.input = {};
  ssl_.reset();
  flight_.clear();
  retransmit_at_.reset();
  if (role_ == DtlsRole::kServer) give_up_at_.reset();
  ++stats_.resets;
  while (!resets_.empty() && now - resets_.front() >= kResetWindow) resets_.pop_front();
  if (resets_.size() >= kMaxResets) {
    listen_again_ = resets_.front() + kResetWindow;
    return;
  }
  resets_.push_back(now);
  MakeSsl();
  if (role_ == DtlsRole::kClient) Handshake(now);
}

void DtlsEndpoint::Impl::CompleteIfVerified() {
  if (!handshake_done_ || !expected_ || state_ != DtlsState::kConnecting) return;
  const X509Ptr peer(SSL_get1_peer_certificate(ssl_.get()));
  auto keys = Matches(*expected_, peer.get()) ? ExportKeys(ssl_.get(), role_) : std::nullopt;
  if (!keys) {
    SSL_shutdown(ssl_.get());
    SendOutputOnce();
    Fail();
    return;
  }
  keys_ = std::move(*keys);
  state_ = DtlsState::kConnected;
  give_up_at_.reset();
}

// There is no application data in our use; what comes is decrypted and discarded, for the alerts in it.
void DtlsEndpoint::Impl::ReadAfterHandshake() {
  std::uint8_t discarded[2048];
  int n = 0;
  ERR_clear_error();
  do {
    n = SSL_read(ssl_.get(), discarded, sizeof discarded);
  } while (n > 0);
  const int error = SSL_get_error(ssl_.get(), n);
  if (error == SSL_ERROR_WANT_READ) return;
  ERR_clear_error();
  if ((SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN) != 0) {
    state_ = DtlsState::kClosed;
    give_up_at_.reset();
  } else {
    broken_ = true;
    pipe_.output.clear();
  }
}

// RFC 6347 section 4.2.4, state FINISHED: a peer that repeats its flight did not get ours. OpenSSL
// answers a repeated Finished that has a new record number; this answers one that was sent verbatim.
void DtlsEndpoint::Impl::RepeatFinalFlight(Time now) {
  const bool due = now >= final_flight_after_ && final_flights_ < kMaxFinalFlights;
  if (role_ != DtlsRole::kServer || is_over() || !due) return;
  ++final_flights_;
  final_flight_after_ = now + kFinalFlightSpacing;
  SendFlight();
}

void DtlsEndpoint::Impl::HandleTimeout(Time now) {
  if (is_over()) return;
  if (give_up_at_ && now >= *give_up_at_) {
    Fail();
    return;
  }
  if (role_ == DtlsRole::kClient && listen_again_ && now >= *listen_again_) {
    EnsureListening(now);
    Handshake(now);
  }
  if (retransmit_at_ && now >= *retransmit_at_) {
    interval_ = std::min(2 * interval_, kSlowestRetransmit);
    retransmit_at_ = now + interval_;
    SendFlight();
  }
}

std::optional<Time> DtlsEndpoint::Impl::NextDeadline() const {
  std::optional<Time> next = give_up_at_;
  const auto consider = [&](std::optional<Time> t) {
    if (t && (!next || *t < *next)) next = t;
  };
  consider(retransmit_at_);
  if (role_ == DtlsRole::kClient) consider(listen_again_);
  return next;
}

// What OpenSSL wrote during the handshake is a new flight, never a repetition: see kOpenSslTimerUs.
void DtlsEndpoint::Impl::TakeFlight(Time now) {
  if (pipe_.output.empty()) return;
  flight_ = std::exchange(pipe_.output, {});
  interval_ = kFirstRetransmit;
  retransmit_at_ = now + interval_;
  if (!give_up_at_) give_up_at_ = now + options_.handshake_limit;
  for (const Bytes& datagram : flight_) Enqueue(datagram);
}

void DtlsEndpoint::Impl::SendOutputOnce() {
  for (Bytes& datagram : std::exchange(pipe_.output, {})) Enqueue(std::move(datagram));
}

void DtlsEndpoint::Impl::SendFlight() {
  ++stats_.retransmits;
  for (const Bytes& datagram : flight_) Enqueue(datagram);
}

void DtlsEndpoint::Impl::Enqueue(Bytes datagram) {
  numbering_.Apply(datagram);
  if (outbox_.size() >= kMaxOutbox) outbox_.pop_front();
  outbox_.push_back(std::move(datagram));
}

bool DtlsEndpoint::Impl::PollTransmit(Bytes& datagram) {
  if (outbox_.empty()) return false;
  datagram = std::move(outbox_.front());
  outbox_.pop_front();
  return true;
}

void DtlsEndpoint::Impl::Close() {
  if (is_over()) return;
  if (state_ == DtlsState::kConnected && !broken_) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    SendOutputOnce();
  }
  state_ = DtlsState::kClosed;
  retransmit_at_.reset();
  give_up_at_.reset();
  listen_again_.reset();
}

void DtlsEndpoint::Impl::Fail() {
  state_ = DtlsState::kFailed;
  retransmit_at_.reset();
  give_up_at_.reset();
  listen_again_.reset();
}

DtlsEndpoint::DtlsEndpoint(DtlsRole role, std::shared_ptr<const Certificate> certificate, DtlsOptions options)
    : impl_(std::make_unique<Impl>(role, std::move(certificate), std::move(options))) {}
DtlsEndpoint::~DtlsEndpoint() = default;
DtlsEndpoint::DtlsEndpoint(DtlsEndpoint&&) noexcept = default;
DtlsEndpoint& DtlsEndpoint::operator=(DtlsEndpoint&&) noexcept = default;

void DtlsEndpoint::SetRemoteFingerprint(const Fingerprint& f) { impl_->SetRemoteFingerprint(f); }
void DtlsEndpoint::Start(Time now) { impl_->Start(now); }
void DtlsEndpoint::HandlePacket(ByteView d, Time now) { impl_->HandlePacket(d, now); }
void DtlsEndpoint::HandleTimeout(Time now) { impl_->HandleTimeout(now); }
std::optional<Time> DtlsEndpoint::NextDeadline() const { return impl_->NextDeadline(); }
bool DtlsEndpoint::PollTransmit(Bytes& datagram) { return impl_->PollTransmit(datagram); }
void DtlsEndpoint::Close(Time) { impl_->Close(); }
DtlsRole DtlsEndpoint::role() const { return impl_->role_; }
DtlsState DtlsEndpoint::state() const { return impl_->state_; }
const DtlsStats& DtlsEndpoint::stats() const { return impl_->stats_; }
const SrtpKeys& DtlsEndpoint::keys() const {
  JB_CHECK(impl_->state_ == DtlsState::kConnected);
  return impl_->keys_;
}

}  // namespace jb::crypto
