// SPDX-License-Identifier: Apache-2.0
// One direction of a link that changes as time goes by and that others use too: a Netem, a schedule for it, and the
// flows that share its queue. What the flows send never comes out. Sans-IO, single-threaded, seeded as its Netem.
#pragma once

#include <memory>
#include <vector>

#include "testing/competing_flow.h"
#include "testing/netem.h"

namespace jb::testing {

// From `at` on, counted from the beginning, the link is like this.
struct LinkStep {
  Duration at{};
  NetemProfile profile;
};

class SharedLink {
 public:
  // `schedule`: in ascending order, the first at 0.
  SharedLink(std::vector<LinkStep> schedule, Time began, std::uint64_t seed);
  void AddFlow(std::unique_ptr<CompetingFlow> flow) { flows_.push_back({std::move(flow), 0}); }

  void Send(const Tuple& tuple, ByteView bytes, Time now);
  std::optional<Time> NextDeadline() const;
  // The next datagram of ours that has arrived by `now`; call until nullopt.
  std::optional<Netem::Datagram> Poll(Time now);

  const Netem& netem() const { return netem_; }
  // How much the flows have sent that has not been dropped.
  std::uint64_t competing_bytes() const { return competing_bytes_; }

 private:
  struct Flow {
    std::unique_ptr<CompetingFlow> flow;
    std::uint64_t next_number = 0;
  };
  // Lets everything happen that was to happen until `now`, in order.
  void AdvanceTo(Time now);
  void Turn(Time now);
  std::optional<Time> NextTurn() const;
  void TakeArrived(Time now);

  std::vector<LinkStep> schedule_;
  Time began_;
  std::size_t next_step_ = 0;
  Netem netem_;
  std::vector<Flow> flows_;
  std::uint64_t competing_bytes_ = 0;
  Bytes filler_;
  std::vector<Netem::Datagram> arrived_;  // ours, oldest first, from `next_arrived_` on
  std::size_t next_arrived_ = 0;
};

}  // namespace jb::testing
