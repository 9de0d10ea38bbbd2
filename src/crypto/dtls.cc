// SPDX-License-Identifier: Apache-2.0
#include "crypto/dtls.h"

#include <algorithm>
#include <deque>
#include <utility>
#include <vector>

#include "base/result.h"
#include "crypto/client_hello.h"
#include "crypto/dtls_attempt.h"
#include "crypto/record_filter.h"
#include "crypto/srtp_keys.h"

namespace jb::crypto {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kMaxResets = 8;  // in kResetWindow
constexpr Duration kResetWindow = seconds(10);

// A server answers that many different ClientHellos at once, since it cannot tell which one is its peer's.
// One that got no further for kStaleAfter makes room for another; a real client goes on within a round trip.
constexpr std::size_t kMaxAttempts = 3;
constexpr Duration kStaleAfter = seconds(2);

// A client that lost our last flight asks for it by repeating its own.
constexpr Duration kRepeatSpacing = milliseconds(50);
constexpr int kMaxFinalFlights = 16;

constexpr std::size_t kMaxOutbox = 64;  // datagrams; a flight has at most a handful

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
  bool is_muted(Time now) const { return listen_again_ && now < *listen_again_; }

  void HandleHello(Bytes hello, Time now);
  bool MakeRoom(Time now);
  void Begin(Bytes hello, Time now);
  std::vector<DtlsAttempt*> Attempts() const;
  bool Has(const DtlsAttempt* attempt) const;
  void Drop(const DtlsAttempt* attempt);

  void Handshake(DtlsAttempt& attempt, ByteView records, Time now);
  void HandleFatalError(DtlsAttempt& attempt, Time now);
  void CompleteIfVerified(DtlsAttempt& attempt);
  void ReadAfterHandshake(DtlsAttempt& attempt, ByteView records);
  void RepeatFinalFlight(DtlsAttempt& attempt, Time now);

  void TakeFlight(DtlsAttempt& attempt, Time now);
  void SendOutputOnce(DtlsAttempt& attempt);
  void SendFlight(const DtlsAttempt& attempt);
  void Enqueue(Bytes datagram);
  void Fail() { End(DtlsState::kFailed); }
  void End(DtlsState state);

  const std::shared_ptr<const Certificate> certificate_;
  const DtlsOptions options_;
  std::optional<Fingerprint> expected_;

  ClientHellos hellos_;  // server
  // A server's: one for each ClientHello. A client's: one, or none while the reset budget is spent. Once
  // connected: the one that won.
  std::vector<std::unique_ptr<DtlsAttempt>> attempts_;
  Bytes filtered_;
  bool broken_ = false;  // failed after the handshake: SRTP goes on, DTLS is deaf

  PlainRecordNumbering numbering_;  // the peer sees one sequence, whichever attempt it follows
  std::deque<Bytes> outbox_;

  std::optional<Time> give_up_at_;    // client
  std::deque<Time> resets_;           // the last kMaxResets
  std::optional<Time> listen_again_;  // set while the reset budget is spent
  Time final_flight_after_{};
  int final_flights_ = 0;
};

DtlsEndpoint::Impl::Impl(DtlsRole role, std::shared_ptr<const Certificate> certificate, DtlsOptions options)
    : role_(role), certificate_(std::move(certificate)), options_(std::move(options)) {
  JB_CHECK(certificate_ != nullptr);
}

void DtlsEndpoint::Impl::SetRemoteFingerprint(const Fingerprint& fingerprint) {
  if (expected_ || is_over()) return;
  expected_ = fingerprint;
  for (DtlsAttempt* attempt : Attempts()) {
    if (Has(attempt)) CompleteIfVerified(*attempt);
  }
}

void DtlsEndpoint::Impl::Start(Time now) {
  if (state_ != DtlsState::kNew) return;
  state_ = DtlsState::kConnecting;
  if (role_ == DtlsRole::kClient) Begin({}, now);
}

// A server's attempt begins with its hello, a client's with nothing.
void DtlsEndpoint::Impl::Begin(Bytes hello, Time now) {
  DtlsAttempt& attempt =
      *attempts_.emplace_back(std::make_unique<DtlsAttempt>(role_, *certificate_, options_, std::move(hello)));
  attempt.last_hello_at = now;
  Handshake(attempt, attempt.hello(), now);
}

