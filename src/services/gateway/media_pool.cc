// SPDX-License-Identifier: Apache-2.0
#include "services/gateway/media_pool.h"

#include <algorithm>

#include "base/log.h"
#include "io/clock.h"

namespace jb::services {
namespace {

// What is in an empty slot.
class AbsentWorker : public MediaWorker {
 public:
  explicit AbsentWorker(io::Loop& loop) : loop_(loop) {}
  ~AbsentWorker() override { *alive_ = false; }
  // Not at once: whoever asks has not finished asking.
  void Run(std::function<void(sfu::Worker&, Time)>) override {
    loop_.Post([this, alive = alive_] {
      if (*alive) FailCalls();
    });
  }
  bool Inject(InjectedFrame) override { return false; }
  const json::object& router_rtp_capabilities() const override { return none_; }

 private:
  void Answer(std::function<void()>) override {}

  io::Loop& loop_;
  const json::object none_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

Labels LabelsOf(std::size_t slot) { return {{"worker", std::to_string(slot)}}; }

}  // namespace

MediaPool::Slot::Slot(Metrics& metrics, std::size_t index)
    : up(metrics.GetGauge("jbcalling_worker_up", "1 while a media worker runs in that slot", LabelsOf(index))),
      share(metrics.GetGauge("jbcalling_worker_load", "Share of a core that the media worker's thread uses",
                             LabelsOf(index))),
      packets(metrics.GetGauge("jbcalling_worker_packets_per_second", "RTP packets in and out of the media worker",
                               LabelsOf(index))),
      restarts(metrics.GetCounter("jbcalling_worker_restarts_total", "Media workers replaced because they died",
                                  LabelsOf(index))) {}

MediaPool::MediaPool(io::Loop& loop, Metrics& metrics, Observer& observer, Factory factory, MediaPoolOptions options)
    : metrics_(metrics),
      observer_(observer),
      factory_(std::move(factory)),
      options_(options),
      absent_(std::make_unique<AbsentWorker>(loop)),
      beat_(loop) {}

MediaPool::~MediaPool() {
  for (auto& worker : let_go_) {
    // A thread that hangs cannot be joined, and what it may still touch cannot be freed: the process ends with it.
    if (!worker->Ended()) static_cast<void>(worker.release());
  }
}

Status<> MediaPool::Start(std::size_t workers) {
  for (std::size_t i = 0; i < workers; ++i) {
    slots_.emplace_back(metrics_, i);
    JB_TRY_VOID(Fill(i, /*again=*/false));
  }
  capabilities_ = slots_[0].worker->router_rtp_capabilities();
  Announce();
  beat_.StartIn(options_.beat, [this] { Beat(); });
  return kOk;
}

Status<> MediaPool::Fill(std::size_t slot, bool again) {
  MediaWorker::Handlers handlers;
  handlers.on_event = [this](std::size_t from, const sfu::WorkerEvent& event) {
    observer_.HandleWorkerEvent(from, event);
  };
  handlers.on_death = [this](std::size_t from, const std::string& what) { Lose(from, what, /*hangs=*/false); };
  JB_TRY(auto worker, factory_(slot, again, handlers));
  Slot& it = slots_[slot];
  it.worker = std::move(worker);
  it.waiting = 0;
  it.load = LoadMeter();
  it.up.Set(1);
  return kOk;
}

void MediaPool::Announce() {
  std::vector<MediaWorker*> workers;
  for (const Slot& slot : slots_) workers.push_back(slot.worker.get());
  observer_.HandleWorkersChanged(workers);
}

std::size_t MediaPool::running() const {
  return static_cast<std::size_t>(
      std::count_if(slots_.begin(), slots_.end(), [](const Slot& slot) { return slot.worker != nullptr; }));
}

MediaWorker& MediaPool::at(std::size_t slot) { return slots_[slot].worker ? *slots_[slot].worker : *absent_; }

void MediaPool::ConnectPipes(std::size_t a, std::size_t b) {
  if (!connected_.insert(std::minmax(a, b)).second) return;
  for (const auto& [from, to] : {std::pair{a, b}, std::pair{b, a}}) {
    const auto ring = std::make_shared<PipeRing>(kPipeSlots);
    at(to).ConnectPipeIn(sfu::WorkerIndex(static_cast<std::uint16_t>(from)), ring);
    at(from).ConnectPipeOut(sfu::WorkerIndex(static_cast<std::uint16_t>(to)), ring, at(to).pipe_signal());
  }
}

// --- watching ---

void MediaPool::Beat() {
  std::erase_if(let_go_, [](const auto& worker) { return worker->Ended(); });
  for (std::size_t i = 0; i < slots_.size(); ++i) BeatOf(i);
  beat_.StartIn(options_.beat, [this] { Beat(); });
}

void MediaPool::BeatOf(std::size_t i) {
  Slot& slot = slots_[i];
  if (!slot.worker) {
    if (const auto filled = Fill(i, /*again=*/true); filled.ok()) Announce();
    return;
  }
  if (slot.waiting >= options_.missed_beats) return Lose(i, "its loop does not come back", /*hangs=*/true);
  ++slot.waiting;
  slot.worker->Call<Result<sfu::WorkerStats>>(
      [](sfu::Worker& worker, Time) { return worker.stats(); },
      [this, i, generation = slot.generation](const Result<sfu::WorkerStats>& stats) {
        if (stats.ok()) HandleBeat(i, generation, *stats);
      });
}

void MediaPool::HandleBeat(std::size_t i, std::uint64_t generation, const sfu::WorkerStats& stats) {
  Slot& slot = slots_[i];
  if (slot.generation != generation || !slot.worker) return;
  slot.waiting = 0;
  slot.load.HandleSample(slot.worker->CpuTime(), stats.packets_in + stats.packets_out, io::Now());
  slot.share.Set(slot.load.measured_share());
  slot.packets.Set(slot.load.packets_per_second());
}

void MediaPool::Lose(std::size_t i, const std::string& reason, bool hangs) {
  Log(LogLevel::kError, "a media worker died", {{"worker", i}, {"reason", reason}});
  Slot& slot = slots_[i];
  std::unique_ptr<MediaWorker> dead = std::move(slot.worker);
  ++slot.generation;
  slot.load = LoadMeter();
  std::erase_if(connected_, [i](const auto& pair) { return pair.first == i || pair.second == i; });
  for (Gauge* gauge : {&slot.up, &slot.share, &slot.packets}) gauge->Set(0);
  slot.restarts.Add();
  Announce();
  dead->FailCalls();
  if (hangs) {
    dead->LetGo();
    let_go_.push_back(std::move(dead));
  }
  dead.reset();  // its port is free again
  if (const auto filled = Fill(i, /*again=*/true); filled.ok()) {
    Announce();
  } else {
    Log(LogLevel::kError, "no media worker could be started in its place; tried again each second",
        {{"worker", i}, {"reason", filled.error().message}});
  }
  observer_.HandleWorkerLost(i);
}

// --- choosing ---

std::vector<WorkerLoad> MediaPool::Loads(const People& people) const {
  std::vector<WorkerLoad> out;
  const Time now = io::Now();
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    out.push_back({.up = up(i),
                   .share = slots_[i].load.share(now),
                   .per_packet_us = slots_[i].load.per_packet_us(),
                   .people = people.all[i],
                   .of_room = people.of_room[i]});
  }
  return out;
}

std::optional<std::size_t> MediaPool::ChooseForRoom(const People& people) const {
  return services::ChooseForRoom(Loads(people), options_.placement);
}

std::optional<std::size_t> MediaPool::ChooseForNewcomer(const People& people, std::size_t home) const {
  return services::ChooseForNewcomer(Loads(people), home, options_.placement);
}

void MediaPool::Promise(std::size_t slot, std::size_t people_in_room) {
  LoadMeter& load = slots_[slot].load;
  load.Promise(ExpectedShare(people_in_room, load.per_packet_us()), io::Now());
}

}  // namespace jb::services
