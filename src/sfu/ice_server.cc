// SPDX-License-Identifier: Apache-2.0
#include "sfu/ice_server.h"

#include <algorithm>
#include <utility>

namespace jb::sfu {
namespace {

// RFC 8445 section 5.3: ice-chars are letters, digits, '+' and '/'; letters and digits need no quoting anywhere.
constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";

IceCredentials MakeCredentials(Random& random) {
  return {random.Text(IceServer::kCredentialLength, kAlphabet), random.Text(IceServer::kCredentialLength, kAlphabet)};
}

}  // namespace

IceServer::IceServer(Random& random, Duration consent_timeout)
    : random_(random), consent_timeout_(consent_timeout), credentials_{MakeCredentials(random)} {}

void IceServer::Restart(Time now) {
  credentials_.insert(credentials_.begin(), MakeCredentials(random_));
  // The oldest is the one in use, so that one stays; what goes is the restart before this one.
  if (credentials_.size() > kMaxCredentials) {
    retired_.push_back(credentials_[1].username_fragment);
    credentials_.erase(credentials_.begin() + 1);
  }
  if (consent_until_) consent_until_ = now + consent_timeout_;
}

std::vector<std::string> IceServer::UsernameFragments() const {
  std::vector<std::string> out;
  for (const IceCredentials& c : credentials_) out.push_back(c.username_fragment);
  return out;
}

IceServer::Outcome IceServer::HandleRequest(const stun::Message& request, const Tuple& from, ByteSpan reply_buffer,
                                            Time now) {
  Outcome out;
  // Deviates from RFC 8489 section 9.1.3, which answers 400 and 401: strangers get silence.
  const auto ours = request.username_local();
  const auto theirs = request.username_remote();
  const IceCredentials* used = ours ? FindCredentials(*ours) : nullptr;
  // The signaling never carries the client's own fragment, so its half can only be required to be there.
  if (!used || !theirs || theirs->empty()) {
    out.dropped = DropReason::kStunUnknownUser;
    return out;
  }
  if (!request.has_fingerprint() || !request.has_message_integrity() || !request.VerifyIntegrity(used->password)) {
    out.dropped = DropReason::kStunBadIntegrity;
    return out;
  }
  const std::string password = used->password;
  const auto reply_error = [&](std::uint16_t code) {
    out.reply =
        stun::WriteBindingError(reply_buffer, request.transaction_id(), code, password, request.unknown_required())
            .value_or(ByteView());
    return out;
  };
  if (!request.unknown_required().empty()) return reply_error(stun::kUnknownAttribute);
  if (!request.priority()) return reply_error(stun::kBadRequest);
  // RFC 8445 section 6.1.1: a lite agent is always controlled.
  if (request.ice_controlled()) return reply_error(stun::kRoleConflict);
  const bool followed_restart = DropOlderThan(used);
  out.evicted = AddTuple(from, now);
  // A client restarts because the way it had is lost. Browsers stay with it, and nominate no other, for as long as they
  // have heard of it in the last 2.5 s: until one is nominated, media goes where the restarted check came from.
  if (followed_restart) selected_ = from;
  Nominate(request, from);
  consent_until_ = now + consent_timeout_;
  out.valid = true;
  out.reply =
      stun::WriteBindingSuccess(reply_buffer, request.transaction_id(), from.remote, password).value_or(ByteView());
  return out;
}

void IceServer::HandleAuthenticatedMedia(const Tuple& from) {
  if (selected_ != from && Find(from)) selected_ = from;
}

void IceServer::RemoveTuple(const Tuple& tuple) {
  std::erase_if(candidates_, [&](const Candidate& c) { return c.tuple == tuple; });
  if (selected_ != tuple) return;
  selected_.reset();
  const auto newest = std::max_element(candidates_.begin(), candidates_.end(),
                                       [](const auto& a, const auto& b) { return a.last_check < b.last_check; });
  if (newest != candidates_.end()) selected_ = newest->tuple;
}

std::optional<Time> IceServer::NextDeadline() const { return consent_until_; }

std::vector<Tuple> IceServer::HandleTimeout(Time now) {
  if (!consent_until_ || now < *consent_until_) return {};
  std::vector<Tuple> gone = Tuples();
  candidates_.clear();
  selected_.reset();
  consent_until_.reset();
  nomination_.reset();
  return gone;
}

std::vector<Tuple> IceServer::Tuples() const {
  std::vector<Tuple> out;
  for (const Candidate& c : candidates_) out.push_back(c.tuple);
  return out;
}

const IceServer::Candidate* IceServer::Find(const Tuple& tuple) const {
  for (const Candidate& c : candidates_) {
    if (c.tuple == tuple) return &c;
  }
  return nullptr;
}

const IceCredentials* IceServer::FindCredentials(std::string_view username_fragment) const {
  for (const IceCredentials& c : credentials_) {
    if (c.username_fragment == username_fragment) return &c;
  }
  return nullptr;
}

bool IceServer::DropOlderThan(const IceCredentials* used) {
  const auto keep = static_cast<std::size_t>(used - credentials_.data()) + 1;
  const bool any = keep < credentials_.size();
  for (std::size_t i = keep; i < credentials_.size(); ++i) {
    retired_.push_back(std::move(credentials_[i].username_fragment));
  }
  if (any) nomination_.reset();  // the restarted agent counts anew
  credentials_.resize(std::min(keep, credentials_.size()));
  return any;
}

std::optional<Tuple> IceServer::AddTuple(const Tuple& tuple, Time now) {
  for (Candidate& c : candidates_) {
    if (c.tuple != tuple) continue;
    c.last_check = now;
    return std::nullopt;
  }
  std::optional<Tuple> evicted;
  if (candidates_.size() >= kMaxTuples) {
    auto oldest = candidates_.end();
    for (auto it = candidates_.begin(); it != candidates_.end(); ++it) {
      if (it->tuple == selected_) continue;
      if (oldest == candidates_.end() || it->last_check < oldest->last_check) oldest = it;
    }
    evicted = oldest->tuple;
    candidates_.erase(oldest);
  }
  candidates_.push_back({tuple, now});
  return evicted;
}

void IceServer::Nominate(const stun::Message& request, const Tuple& from) {
  if (!selected_) selected_ = from;
  if (request.nomination()) {
    // draft-thatcher-ice-renomination: only a higher one counts.
    if (nomination_ && *request.nomination() <= *nomination_) return;
    nomination_ = request.nomination();
    selected_ = from;
  } else if (request.use_candidate() && !nomination_) {
    selected_ = from;
  }
}

}  // namespace jb::sfu
