// SPDX-License-Identifier: Apache-2.0
// Hostile datagrams at a chosen rate: a quarter from an Insider, the rest from Strangers of every kind. Loop thread;
// borrows the loop.
#pragma once

#include <array>
#include <deque>
#include <map>
#include <string>

#include "base/json.h"
#include "client/seeded_choices.h"
#include "hostile/insider.h"
#include "hostile/stranger.h"
#include "io/udp_fleet.h"

namespace jb::hostile {

class Attack {
 public:
  Attack(io::Loop& loop, std::string url, std::string room);

  // Joins, and arms. Blocks. "no_answer": even a rightful check is not answered, so silence would prove nothing.
  Status<> Prepare();
  // Blocks for `span`, and a second for late answers.
  void Run(double per_second, Duration span);

  // More went back to a stranger than it had sent.
  bool Amplified() const;
  json::object Report() const;

 private:
  void AddStrangers();
  Status<> ProveThatAnswersWouldBeSeen();
  void Step();
  void ThrowFromInside();

  io::Loop& loop_;
  io::UdpFleet sockets_;
  // Quick, and the same attack each time; nothing secret comes of it.
  client::SeededChoices random_{1};
  Insider insider_;
  std::deque<Stranger> strangers_;
  std::size_t next_stranger_ = 0;
  std::map<std::string, std::uint64_t, std::less<>> inside_;  // datagrams, by kind
  std::uint64_t sent_ = 0, skipped_ = 0;
  double per_second_ = 0;
  Time began_{};
  Duration took_{};
  io::Timer timer_;
};

}  // namespace jb::hostile
