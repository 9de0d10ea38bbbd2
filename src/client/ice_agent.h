// SPDX-License-Identifier: Apache-2.0
// The controlling ICE agent of a client whose server is ICE-lite (RFC 8445 section 2.5): it checks the
// server's candidates in the order of their priority, nominates the first that answers, and renews
// consent on it (RFC 7675). One component, one local socket, no gathering, no TURN, no trickle; it
// answers no checks, since a lite server sends none. UDP candidates only.
// Core: single-threaded, no I/O, no clock. After every mutation: Poll() until nullopt, then NextDeadline().
// Borrows the Random.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"
#include "base/socket_address.h"
#include "base/time.h"
#include "proto/stun/message.h"

namespace jb::client {

struct IceCredentials {
  std::string ufrag;
  std::string password;
};

struct IceCandidate {
  SocketAddress address;
  std::uint32_t priority = 0;
};

// kFailed: no candidate answered; final. kDisconnected: consent expired; nothing may be sent until a
// restart.
enum class IceState : std::uint8_t { kNew, kChecking, kConnected, kDisconnected, kFailed };

class IceAgent {
 public:
  struct Transmit {
    SocketAddress to;
    Bytes datagram;
  };

  explicit IceAgent(Random& random);

  // Begins, or begins anew with a restart's credentials and fresh ones of our own; the old pair stays
  // selected until a new one answers (RFC 8445 section 9).
  void Start(IceCredentials remote, std::vector<IceCandidate> candidates, Time now);

  // A datagram that looks like STUN. Anything but an authentic answer to a check of ours, from the
  // address the check went to, is ignored.
  void HandlePacket(const SocketAddress& from, ByteView datagram, Time now);
  void HandleTimeout(Time now);
  std::optional<Time> NextDeadline() const;
  std::optional<Transmit> Poll();

  IceState state() const { return state_; }
  const IceCredentials& local() const { return local_; }
  // Where DTLS and media go. nullopt until connected.
  const std::optional<SocketAddress>& selected() const { return selected_; }
  // Of the last answered check.
  std::optional<Duration> rtt() const { return rtt_; }

 private:
  enum class CheckState : std::uint8_t { kWaiting, kInProgress, kFailed };
  struct Check {
    IceCandidate candidate;
    CheckState state = CheckState::kWaiting;
    stun::TransactionId id{};
    Time first_sent_at{};
    Time retry_at = kNever;
    Duration timeout{};
    int sent = 0;
  };

  void StartNextCheck(Time now);
  void Transmission(Check& check, Time now);
  void SendRequest(const Check& check);
  void HandleAnswer(Check& check, Time now);
  void FailIfNothingIsLeft();
  void StartConsentCheck(Time now);
  Duration ConsentInterval();

  Random& random_;
  const std::uint64_t tie_breaker_;
  IceState state_ = IceState::kNew;
  IceCredentials local_;
  IceCredentials remote_;
  std::string username_;       // "theirs:ours"
  std::vector<Check> checks_;  // by falling priority; when connected the one of the selected pair only
  Time next_check_at_ = kNever;
  Time consent_until_ = kNever;
  std::optional<SocketAddress> selected_;
  std::optional<Duration> rtt_;
  std::deque<Transmit> outbox_;
};

}  // namespace jb::client
