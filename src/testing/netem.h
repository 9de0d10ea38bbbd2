// SPDX-License-Identifier: Apache-2.0
// One direction of a bad network, in virtual time: latency, jitter, loss, bursts, duplicates,
// reordering, a rate limit with a queue. The names follow tc-netem; only reordering is milder than
// there, where a reordered packet has no latency at all. Seeded: the same seed and the same sends
// give the same deliveries, so a failing run can be repeated for ever. Sans-IO; single-threaded.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/socket_address.h"
#include "base/time.h"
#include "testing/seeded_random.h"

namespace jb::testing {

// Gilbert-Elliott: packets are lost in bursts while the link is in its bad state.
struct GilbertElliott {
  double to_bad = 0;   // probability per packet to leave the good state
  double to_good = 1;  // and the bad one; a burst lasts 1 / to_good packets on average
  double loss_good = 0;
  double loss_bad = 1;
  // Average loss, for choosing the numbers.
  double mean_loss() const {
    return to_bad + to_good > 0 ? (loss_bad * to_bad + loss_good * to_good) / (to_bad + to_good) : loss_good;
  }
};

struct NetemProfile {
  Duration latency{0};
  Duration jitter{0};            // uniform in latency +- jitter, never below 0
  bool jitter_reorders = false;  // false: a packet waits for those before it, as on a real queue
  double loss = 0;               // probabilities, each independent per packet
  GilbertElliott bursts = {};    // in addition to `loss`
  double duplicate = 0;
  double reorder = 0;  // arrives reorder_lead early, overtaking those before it
  Duration reorder_lead = std::chrono::milliseconds(20);
  std::uint64_t rate_bps = 0;                           // 0: no limit. Counts datagram bytes, no headers
  Duration max_queue = std::chrono::milliseconds(500);  // a packet that would wait longer for the rate is dropped
  std::size_t max_datagram = 65'535;                    // larger ones vanish: an MTU black hole
  bool down = false;                                    // an outage: everything sent now is lost
};

// Networks people are on.
NetemProfile CleanNetwork();
NetemProfile WifiNetwork();      // 20 +- 10 ms, 1 % loss, 1 % reordered
NetemProfile MobileNetwork();    // 60 +- 30 ms, 2 % loss in bursts
NetemProfile BadNetwork();       // 150 +- 80 ms, 10 % loss, 1 % duplicates, 5 % reordered
NetemProfile TerribleNetwork();  // 300 +- 150 ms, 20 % loss in bursts, 500 kbit/s

class Netem {
 public:
  struct Datagram {
    Tuple tuple;  // whatever the owner addresses by
    Bytes bytes;
  };
  struct Counters {
    std::uint64_t sent = 0;
    std::uint64_t delivered = 0;  // duplicates included
    std::uint64_t lost = 0;
    std::uint64_t duplicated = 0;
    std::uint64_t reordered = 0;
    std::uint64_t queue_dropped = 0;
  };

  explicit Netem(NetemProfile profile = {}, std::uint64_t seed = 1) : profile_(profile), random_(seed) {}

  // Takes effect for what is sent from now on, the rate also for what waits; what is under way keeps its time.
  void set_profile(const NetemProfile& profile) { profile_ = profile; }
  const NetemProfile& profile() const { return profile_; }

  void Send(const Tuple& tuple, ByteView bytes, Time now);
  // When something arrives, or leaves the queue.
  std::optional<Time> NextDeadline() const;
  // The next datagram that has arrived by `now`; call until nullopt.
  std::optional<Datagram> Poll(Time now);

  std::size_t in_flight() const { return waiting_.size() + flights_.size(); }
  // How long a datagram sent now would wait for those before it.
  Duration queueing_delay(Time now) const;
  const Counters& counters() const { return counters_; }

 private:
  struct Flight {
    Time at;
    std::uint64_t order = 0;  // equal times leave in the order they came
    Datagram datagram;
  };
  static bool IsLater(const Flight& a, const Flight& b);
  bool Chance(double probability);
  bool IsLost();
  Duration SendingTime(std::size_t size) const;
  void Enqueue(const Tuple& tuple, ByteView bytes, Time now);
  void LeaveQueue(Time now);
  void Launch(Datagram datagram, Time departure);

  NetemProfile profile_;
  SeededRandom random_;
  bool bad_state_ = false;
  std::deque<Datagram> waiting_;  // the first is being sent
  std::size_t waiting_bytes_ = 0;
  Time first_sent_at_;  // when it will have been
  Time last_arrival_;
  std::uint64_t next_order_ = 0;
  std::vector<Flight> flights_;  // heap, earliest first
  Counters counters_;
};

}  // namespace jb::testing