void DtlsEndpoint::Impl::HandlePacket(ByteView datagram, Time now) {
  ++stats_.datagrams_in;
  const bool unasked = role_ == DtlsRole::kClient && state_ == DtlsState::kNew;
  if (is_over() || unasked || broken_) return;
  const FilteredRecords records = FilterRecords(datagram, filtered_);
  stats_.records_dropped += records.dropped;
  if (filtered_.empty()) return;
  state_ = std::max(state_, DtlsState::kConnecting);
  if (role_ == DtlsRole::kServer && records.plain_handshake) {
    std::vector<Bytes> hellos;
    stats_.records_dropped += hellos_.Extract(filtered_, hellos);
    for (Bytes& hello : hellos) HandleHello(std::move(hello), now);
    if (state_ == DtlsState::kConnected) hellos_.Clear();
  } else if (role_ == DtlsRole::kClient && attempts_.empty()) {
    if (is_muted(now)) {
      ++stats_.muted;
    } else {
      Begin({}, now);
    }
    return;
  }
  if (filtered_.empty()) return;
  // Nothing but a ClientHello says which handshake it belongs to.
  for (DtlsAttempt* attempt : Attempts()) {
    if (is_over() || !Has(attempt)) continue;
    if (!attempt->done()) {
      Handshake(*attempt, filtered_, now);
      continue;
    }
    ReadAfterHandshake(*attempt, filtered_);
    if (!Has(attempt)) continue;
    std::vector<Bytes> answer = attempt->TakeOutput();
    if (records.plain_handshake && answer.empty()) RepeatFinalFlight(*attempt, now);
    for (Bytes& d : answer) Enqueue(std::move(d));
  }
}

void DtlsEndpoint::Impl::HandleHello(Bytes hello, Time now) {
  if (state_ != DtlsState::kConnecting) return;
  for (const auto& attempt : attempts_) {
    if (attempt->hello() != hello) continue;
    attempt->last_hello_at = now;
    // Alone, it is repeated by its timer. Of several, only by those whose client still asks: an answer to
    // a stranger's hello can do the real client harm.
    if (attempts_.size() == 1 || attempt->done() || now < attempt->answer_hello_after) return;
    attempt->answer_hello_after = now + kRepeatSpacing;
    SendFlight(*attempt);
    return;
  }
  if (is_muted(now)) {
    ++stats_.muted;
  } else if (!MakeRoom(now)) {
    ++stats_.records_dropped;
  } else {
    listen_again_.reset();
    Begin(std::move(hello), now);
  }
}

bool DtlsEndpoint::Impl::MakeRoom(Time now) {
  if (attempts_.size() < kMaxAttempts) return true;
  const auto oldest = std::min_element(attempts_.begin(), attempts_.end(), [](const auto& a, const auto& b) {
    return std::pair(a->done(), a->last_hello_at) < std::pair(b->done(), b->last_hello_at);
  });
  if ((*oldest)->done() || now - (*oldest)->last_hello_at < kStaleAfter) return false;
  attempts_.erase(oldest);
  return true;
}

std::vector<DtlsAttempt*> DtlsEndpoint::Impl::Attempts() const {
  std::vector<DtlsAttempt*> out;
  for (const auto& attempt : attempts_) out.push_back(attempt.get());
  return out;
}

bool DtlsEndpoint::Impl::Has(const DtlsAttempt* attempt) const {
  return std::any_of(attempts_.begin(), attempts_.end(), [&](const auto& a) { return a.get() == attempt; });
}

void DtlsEndpoint::Impl::Drop(const DtlsAttempt* attempt) {
  std::erase_if(attempts_, [&](const auto& a) { return a.get() == attempt; });
}

void DtlsEndpoint::Impl::Handshake(DtlsAttempt& attempt, ByteView records, Time now) {
  const DtlsAttempt::Progress progress = attempt.Handshake(records);
  if (progress == DtlsAttempt::Progress::kFailed) return HandleFatalError(attempt, now);
  TakeFlight(attempt, now);
  if (progress != DtlsAttempt::Progress::kDone) return;
  attempt.StopRetransmitting();
  CompleteIfVerified(attempt);
  if (Has(&attempt)) ReadAfterHandshake(attempt, {});
}

// Before the verified handshake anyone who can spoof the peer's address can cause this, so it proves
// nothing about the peer. The alert OpenSSL wrote is thrown away: it would stop the real peer.
void DtlsEndpoint::Impl::HandleFatalError(DtlsAttempt& attempt, Time now) {
  Drop(&attempt);
  ++stats_.resets;
  while (!resets_.empty() && now - resets_.front() >= kResetWindow) resets_.pop_front();
  if (resets_.size() >= kMaxResets) {
    listen_again_ = resets_.front() + kResetWindow;
    return;
  }
  resets_.push_back(now);
  if (role_ == DtlsRole::kClient) Begin({}, now);
}

