// SPDX-License-Identifier: Apache-2.0
#include "testing/shared_link.h"

#include <algorithm>

namespace jb::testing {
namespace {

constexpr std::size_t kNumberSize = 8;

// Where the flows' packets go; the port says whose they are.
Tuple FlowTuple(std::size_t index) {
  return {TransportProtocol::kUdp, SocketAddress::Parse("198.51.100.1", static_cast<std::uint16_t>(index + 1)).value(),
          ~std::uint64_t{0}};
}

}  // namespace

SharedLink::SharedLink(std::vector<LinkStep> schedule, Time began, std::uint64_t seed)
    : schedule_(std::move(schedule)), began_(began), netem_({}, seed) {
  AdvanceTo(began);
}

std::optional<Time> SharedLink::NextTurn() const {
  Time next = netem_.NextDeadline().value_or(kNever);
  if (next_step_ < schedule_.size()) next = std::min(next, began_ + schedule_[next_step_].at);
  for (const Flow& flow : flows_) next = std::min(next, flow.flow->NextDeadline().value_or(kNever));
  if (next == kNever) return std::nullopt;
  return next;
}

std::optional<Time> SharedLink::NextDeadline() const { return NextTurn(); }

void SharedLink::AdvanceTo(Time now) {
  for (auto next = NextTurn(); next && *next <= now; next = NextTurn()) Turn(*next);
  Turn(now);
}

void SharedLink::Turn(Time now) {
  while (next_step_ < schedule_.size() && began_ + schedule_[next_step_].at <= now) {
    netem_.set_profile(schedule_[next_step_++].profile);
  }
  TakeArrived(now);
  for (std::size_t i = 0; i < flows_.size(); ++i) {
    while (const auto size = flows_[i].flow->Poll(now)) {
      filler_.resize(*size);
      StoreU64(filler_.data(), flows_[i].next_number++);
      const std::uint64_t dropped = netem_.counters().queue_dropped + netem_.counters().lost;
      netem_.Send(FlowTuple(i), filler_, now);
      if (netem_.counters().queue_dropped + netem_.counters().lost == dropped) competing_bytes_ += *size;
    }
  }
}

void SharedLink::TakeArrived(Time now) {
  while (auto datagram = netem_.Poll(now)) {
    if (datagram->tuple.connection != ~std::uint64_t{0} || datagram->bytes.size() < kNumberSize) {
      arrived_.push_back(std::move(*datagram));
      continue;
    }
    const std::size_t flow = datagram->tuple.remote.port - 1u;
    flows_[flow].flow->HandleArrived(LoadU64(datagram->bytes.data()), now);
  }
}

void SharedLink::Send(const Tuple& tuple, ByteView bytes, Time now) {
  AdvanceTo(now);
  netem_.Send(tuple, bytes, now);
}

std::optional<Netem::Datagram> SharedLink::Poll(Time now) {
  AdvanceTo(now);
  if (next_arrived_ == arrived_.size()) {
    arrived_.clear();
    next_arrived_ = 0;
    return std::nullopt;
  }
  return std::move(arrived_[next_arrived_++]);
}

}  // namespace jb::testing
