// SPDX-License-Identifier: Apache-2.0
// Which media worker carries whom, and what becomes of a call when one dies.
#include "services/gateway/calls.h"

namespace jb::services {

Status<> Calls::StartMedia(std::size_t workers, MediaPool::Factory factory, const MediaPoolOptions& options) {
  people_.assign(workers, 0);
  MediaPool::Observer& observer = *this;
  media_ = std::make_unique<MediaPool>(loop_, metrics_, observer, std::move(factory), options);
  return media_->Start(workers);
}

Result<std::size_t> Calls::ChooseWorker(room::RoomEntry& entry) {
  std::optional<std::size_t> chosen = entry.worker;
  if (entry.room->size() == 0) chosen = media_->ChooseForRoom({people_, std::vector<std::size_t>(people_.size())});
  if (!chosen || !media_->up(*chosen)) {
    return Fail("media_unavailable", "No media worker runs on this server at present. Try again in a moment.");
  }
  return entry.worker = *chosen;
}

void Calls::HandleWorkersChanged(const std::vector<MediaWorker*>& workers) { interpreter_->SetWorkers(workers); }

void Calls::HandleWorkerLost(std::size_t worker) {
  for (auto& [socket, session] : sessions_) {
    if (!session.joined() || session.worker != worker) continue;
    while (!session.transports.empty()) DropTransport(session, session.transports.begin()->first, "workerLost");
  }
  if (!media_->up(worker)) MoveFrom(worker);
  RemakeTranslatedTracks(worker);
}

void Calls::MoveFrom(std::size_t worker) {
  for (const auto& [code, entry] : registry_.rooms()) {
    if (entry.worker != worker || entry.room->size() == 0) continue;
    // Its people too: they have no transport now, and make the next ones there.
    const auto home = media_->ChooseForRoom({people_, std::vector<std::size_t>(people_.size())});
    if (!home) return;
    FindRoom(code)->worker = *home;
    interpreter_->MoveRoom(RoomCode(code), *home);
    for (auto& [socket, session] : sessions_) {
      if (session.room.value() != code || session.worker != worker) continue;
      --people_[worker];
      ++people_[*home];
      session.worker = *home;
    }
  }
}

// Who listened to them is told that they are gone, and that they are there again.
void Calls::RemakeTranslatedTracks(std::size_t worker) {
  std::vector<ProducerId> lost;
  for (const auto& [id, track] : translated_tracks_) {
    if (track.worker == worker) lost.push_back(id);
  }
  for (const ProducerId& id : lost) {
    TranslatedTrack& track = translated_tracks_.at(id);
    room::RoomEntry* entry = registry_.Find(track.room.value());
    if (!entry) continue;
    entry->room->RemoveProducer(id);
    Drain(*entry->room);
    // Of a microphone that is gone too: the interpreter will say that it is no longer wanted.
    if (!entry->room->FindProducer(track.what.microphone).first) continue;
    track.worker = entry->worker;
    MakeTranslatedTrack(id);
  }
}

}  // namespace jb::services
