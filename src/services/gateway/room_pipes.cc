// SPDX-License-Identifier: Apache-2.0
#include "services/gateway/room_pipes.h"

#include <utility>

namespace jb::services {
namespace {

Failure<Error> Gone() { return Fail("producer_not_found", "That producer has ended."); }

sfu::WorkerIndex IndexOf(std::size_t worker) { return sfu::WorkerIndex(static_cast<std::uint16_t>(worker)); }

}  // namespace

void RoomPipes::Open(const ProducerId& producer, std::size_t from, std::size_t to, Done done) {
  if (from == to) return done(kOk);
  const Key key{producer, to};
  const auto [it, made] = pipes_.try_emplace(key);
  Pipe& pipe = it->second;
  if (!made) {
    if (pipe.open) return done(kOk);
    return pipe.waiting.push_back(std::move(done));
  }
  pipe.id = sfu::PipeId(++last_id_);
  pipe.from = from;
  pipe.waiting.push_back(std::move(done));
  media_.ConnectPipes(from, to);
  media_.at(from).Call<Result<sfu::PipeDescriptionPtr>>(
      [producer, id = pipe.id, to](sfu::Worker& worker, Time) { return worker.AddPipe(producer, id, IndexOf(to)); },
      [this, key, id = pipe.id](const Result<sfu::PipeDescriptionPtr>& description) {
        HandleLaid(key, id, description);
      });
}

void RoomPipes::HandleLaid(const Key& key, sfu::PipeId id, const Result<sfu::PipeDescriptionPtr>& description) {
  const auto it = pipes_.find(key);
  if (it == pipes_.end() || it->second.id != id) return;  // closed meanwhile
  if (!description.ok()) {
    Forget(it);
    return;
  }
  Pipe& pipe = it->second;
  const auto& [producer, to] = key;
  media_.at(to).Run([description = *description, id, from = pipe.from](sfu::Worker& worker, Time) {
    static_cast<void>(worker.AddPipedProducer(description, id, IndexOf(from)));  // whoever consumes it will hear
  });
  pipe.open = true;
  if (pipe.paused) SetPausedAt(to, producer, *pipe.paused);
  for (const Done& done : std::exchange(pipe.waiting, {})) done(kOk);
}

RoomPipes::Pipes::iterator RoomPipes::Forget(Pipes::iterator it) {
  const std::vector<Done> waiting = std::move(it->second.waiting);
  const auto next = pipes_.erase(it);
  for (const Done& done : waiting) done(Gone());
  return next;
}

void RoomPipes::SetPausedAt(std::size_t worker, const ProducerId& producer, bool paused) {
  media_.at(worker).Run([producer, paused](sfu::Worker& w, Time now) {
    static_cast<void>(paused ? w.PauseProducer(producer, now) : w.ResumeProducer(producer, now));
  });
}

void RoomPipes::SetPaused(const ProducerId& producer, bool paused) {
  for (auto it = pipes_.lower_bound({producer, 0}); it != pipes_.end() && it->first.first == producer; ++it) {
    it->second.paused = paused;
    if (it->second.open) SetPausedAt(it->first.second, producer, paused);
  }
}

void RoomPipes::Close(const ProducerId& producer) {
  for (auto it = pipes_.lower_bound({producer, 0}); it != pipes_.end() && it->first.first == producer;) {
    media_.at(it->first.second).Run([producer](sfu::Worker& worker, Time now) {
      static_cast<void>(worker.CloseProducer(producer, now));
    });
    it = Forget(it);
  }
}

void RoomPipes::ForgetDestination(std::size_t worker) {
  for (auto it = pipes_.begin(); it != pipes_.end();) {
    if (it->first.second != worker) {
      ++it;
      continue;
    }
    media_.at(it->second.from).Run([id = it->second.id](sfu::Worker& w, Time) { w.RemovePipe(id); });
    it = Forget(it);
  }
}

void RoomPipes::Prune(const std::function<bool(const ProducerId&, std::size_t to)>& needed) {
  for (auto it = pipes_.begin(); it != pipes_.end();) {
    const auto& [producer, to] = it->first;
    if (!it->second.open || needed(producer, to)) {
      ++it;
      continue;
    }
    media_.at(it->second.from).Run([id = it->second.id](sfu::Worker& worker, Time) { worker.RemovePipe(id); });
    media_.at(to).Run([producer = producer](sfu::Worker& worker, Time now) {
      static_cast<void>(worker.CloseProducer(producer, now));
    });
    it = Forget(it);
  }
}

}  // namespace jb::services
