// SPDX-License-Identifier: Apache-2.0
// The media workers of this gateway, each in a slot that it keeps for life and that outlives it. Measures how
// loaded they are and says who goes where; notices a worker whose loop threw or does not come back, tells, and
// puts a fresh one in its slot. Knows rooms and people by number only. Control loop.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/metrics.h"
#include "base/result.h"
#include "io/loop.h"
#include "services/gateway/media_worker.h"
#include "services/gateway/placement.h"

namespace jb::services {

struct MediaPoolOptions {
  PlacementRules placement;
  // A loop is asked for its numbers this often. One that has let so many questions pass hangs: none of its
  // callbacks takes a hundredth of that. Counted in questions and not in time, so that a machine that slept has
  // not lost its workers.
  Duration beat = std::chrono::seconds(1);
  int missed_beats = 4;
};

class MediaPool {
 public:
  class Observer {
   public:
    virtual ~Observer() = default;
    virtual void HandleWorkerEvent(std::size_t slot, const sfu::WorkerEvent& event) = 0;
    // Before a worker goes, and after one came: the pointers to use from here on, nullptr for an empty slot.
    // Whoever shares them with another thread returns when that has let go of the old ones.
    virtual void HandleWorkersChanged(const std::vector<MediaWorker*>& workers) = 0;
    // Everything that lived on it is gone. Its slot has a fresh worker by now, unless that could not start.
    virtual void HandleWorkerLost(std::size_t slot) = 0;
  };
  // A worker for that slot, on a port of its own. `again`: the slot had one before.
  using Factory = std::function<Result<std::unique_ptr<MediaWorker>>(std::size_t slot, bool again,
                                                                     const MediaWorker::Handlers& handlers)>;

  // All given by reference outlives the pool.
  MediaPool(io::Loop& loop, Metrics& metrics, Observer& observer, Factory factory, MediaPoolOptions options = {});
  ~MediaPool();
  MediaPool(const MediaPool&) = delete;
  MediaPool& operator=(const MediaPool&) = delete;

  // Once. Fails when one of them does not start, with its reason.
  Status<> Start(std::size_t workers);

  std::size_t size() const { return slots_.size(); }
  std::size_t running() const;
  // In an empty slot there is one that refuses everything.
  MediaWorker& at(std::size_t slot);
  bool up(std::size_t slot) const { return slots_[slot].worker != nullptr; }
  // Lays the rings between two workers, unless they are there.
  void ConnectPipes(std::size_t a, std::size_t b);
  // The same of every worker. Only once one has started.
  const json::object& router_rtp_capabilities() const { return capabilities_; }

  // `people`: how many are on each worker, in all and of the room.
  struct People {
    std::vector<std::size_t> all, of_room;
  };
  std::optional<std::size_t> ChooseForRoom(const People& people) const;
  std::optional<std::size_t> ChooseForNewcomer(const People& people, std::size_t home) const;
  // Somebody has come to a room of so many.
  void Promise(std::size_t slot, std::size_t people_in_room);

  double measured_share(std::size_t slot) const { return slots_[slot].load.measured_share(); }
  double packets_per_second(std::size_t slot) const { return slots_[slot].load.packets_per_second(); }

 private:
  struct Slot {
    Slot(Metrics& metrics, std::size_t index);
    std::unique_ptr<MediaWorker> worker;  // null: none could be started
    std::uint64_t generation = 0;         // of the worker: an answer of an older one tells nothing
    int waiting = 0;                      // beats not answered
    LoadMeter load;
    Gauge up, share, packets;
    Counter restarts;
  };
  Status<> Fill(std::size_t slot, bool again);
  void Announce();
  void Beat();
  void BeatOf(std::size_t slot);
  void HandleBeat(std::size_t slot, std::uint64_t generation, const sfu::WorkerStats& stats);
  void Lose(std::size_t slot, const std::string& reason, bool hangs);
  std::vector<WorkerLoad> Loads(const People& people) const;

  Metrics& metrics_;
  Observer& observer_;
  const Factory factory_;
  const MediaPoolOptions options_;
  json::object capabilities_;
  std::vector<Slot> slots_;
  std::set<std::pair<std::size_t, std::size_t>> connected_;  // by rings, the lower one first
  std::vector<std::unique_ptr<MediaWorker>> let_go_;  // they hang; destroyed once they have come back
  std::unique_ptr<MediaWorker> absent_;
  io::Timer beat_;
};

}  // namespace jb::services
