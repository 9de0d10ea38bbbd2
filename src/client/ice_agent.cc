// SPDX-License-Identifier: Apache-2.0
#include "client/ice_agent.h"

#include <algorithm>
#include <utility>

namespace jb::client {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kCheckSpacing = milliseconds(50);  // RFC 8445 section 14.2: Ta
// RFC 8445 section 14.3 asks for at least 500 ms; browsers begin at 250 ms, and so do we, because the
// first lost packet is what a caller waits for.
constexpr Duration kFirstTimeout = milliseconds(250);
constexpr Duration kSlowestTimeout = seconds(4);
constexpr int kMaxTransmissions = 7;               // RFC 8489 section 6.2.1: Rc
constexpr Duration kConsentInterval = seconds(5);  // RFC 7675 section 5.1, times 0.8 to 1.2
constexpr Duration kConsentExpiry = seconds(30);   // RFC 7675 section 5.1

constexpr std::size_t kUfragLength = 8;      // RFC 8445 section 5.3: at least 24 bits
constexpr std::size_t kPasswordLength = 24;  // at least 128 bits
constexpr std::string_view kIceAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

// RFC 8445 section 5.1.2.1 for a peer-reflexive candidate (type preference 110), as PRIORITY carries.
constexpr std::uint32_t kPeerReflexivePriority = (110u << 24) | (65535u << 8) | 255u;

}  // namespace

IceAgent::IceAgent(Random& random) : random_(random), tie_breaker_(random.U64()) {}

void IceAgent::Start(IceCredentials remote, std::vector<IceCandidate> candidates, Time now) {
  local_ = {random_.Text(kUfragLength, kIceAlphabet), random_.Text(kPasswordLength, kIceAlphabet)};
  remote_ = std::move(remote);
  username_ = remote_.ufrag + ":" + local_.ufrag;
  std::stable_sort(candidates.begin(), candidates.end(),
                   [](const auto& a, const auto& b) { return a.priority > b.priority; });
  checks_.clear();
  for (const IceCandidate& candidate : candidates) checks_.push_back({.candidate = candidate});
  state_ = IceState::kChecking;
  consent_until_ = kNever;
  StartNextCheck(now);
  FailIfNothingIsLeft();
}

void IceAgent::StartNextCheck(Time now) {
  next_check_at_ = kNever;
  const auto waiting =
      std::find_if(checks_.begin(), checks_.end(), [](const Check& c) { return c.state == CheckState::kWaiting; });
  if (waiting == checks_.end()) return;
  waiting->state = CheckState::kInProgress;
  waiting->timeout = kFirstTimeout;
  waiting->sent = 0;
  waiting->first_sent_at = now;
  random_.Fill(waiting->id);
  Transmission(*waiting, now);
  next_check_at_ = now + kCheckSpacing;
}

// One more of the same request, or the end of it.
void IceAgent::Transmission(Check& check, Time now) {
  if (check.sent == kMaxTransmissions) {
    check.state = CheckState::kFailed;
    check.retry_at = kNever;
    return;
  }
  ++check.sent;
  check.retry_at = now + check.timeout;
  check.timeout = std::min(2 * check.timeout, kSlowestTimeout);
  SendRequest(check);
}

void IceAgent::SendRequest(const Check& check) {
  std::uint8_t buffer[stun::kMaxMessageSize];
  stun::BindingRequest request;
  request.id = check.id;
  request.username = username_;
  request.password = remote_.password;
  request.priority = kPeerReflexivePriority;
  request.tie_breaker = tie_breaker_;
  request.controlling = true;
  // Every check nominates: a lite server has no opinion of its own, and one round trip is saved.
  request.use_candidate = true;
  if (const auto bytes = stun::WriteBindingRequest(buffer, request)) {
    outbox_.push_back({check.candidate.address, Bytes(bytes->begin(), bytes->end())});
  }
}

void IceAgent::HandlePacket(const SocketAddress& from, ByteView datagram, Time now) {
  const auto message = stun::Message::Parse(datagram);
  if (!message.ok() || message->method() != stun::kBindingMethod ||
      message->message_class() != stun::MessageClass::kSuccess) {
    return;
  }
  const auto check = std::find_if(checks_.begin(), checks_.end(), [&](const Check& c) {
    return c.state == CheckState::kInProgress && c.id == message->transaction_id();
  });
  // RFC 8445 section 7.2.5.2.1: the answer must come from where the request went.
  if (check == checks_.end() || check->candidate.address != from) return;
  if (!message->VerifyIntegrity(remote_.password)) return;
  HandleAnswer(*check, now);
}

void IceAgent::HandleAnswer(Check& check, Time now) {
  // Only an answer to the first transmission tells the round trip for sure.
  if (check.sent == 1) rtt_ = now - check.first_sent_at;
  const Check answered = check;
  selected_ = answered.candidate.address;
  state_ = IceState::kConnected;
  consent_until_ = now + kConsentExpiry;
  checks_ = {answered};
  checks_[0].state = CheckState::kWaiting;
  checks_[0].retry_at = kNever;
  next_check_at_ = now + ConsentInterval();
}

Duration IceAgent::ConsentInterval() { return kConsentInterval * random_.Between(800, 1200) / 1000; }

// RFC 7675 section 5.1: each consent check is a fresh transaction and is not retransmitted; the next one
// follows anyway.
void IceAgent::StartConsentCheck(Time now) {
  Check& check = checks_[0];
  check.state = CheckState::kInProgress;
  check.sent = 1;
  check.first_sent_at = now;
  random_.Fill(check.id);
  SendRequest(check);
  next_check_at_ = now + ConsentInterval();
}

void IceAgent::HandleTimeout(Time now) {
  if (state_ == IceState::kConnected) {
    if (now >= consent_until_) {
      state_ = IceState::kDisconnected;
      selected_.reset();
      next_check_at_ = consent_until_ = kNever;
    } else if (now >= next_check_at_) {
      StartConsentCheck(now);
    }
    return;
  }
  if (state_ != IceState::kChecking) return;
  for (Check& check : checks_) {
    if (check.state == CheckState::kInProgress && now >= check.retry_at) Transmission(check, now);
  }
  if (now >= next_check_at_) StartNextCheck(now);
  FailIfNothingIsLeft();
}

void IceAgent::FailIfNothingIsLeft() {
  const bool over =
      std::all_of(checks_.begin(), checks_.end(), [](const Check& c) { return c.state == CheckState::kFailed; });
  if (!over) return;
  state_ = IceState::kFailed;
  selected_.reset();
  next_check_at_ = kNever;
}

std::optional<Time> IceAgent::NextDeadline() const {
  if (state_ != IceState::kChecking && state_ != IceState::kConnected) return std::nullopt;
  Time next = std::min(next_check_at_, consent_until_);
  if (state_ == IceState::kChecking) {
    for (const Check& check : checks_) {
      if (check.state == CheckState::kInProgress) next = std::min(next, check.retry_at);
    }
  }
  return next == kNever ? std::nullopt : std::optional<Time>(next);
}

std::optional<IceAgent::Transmit> IceAgent::Poll() {
  if (outbox_.empty()) return std::nullopt;
  Transmit out = std::move(outbox_.front());
  outbox_.pop_front();
  return out;
}

}  // namespace jb::client
