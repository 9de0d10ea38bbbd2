// SPDX-License-Identifier: Apache-2.0
#include "testing/netem.h"

#include <algorithm>
#include <utility>

namespace jb::testing {

using std::chrono::milliseconds;

NetemProfile CleanNetwork() { return {}; }
NetemProfile WifiNetwork() {
  return {.latency = milliseconds(20), .jitter = milliseconds(10), .loss = 0.01, .reorder = 0.01};
}
NetemProfile MobileNetwork() {
  return {.latency = milliseconds(60), .jitter = milliseconds(30), .bursts = {.to_bad = 0.005, .to_good = 0.25}};
}
NetemProfile BadNetwork() {
  return {.latency = milliseconds(150), .jitter = milliseconds(80), .loss = 0.10, .duplicate = 0.01, .reorder = 0.05};
}
NetemProfile TerribleNetwork() {
  return {.latency = milliseconds(300),
          .jitter = milliseconds(150),
          .bursts = {.to_bad = 0.05, .to_good = 0.20},
          .rate_bps = 500'000};
}

bool Netem::IsLater(const Flight& a, const Flight& b) { return std::pair(a.at, a.order) > std::pair(b.at, b.order); }

bool Netem::Chance(double probability) {
  // Drawn even when the answer is known, so that changing one probability does not shift all other
  // draws.
  return static_cast<double>(random_.U32()) < probability * 4294967296.0;
}

bool Netem::IsLost() {
  bad_state_ = bad_state_ ? !Chance(profile_.bursts.to_good) : Chance(profile_.bursts.to_bad);
  const bool burst = Chance(bad_state_ ? profile_.bursts.loss_bad : profile_.bursts.loss_good);
  const bool single = Chance(profile_.loss);
  return burst || single;
}

Duration Netem::SendingTime(std::size_t size) const {
  if (profile_.rate_bps == 0) return Duration(0);
  return Duration(static_cast<std::int64_t>(size * 8 * 1'000'000 / profile_.rate_bps));
}

Duration Netem::queueing_delay(Time now) const {
  if (waiting_.empty()) return Duration(0);
  return std::max(Duration(0), first_sent_at_ - now) + SendingTime(waiting_bytes_ - waiting_.front().bytes.size());
}

// Drops what would wait too long.
void Netem::Enqueue(const Tuple& tuple, ByteView bytes, Time now) {
  if (queueing_delay(now) > profile_.max_queue) {
    ++counters_.queue_dropped;
    return;
  }
  if (waiting_.empty()) first_sent_at_ = now + SendingTime(bytes.size());
  waiting_.push_back({tuple, Bytes(bytes.begin(), bytes.end())});
  waiting_bytes_ += bytes.size();
}

void Netem::LeaveQueue(Time now) {
  while (!waiting_.empty() && first_sent_at_ <= now) {
    waiting_bytes_ -= waiting_.front().bytes.size();
    Launch(std::move(waiting_.front()), first_sent_at_);
    waiting_.pop_front();
    if (!waiting_.empty()) first_sent_at_ += SendingTime(waiting_.front().bytes.size());
  }
}

void Netem::Send(const Tuple& tuple, ByteView bytes, Time now) {
  LeaveQueue(now);
  ++counters_.sent;
  const bool lost = IsLost();
  const bool twice = Chance(profile_.duplicate);
  if (lost || profile_.down || bytes.size() > profile_.max_datagram) {
    ++counters_.lost;
    return;
  }
  Enqueue(tuple, bytes, now);
  if (twice) {
    ++counters_.duplicated;
    Enqueue(tuple, bytes, now);
  }
  LeaveQueue(now);
}

void Netem::Launch(Datagram datagram, Time departure) {
  const std::int64_t jitter = profile_.jitter.count();
  const auto spread = static_cast<std::int64_t>(random_.U64() % static_cast<std::uint64_t>(2 * jitter + 1));
  const Duration delay = std::max(Duration(0), profile_.latency + Duration(spread - jitter));
  Time at = departure + delay;
  if (!profile_.jitter_reorders) at = std::max(at, last_arrival_);
  if (Chance(profile_.reorder)) {
    ++counters_.reordered;
    at = std::max(departure, at - profile_.reorder_lead);
  } else {
    last_arrival_ = at;
  }
  flights_.push_back({at, next_order_++, std::move(datagram)});
  std::push_heap(flights_.begin(), flights_.end(), IsLater);
}

std::optional<Time> Netem::NextDeadline() const {
  if (flights_.empty() && waiting_.empty()) return std::nullopt;
  const Time leaves = waiting_.empty() ? kNever : first_sent_at_;
  return std::min(leaves, flights_.empty() ? kNever : flights_.front().at);
}

std::optional<Netem::Datagram> Netem::Poll(Time now) {
  LeaveQueue(now);
  if (flights_.empty() || flights_.front().at > now) return std::nullopt;
  std::pop_heap(flights_.begin(), flights_.end(), IsLater);
  Datagram datagram = std::move(flights_.back().datagram);
  flights_.pop_back();
  ++counters_.delivered;
  return datagram;
}

}  // namespace jb::testing
