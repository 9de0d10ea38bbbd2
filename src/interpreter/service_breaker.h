// SPDX-License-Identifier: Apache-2.0
// How one speech service is doing, from what its requests met and what supervision says, and whether
// asking it is worth while. Down after a row of failures or when supervision says so; then one probe per
// back-off goes through, and one success closes the breaker. Without trouble it believes again after a
// while: nobody may speak for long after one slow answer. No clock; single-threaded.
#pragma once

#include <optional>
#include <string>

#include "base/time.h"
#include "interpreter/options.h"
#include "interpreter/types.h"

namespace jb::interpreter {

class ServiceBreaker {
 public:
  // An answer that takes longer than `slow` counts as slow.
  ServiceBreaker(Service service, Duration slow) : service_(service), slow_(slow) {}

  void Succeeded(Duration took, Time now);
  // A refusal or a broken connection.
  void Failed(Time now) { Fail(1, now); }
  // No answer in time: worse, since everything behind it waited too.
  void TimedOut(Time now) { Fail(2, now); }
  // It lives and had no place: a row of these is degraded, and never down, however long.
  void Busy(Time now) { NoteSlow(now); }
  void SetHealth(bool up, Time now);
  void HandleTimeout(Time now);
  std::optional<Time> NextDeadline() const;

  // Whether a request may be sent now; while down, true takes the one probe of this back-off.
  bool MayTry(Time now);
  // While down: when the next probe may go.
  std::optional<Time> probe_at() const { return down() ? std::optional(probe_at_) : std::nullopt; }
  ServiceLevel level() const;
  ServiceState::One state() const;

 private:
  void Fail(int weight, Time now);
  void NoteSlow(Time now);
  bool down() const;

  Service service_;
  Duration slow_;
  bool healthy_ = true;
  int failures_ = 0;      // in a row, weighted
  int slow_answers_ = 0;  // in a row
  Duration backoff_{};
  Time probe_at_{};
  Time last_trouble_{};  // the last failure or slow answer
};

}  // namespace jb::interpreter
