// SPDX-License-Identifier: Apache-2.0
#include "media/bwe/layer_allocator.h"

#include <algorithm>

namespace jb::media {
namespace {

std::uint64_t Times(std::uint64_t bps, double factor) {
  return static_cast<std::uint64_t>(static_cast<double>(bps) * factor) + 1;
}

// ladder.size() when it is not there.
std::size_t IndexOf(const LayerLadder& ladder, const std::optional<Layers>& layers) {
  const auto found = std::find_if(ladder.begin(), ladder.end(), [&](const auto& step) { return step.layers == layers; });
  return static_cast<std::size_t>(found - ladder.begin());
}

// How dear a step is, seen from the one that is held.
double Margin(const LayerDemand& demand, std::size_t step) {
  const LayerLadder& ladder = *demand.ladder;
  if (ladder.size() == 1) return LayerAllocator::kAllOrNothing;
  const auto& held = demand.memory->held();
  if (const std::size_t at = IndexOf(ladder, held); at < ladder.size() && step <= at) return LayerAllocator::kHeld;
  const bool same_size = held && held->spatial == ladder[step].layers.spatial;
  return same_size ? LayerAllocator::kNew : LayerAllocator::kNewSize;
}

// Bits per second that a step takes from what is available.
std::uint64_t Price(const LayerDemand& demand, std::size_t step) {
  return Times((*demand.ladder)[step].bitrate_bps, Margin(demand, step));
}

// What must be there to take a step from the one before it. A larger picture that would move less than the smaller one
// does is not worth its key frame, and not worth looking at for long, unless it fits with the next of its temporal
// layers too; where it is shown already, unless that almost fits.
std::uint64_t EntryPrice(const LayerDemand& demand, std::size_t step) {
  const LayerLadder& ladder = *demand.ladder;
  const bool rougher = step > 0 && ladder[step].layers.temporal < ladder[step - 1].layers.temporal;
  const bool can_be_smoother = step + 1 < ladder.size() && ladder[step + 1].layers.spatial == ladder[step].layers.spatial;
  if (!rougher || !can_be_smoother) return Price(demand, step);
  const auto& held = demand.memory->held();
  const bool is_shown = held && held->spatial == ladder[step].layers.spatial;
  if (!is_shown) return Price(demand, step + 1);
  return std::max(Price(demand, step), Times(ladder[step + 1].bitrate_bps, LayerAllocator::kHeld));
}

bool IsNothing(const LayerDemand& demand) { return demand.step == demand.ladder->size(); }

// One step up, if it fits into `left`.
bool StepUp(LayerDemand& demand, std::uint64_t available, std::uint64_t& left, Time now) {
  const std::size_t next = IsNothing(demand) ? 0 : demand.step + 1;
  if (next >= demand.ladder->size()) return false;
  if (demand.memory->IsClosed((*demand.ladder)[next], available, now)) return false;
  const std::uint64_t paid = IsNothing(demand) ? 0 : Price(demand, demand.step);
  const std::uint64_t price = Price(demand, next);
  if (EntryPrice(demand, next) > left + paid) return false;
  left = left + paid - price;
  demand.step = next;
  return true;
}

void TakeFirst(LayerDemand& demand, std::uint64_t& left) {
  demand.step = 0;
  left -= std::min(left, Price(demand, 0));
}

}  // namespace

void LayerAllocator::Allocate(std::span<LayerDemand> demands, std::uint64_t available_bps, Time now) {
  std::uint64_t left = available_bps;
  for (LayerDemand& demand : demands) demand.step = demand.ladder->size();
  for (LayerDemand& demand : demands) {
    if (demand.ladder->empty()) continue;
    if (demand.always) {
      TakeFirst(demand, left);
    } else {
      StepUp(demand, available_bps, left, now);
    }
  }
  for (bool moved = true; moved;) {
    moved = false;
    for (LayerDemand& demand : demands) {
      if (demand.ladder->empty() || IsNothing(demand)) continue;
      for (int turn = 0; turn < demand.priority && StepUp(demand, available_bps, left, now); ++turn) moved = true;
    }
  }
}

void LayerAllocator::Thin(std::span<LayerDemand> demands, std::uint64_t bps) {
  std::uint64_t sum = 0;
  for (const LayerDemand& demand : demands) sum += BitrateOf(demand);
  for (std::size_t i = demands.size(); i > 0 && sum > bps; --i) {
    LayerDemand& demand = demands[i - 1];
    if (IsNothing(demand)) continue;
    const LayerLadder& ladder = *demand.ladder;
    const std::uint8_t spatial = ladder[demand.step].layers.spatial;
    for (std::size_t lower = demand.step; lower > 0 && sum > bps; --lower) {
      const LayerLadder::Step& step = ladder[lower - 1];
      if (step.layers.spatial != spatial || step.bitrate_bps > ladder[demand.step].bitrate_bps) continue;
      sum -= ladder[demand.step].bitrate_bps - step.bitrate_bps;
      demand.step = lower - 1;
    }
  }
}

std::uint64_t LayerAllocator::UsefulBitrate(std::span<const LayerDemand> demands) {
  std::uint64_t sum = 0;
  for (const LayerDemand& demand : demands) {
    if (!demand.ladder->empty()) sum += Times((*demand.ladder)[demand.ladder->size() - 1].bitrate_bps, kUseful);
  }
  return sum;
}

std::uint64_t LayerAllocator::SmallestBitrate(std::span<const LayerDemand> demands) {
  std::uint64_t sum = 0;
  for (const LayerDemand& demand : demands) {
    if (!demand.ladder->empty()) sum += Times((*demand.ladder)[0].bitrate_bps, kNewSize);
  }
  return sum;
}

bool LayerAllocator::AnyLosesSize(std::span<const LayerDemand> demands) {
  return std::any_of(demands.begin(), demands.end(), [](const LayerDemand& demand) {
    const auto& held = demand.memory->held();
    return held && (IsNothing(demand) || (*demand.ladder)[demand.step].layers.spatial < held->spatial);
  });
}

void LayerAllocator::Remember(std::span<LayerDemand> demands, std::uint64_t available_bps, Time now) {
  for (LayerDemand& demand : demands) demand.memory->Take(*demand.ladder, demand.step, available_bps, now);
}

void StepMemory::Take(const LayerLadder& ladder, std::size_t step, std::uint64_t available_bps, Time now) {
  const auto layers = step < ladder.size() ? std::optional(ladder[step].layers) : std::nullopt;
  if (layers == held_) return;
  const auto before = IndexOf(ladder, held_);
  held_ = layers;
  // What is not in the ladder any more was given up by its sender or its receiver, not by the link.
  if (before == ladder.size() || (layers && step > before)) {
    raised_at_ = now;
  } else {
    const auto [lost, took_bps] = ladder[before];
    const bool too_soon = raised_at_ && now - *raised_at_ < kTooSoon;
    if (!layers || layers->spatial < lost.spatial) {
      // Of a size that was given up, no less is worth another key frame.
      size_closed_for_ = too_soon ? std::clamp(2 * size_closed_for_, kClosedFirst, kClosedMax) : Duration(0);
      size_ = {now + size_closed_for_, {lost.spatial, 0}, took_bps, available_bps};
    } else {
      layer_ = {now + (too_soon ? kClosedLayer : Duration(0)), lost, took_bps, available_bps};
    }
  }
}

}  // namespace jb::media
