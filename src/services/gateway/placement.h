// SPDX-License-Identifier: Apache-2.0
// Which media worker carries whom. LoadMeter says how busy one worker is, from what its thread used of a core
// and the packets it handled; ChooseForRoom and ChooseForNewcomer choose by that. Rooms stay whole while they
// fit: a room that spans workers pays for each packet that crosses.
// Sans-IO and single-threaded: control loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/time.h"

namespace jb::services {

// Loads are shares of one core: 0 idle, 1 all of it.
struct PlacementRules {
  // A worker is given nobody whose coming is expected to lift it above this: what remains is for bursts (a key
  // frame goes to everybody at once) and for encodings that get larger.
  double full = 0.7;
  // Two loads nearer than this are the same: measured ones waver by as much from one second to the next.
  double same = 0.05;
  // Another worker is worth crossing to when it is so much less loaded than the one the room is on.
  double worth_crossing = 0.2;
  // A room of fewer people stays on one worker: 8 who send 1 Mbit/s of video each are 11,000 packets a second,
  // a fiftieth of a core.
  std::size_t small_room = 8;
};

// What one more person costs, before anything of theirs was measured: they send, and all others receive that and
// send to them.
double ExpectedShare(std::size_t people_in_room, double per_packet_us);

class LoadMeter {
 public:
  LoadMeter();

  // Both grow: what the thread has used of a processor, and the packets in and out.
  void HandleSample(Duration cpu, std::uint64_t packets, Time now);
  // Somebody was put here who is expected to cost that much, and whom no sample has in it yet.
  void Promise(double share, Time now);

  // Measured, and promised.
  double share(Time now) const { return measured_ + PromisedShare(now); }
  double measured_share() const { return measured_; }
  double packets_per_second() const { return packets_per_second_; }
  // What a packet costs here; what it usually does while too few are handled to tell.
  double per_packet_us() const { return per_packet_us_; }

 private:
  double PromisedShare(Time now) const;

  std::optional<Duration> cpu_;  // of the last sample
  std::uint64_t packets_ = 0;
  Time at_{};
  double measured_ = 0;
  double packets_per_second_ = 0;
  double per_packet_us_;
  double promised_ = 0;  // at `promised_at_`; fades as it comes to be measured
  Time promised_at_{};
};

struct WorkerLoad {
  bool up = false;
  double share = 0;          // LoadMeter::share
  double per_packet_us = 0;  // LoadMeter::per_packet_us
  std::size_t people = 0;    // in all rooms
  std::size_t of_room = 0;   // of the room that is being placed
};

// For a room in which nobody is yet. nullopt: no worker is up.
std::optional<std::size_t> ChooseForRoom(std::span<const WorkerLoad> workers, const PlacementRules& rules);
// For one more person of a room that lives on `home`.
std::optional<std::size_t> ChooseForNewcomer(std::span<const WorkerLoad> workers, std::size_t home,
                                             const PlacementRules& rules);

}  // namespace jb::services
