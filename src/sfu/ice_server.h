// SPDX-License-Identifier: Apache-2.0
// The ICE-lite side of one transport (RFC 8445 section 2.5): answers connectivity checks, remembers which
// tuples passed one, and which of them media goes to. Sends no checks. Consent (RFC 7675) is the peer's
// own checks: none for the consent timeout, and there is nowhere to send to.
// Nothing changes and nothing is answered unless MESSAGE-INTEGRITY is right (reliability I1 to I3).
// Sans-IO, single-threaded, owned by its transport.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "base/socket_address.h"
#include "base/time.h"
#include "proto/stun/message.h"
#include "sfu/worker.h"

namespace jb::sfu {

struct IceCredentials {
  std::string username_fragment;
  std::string password;
};

class IceServer {
 public:
  static constexpr std::size_t kMaxTuples = 8;          // reliability I5
  static constexpr std::size_t kCredentialLength = 32;  // RFC 8445 section 5.3 asks for 4 and 22
  static constexpr std::size_t kMaxCredentials = 4;     // restarts the client has not followed yet

  IceServer(Random& random, Duration consent_timeout);

  // The newest; what the client is told.
  const IceCredentials& credentials() const { return credentials_.front(); }
  // Old ones stay valid until the first authenticated request with newer ones.
  void Restart(Time now);
  // Username fragments that are valid no more, for the owner's table; cleared by the call.
  std::vector<std::string> TakeRetired() { return std::exchange(retired_, {}); }
  std::vector<std::string> UsernameFragments() const;

  struct Outcome {
    std::optional<DropReason> dropped;  // then nothing else is set
    ByteView reply;                     // in the caller's buffer, for the tuple it came from
    bool valid = false;                 // authenticated and acceptable: the tuple is in
    std::optional<Tuple> evicted;       // one too many
  };
  Outcome HandleRequest(const stun::Message& request, const Tuple& from, ByteSpan reply_buffer, Time now);

  // An SRTP packet from there authenticated: the peer moved (reliability S2).
  void HandleAuthenticatedMedia(const Tuple& from);

  bool IsValid(const Tuple& tuple) const { return Find(tuple) != nullptr; }
  const std::optional<Tuple>& selected() const { return selected_; }
  // Gone: its TCP connection closed, or another transport's check came from it. The most recent of the
  // others is selected in its place.
  void RemoveTuple(const Tuple& tuple);

  std::optional<Time> NextDeadline() const;
  // Consent expired: returns the tuples that are valid no more.
  std::vector<Tuple> HandleTimeout(Time now);
  std::vector<Tuple> Tuples() const;

 private:
  struct Candidate {
    Tuple tuple;
    Time last_check{};
  };
  const Candidate* Find(const Tuple& tuple) const;
  const IceCredentials* FindCredentials(std::string_view username_fragment) const;
  // Whether there were any.
  bool DropOlderThan(const IceCredentials* used);
  std::optional<Tuple> AddTuple(const Tuple& tuple, Time now);
  void Nominate(const stun::Message& request, const Tuple& from);

  Random& random_;
  Duration consent_timeout_;
  std::vector<IceCredentials> credentials_;  // newest first
  std::vector<std::string> retired_;
  std::vector<Candidate> candidates_;
  std::optional<Tuple> selected_;
  std::optional<Time> consent_until_;
  std::optional<std::uint32_t> nomination_;  // the highest seen
};

}  // namespace jb::sfu
