// SPDX-License-Identifier: Apache-2.0
// Shares what a path carries out over the layered videos that go through it: everybody's smallest picture first,
// then by turns, in steps of their priority. A step that is held costs a little less than it does, one that is new
// a little more, and one that had to be given up soon after it was taken is closed for a while, longer each time:
// layers do not flap. Pure arithmetic on what the owner collects; no allocation once its list has grown.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/time.h"
#include "media/layers/layer_ladder.h"

namespace jb::media {

// What one video remembers between two rounds.
class StepMemory {
 public:
  // A step that was given up within this time of being taken had not fitted.
  static constexpr Duration kTooSoon = std::chrono::seconds(8);
  // A size costs a key frame, and everybody sees it change: closed longer each time.
  static constexpr Duration kClosedFirst = std::chrono::seconds(10);  // doubled each time
  static constexpr Duration kClosedMax = std::chrono::seconds(60);
  // A temporal layer comes and goes for free.
  static constexpr Duration kClosedLayer = std::chrono::seconds(2);
  // This is another path than the one on which a step failed: so many times what it needs, or, since nobody looks for
  // more than is of use, what there was when it was closed.
  static constexpr std::uint64_t kNews = 2;
  static constexpr std::uint64_t kNewsSinceClosed = 8;

  // The layers it holds; nullopt: it is sent nothing.
  const std::optional<Layers>& held() const { return held_; }
  // That step, when `available_bps` are there for all videos. What is held is open.
  bool IsClosed(const LayerLadder::Step& step, std::uint64_t available_bps, Time now) const {
    if (held_ && step.layers <= *held_) return false;
    return size_.Closes(step, available_bps, now) || layer_.Closes(step, available_bps, now);
  }
  // It took a step up a moment ago.
  bool Rose(Duration lately, Time now) const { return raised_at_ && now - *raised_at_ < lately; }
  // Sent from now on, when `available_bps` are there.
  void Take(const LayerLadder& ladder, std::size_t step, std::uint64_t available_bps, Time now);

 private:
  struct Closing {
    bool Closes(const LayerLadder::Step& step, std::uint64_t available_bps, Time now) const {
      const std::uint64_t takes_bps = std::max(step.bitrate_bps, took_bps);  // small for a moment is no news
      const bool is_news = available_bps >= kNews * takes_bps || available_bps >= kNewsSinceClosed * at_bps;
      return now < until && step.layers >= from && !is_news;
    }
    Time until = Time::min();
    Layers from;                 // and up
    std::uint64_t took_bps = 0;  // what was given up took so much then...
    std::uint64_t at_bps = 0;    // ...and so much was there
  };

  std::optional<Layers> held_;
  std::optional<Time> raised_at_;
  Closing size_, layer_;
  Duration size_closed_for_{};
};

struct LayerDemand {
  const LayerLadder* ladder = nullptr;  // borrowed; ascending; empty: sends nothing
  std::uint8_t priority = 1;            // 1..255
  StepMemory* memory = nullptr;         // borrowed
  bool always = false;                  // gets its first step whatever there is
  // Filled in: a step of the ladder, or ladder->size() for nothing.
  std::size_t step = 0;
};

class LayerAllocator {
 public:
  // Of its bitrate, a step must fit with so much. Between held and new lies what an estimate does by itself: up to
  // the capacity, and back to 0.85 of it.
  static constexpr double kHeld = 0.93;
  static constexpr double kNew = 1.12;
  static constexpr double kNewSize = 1.25;  // begins with a key frame: a burst of several pictures' bits
  // What is looked for: an estimate ends a little below what it was measured with.
  static constexpr double kUseful = 1.1 * kNewSize;
  // A video of one layer has nothing to give up but itself: it is stopped only where the link is far too small for it.
  // An estimate that has yet to grow, or that jitter keeps low, is no reason.
  static constexpr double kAllOrNothing = 0.5;

  // Fills in the steps, for `available_bps` of video. `demands` in the order in which equals are served, best first.
  static void Allocate(std::span<LayerDemand> demands, std::uint64_t available_bps, Time now);
  // What was allocated is what is held from now on.
  static void Remember(std::span<LayerDemand> demands, std::uint64_t available_bps, Time now);
  // Leaves out smoothness, not size, until the steps fit into `bps`, the last first: for a moment only, since
  // temporal layers come and go for free, while another picture size costs a key frame. Not to be remembered.
  static void Thin(std::span<LayerDemand> demands, std::uint64_t bps);
  // Somebody is to get a smaller picture than it holds.
  static bool AnyLosesSize(std::span<const LayerDemand> demands);
  // Of the step that was chosen; 0: nothing.
  static std::uint64_t BitrateOf(const LayerDemand& demand) {
    return demand.step < demand.ladder->size() ? (*demand.ladder)[demand.step].bitrate_bps : 0;
  }
  // What would be sent if everything fitted, with the margin for new steps.
  static std::uint64_t UsefulBitrate(std::span<const LayerDemand> demands);
  // What everybody's first step takes, with that margin.
  static std::uint64_t SmallestBitrate(std::span<const LayerDemand> demands);
};

}  // namespace jb::media