void DtlsEndpoint::Impl::CompleteIfVerified(DtlsAttempt& attempt) {
  if (!attempt.done() || !expected_ || state_ != DtlsState::kConnecting) return;
  auto keys = attempt.KeysIfMatching(*expected_);
  if (!keys && attempts_.size() > 1) {
    Drop(&attempt);  // not our peer, which may be one of the others
    return;
  }
  if (!keys) {
    attempt.WriteCloseNotify();
    SendOutputOnce(attempt);
    return Fail();
  }
  keys_ = std::move(*keys);
  state_ = DtlsState::kConnected;
  give_up_at_.reset();
  attempt.give_up_at.reset();
  std::erase_if(attempts_, [&](const auto& a) { return a.get() != &attempt; });
  hellos_.Clear();
}

void DtlsEndpoint::Impl::ReadAfterHandshake(DtlsAttempt& attempt, ByteView records) {
  const DtlsAttempt::Reading reading = attempt.Read(records);
  if (reading == DtlsAttempt::Reading::kGoesOn) return;
  if (state_ == DtlsState::kConnecting && attempts_.size() > 1) return Drop(&attempt);
  if (reading == DtlsAttempt::Reading::kBroken) {
    broken_ = true;
    attempt.TakeOutput();
    return;
  }
  SendOutputOnce(attempt);
  End(DtlsState::kClosed);
}

// RFC 6347 section 4.2.4, state FINISHED: a peer that repeats its flight did not get ours. OpenSSL
// answers a repeated Finished that has a new record number; this answers one that was sent verbatim.
void DtlsEndpoint::Impl::RepeatFinalFlight(DtlsAttempt& attempt, Time now) {
  const bool due = now >= final_flight_after_ && final_flights_ < kMaxFinalFlights;
  if (role_ != DtlsRole::kServer || is_over() || !due) return;
  ++final_flights_;
  final_flight_after_ = now + kRepeatSpacing;
  SendFlight(attempt);
}

void DtlsEndpoint::Impl::HandleTimeout(Time now) {
  if (is_over()) return;
  if (give_up_at_ && now >= *give_up_at_) return Fail();
  for (std::size_t i = attempts_.size(); i-- > 0;) {
    const DtlsAttempt& attempt = *attempts_[i];
    if (!attempt.give_up_at || now < *attempt.give_up_at) continue;
    // Whoever came as far as this is waiting for us to be told its fingerprint.
    if (attempt.done() && attempts_.size() == 1) return Fail();
    Drop(&attempt);
  }
  if (role_ == DtlsRole::kClient && listen_again_ && now >= *listen_again_) {
    listen_again_.reset();
    if (attempts_.empty()) Begin({}, now);
  }
  if (attempts_.size() != 1) return;
  DtlsAttempt& attempt = *attempts_.front();
  if (attempt.retransmit_at() && now >= *attempt.retransmit_at()) {
    attempt.ScheduleRetransmit(now);
    SendFlight(attempt);
  }
}

std::optional<Time> DtlsEndpoint::Impl::NextDeadline() const {
  std::optional<Time> next = give_up_at_;
  const auto consider = [&](std::optional<Time> t) {
    if (t && (!next || *t < *next)) next = t;
  };
  for (const auto& attempt : attempts_) {
    consider(attempt->give_up_at);
    if (attempts_.size() == 1) consider(attempt->retransmit_at());
  }
  if (role_ == DtlsRole::kClient) consider(listen_again_);
  return next;
}

void DtlsEndpoint::Impl::TakeFlight(DtlsAttempt& attempt, Time now) {
  if (!attempt.TakeFlight(now)) return;
  // A client gives up as a whole, a server each attempt alone: the next may be its peer's.
  std::optional<Time>& give_up_at = role_ == DtlsRole::kClient ? give_up_at_ : attempt.give_up_at;
  if (!give_up_at) give_up_at = now + options_.handshake_limit;
  for (const Bytes& datagram : attempt.flight()) Enqueue(datagram);
}

void DtlsEndpoint::Impl::SendOutputOnce(DtlsAttempt& attempt) {
  for (Bytes& datagram : attempt.TakeOutput()) Enqueue(std::move(datagram));
}

void DtlsEndpoint::Impl::SendFlight(const DtlsAttempt& attempt) {
  ++stats_.retransmits;
  for (const Bytes& datagram : attempt.flight()) Enqueue(datagram);
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
    attempts_.front()->WriteCloseNotify();
    SendOutputOnce(*attempts_.front());
  }
  End(DtlsState::kClosed);
}

// The attempts stay until the endpoint goes: some caller may be in the middle of one.
void DtlsEndpoint::Impl::End(DtlsState state) {
  state_ = state;
  for (const auto& attempt : attempts_) {
    attempt->StopRetransmitting();
    attempt->give_up_at.reset();
  }
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
