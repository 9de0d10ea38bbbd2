// SPDX-License-Identifier: Apache-2.0
#include "services/gateway/placement.h"

#include <algorithm>
#include <cmath>

namespace jb::services {
namespace {

// Samples come once a second: two thirds of a change show after two of them, so that a key frame is no trend.
constexpr double kNewSampleWeight = 0.4;
// A promise has faded to a third when as much of it is measured.
constexpr double kPromiseSeconds = 4;
// Opus at 20 ms, and 1 Mbit/s of video in packets of 1000 bytes.
constexpr double kPacketsPerPerson = 50 + 125;
// Received or sent, SRTP and system call included: what this costs on a core of 2020 under some load.
constexpr double kUsualPerPacketUs = 1.5;
// Below this rate a thread's share is mostly timers and reports.
constexpr double kTellingPacketsPerSecond = 5000;
constexpr double kLeastPerPacketUs = 0.2, kMostPerPacketUs = 10;

bool Less(const WorkerLoad& a, const WorkerLoad& b, double same) {
  if (std::abs(a.share - b.share) > same) return a.share < b.share;
  if (a.people != b.people) return a.people < b.people;
  return a.share < b.share;
}

// The least loaded of those that `fits` says yes to.
template <class Fits>
std::optional<std::size_t> LeastLoaded(std::span<const WorkerLoad> workers, double same, Fits fits) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < workers.size(); ++i) {
    if (!workers[i].up || !fits(workers[i])) continue;
    if (!best || Less(workers[i], workers[*best], same)) best = i;
  }
  return best;
}

}  // namespace

double ExpectedShare(std::size_t people_in_room, double per_packet_us) {
  const double packets = kPacketsPerPerson * (1 + 2 * static_cast<double>(people_in_room));
  return packets * per_packet_us / 1e6;
}

LoadMeter::LoadMeter() : per_packet_us_(kUsualPerPacketUs) {}

void LoadMeter::HandleSample(Duration cpu, std::uint64_t packets, Time now) {
  const double seconds = ToSeconds(now - at_);
  if (cpu_ && seconds > 0) {
    const double used = ToSeconds(cpu - *cpu_);
    const double rate = static_cast<double>(packets - packets_) / seconds;
    measured_ += kNewSampleWeight * (std::clamp(used / seconds, 0.0, 1.0) - measured_);
    packets_per_second_ += kNewSampleWeight * (rate - packets_per_second_);
    if (rate >= kTellingPacketsPerSecond) {
      const double us = std::clamp(used / seconds / rate * 1e6, kLeastPerPacketUs, kMostPerPacketUs);
      per_packet_us_ += kNewSampleWeight * (us - per_packet_us_);
    }
  }
  cpu_ = cpu;
  packets_ = packets;
  at_ = now;
}

void LoadMeter::Promise(double share, Time now) {
  promised_ = PromisedShare(now) + share;
  promised_at_ = now;
}

double LoadMeter::PromisedShare(Time now) const {
  return promised_ * std::exp(-ToSeconds(now - promised_at_) / kPromiseSeconds);
}

std::optional<std::size_t> ChooseForRoom(std::span<const WorkerLoad> workers, const PlacementRules& rules) {
  return LeastLoaded(workers, rules.same, [](const WorkerLoad&) { return true; });
}

std::optional<std::size_t> ChooseForNewcomer(std::span<const WorkerLoad> workers, std::size_t home,
                                             const PlacementRules& rules) {
  std::size_t people = 0;
  for (const WorkerLoad& worker : workers) people += worker.of_room;
  const auto fits = [&](const WorkerLoad& worker) {
    return worker.share + ExpectedShare(people, worker.per_packet_us) <= rules.full;
  };
  const bool home_up = workers[home].up;
  if (home_up && (people < rules.small_room || fits(workers[home]))) return home;
  // Where the room is already, its packets cross already.
  const auto here = [&](const WorkerLoad& worker) { return worker.of_room > 0; };
  const auto known = LeastLoaded(workers, rules.same, [&](const WorkerLoad& w) { return here(w) && fits(w); });
  if (known) return known;
  const auto other = LeastLoaded(workers, rules.same, [](const WorkerLoad&) { return true; });
  if (!other || !home_up) return other;
  const auto least_here = LeastLoaded(workers, rules.same, here).value_or(home);
  const bool worth = workers[*other].share + rules.worth_crossing <= workers[least_here].share;
  return worth ? *other : least_here;
}

}  // namespace jb::services
