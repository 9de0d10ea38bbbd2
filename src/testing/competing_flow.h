// SPDX-License-Identifier: Apache-2.0
// Somebody else's traffic on a link: what makes a path carry less than its rate. Sans-IO, single-threaded, without
// randomness.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "base/time.h"

namespace jb::testing {

class CompetingFlow {
 public:
  virtual ~CompetingFlow() = default;
  // When it next sends, or finds out that something was lost.
  virtual std::optional<Time> NextDeadline() const = 0;
  // The size of a packet that it sends now; call until nullopt. Packets are numbered from 0 in this order.
  virtual std::optional<std::size_t> Poll(Time now) = 0;
  virtual void HandleArrived(std::uint64_t number, Time now) = 0;
};

// A stream that does not care whether it arrives.
class ConstantFlow : public CompetingFlow {
 public:
  ConstantFlow(std::uint64_t rate_bps, Time from, Time until) : rate_bps_(rate_bps), next_(from), until_(until) {}
  std::optional<Time> NextDeadline() const override;
  std::optional<std::size_t> Poll(Time now) override;
  void HandleArrived(std::uint64_t, Time) override {}

 private:
  std::uint64_t rate_bps_;
  Time next_, until_;
};

// A download: slow start, then one packet more per round trip and half as many after a loss (RFC 5681, without
// its timers' finer points). Fills whatever queue there is.
class AimdFlow : public CompetingFlow {
 public:
  // `return_delay`: from the arrival of a packet to the arrival of its acknowledgement.
  AimdFlow(Duration return_delay, Time from, Time until) : return_delay_(return_delay), from_(from), until_(until) {}
  std::optional<Time> NextDeadline() const override;
  std::optional<std::size_t> Poll(Time now) override;
  void HandleArrived(std::uint64_t number, Time now) override;

  std::uint64_t acknowledged() const { return acknowledged_; }  // packets

 private:
  struct Ack {
    Time at{};
    std::uint64_t number = 0;
  };
  void HandleAck(std::uint64_t number);
  void HandleLoss();

  Duration return_delay_;
  Time from_, until_;
  std::deque<Ack> acks_;               // on their way back
  std::deque<std::uint64_t> flight_;  // sent, not acknowledged, ascending
  std::uint64_t next_number_ = 0;
  std::uint64_t recover_ = 0;  // losses below it belong to the last reduction
  std::uint64_t acknowledged_ = 0;
  double window_ = 10;  // packets; RFC 6928
  double threshold_ = 1e9;
  Time timeout_ = kNever;
};

}  // namespace jb::testing
