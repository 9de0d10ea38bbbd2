// SPDX-License-Identifier: Apache-2.0
// Which media worker carries whom, and what becomes of a call when one dies.
#include <set>

#include "services/gateway/calls.h"

namespace jb::services {
namespace {

// A pipe that nobody needs costs a copy of each packet until then.
constexpr Duration kPrunePipesEvery = std::chrono::seconds(5);

}  // namespace

Status<> Calls::StartMedia(std::size_t workers, MediaPool::Factory factory, const MediaPoolOptions& options) {
  people_.assign(workers, 0);
  MediaPool::Observer& observer = *this;
  media_ = std::make_unique<MediaPool>(loop_, metrics_, observer, std::move(factory), options);
  pipes_ = std::make_unique<RoomPipes>(*media_);
  PrunePipesLater();
  return media_->Start(workers);
}

Result<std::size_t> Calls::ChooseWorker(room::RoomEntry& entry) {
  const MediaPool::People people = PeopleOf(entry);
  const bool opens = entry.room->size() == 0;
  const auto chosen = opens ? media_->ChooseForRoom(people) : media_->ChooseForNewcomer(people, entry.worker);
  if (!chosen) {
    return Fail("media_unavailable", "No media worker runs on this server at present. Try again in a moment.");
  }
  if (opens) entry.worker = *chosen;
  return *chosen;
}

MediaPool::People Calls::PeopleOf(const room::RoomEntry& entry) {
  MediaPool::People people{people_, std::vector<std::size_t>(people_.size())};
  for (const room::Participant* participant : entry.room->Participants()) {
    if (const Session* session = FindByParticipant(participant->id)) ++people.of_room[session->worker];
  }
  return people;
}

// --- rooms that span workers ---

std::optional<std::size_t> Calls::OriginOf(const room::Room& room, const ProducerId& producer) {
  if (const auto track = translated_tracks_.find(producer); track != translated_tracks_.end()) {
    return track->second.worker;
  }
  const room::Participant* owner = room.FindProducer(producer).first;
  const Session* session = owner ? FindByParticipant(owner->id) : nullptr;
  if (!session) return std::nullopt;
  return session->worker;
}

void Calls::ObserveMicrophone(const room::RoomEntry& entry, const ProducerId& producer, std::size_t worker) {
  const std::size_t home = entry.worker;
  pipes_->Open(producer, worker, home, [this, producer, home, code = entry.room->code()](const Status<>& there) {
    if (!there.ok()) return;  // it has gone meanwhile
    media_->at(home).Run([producer, code](sfu::Worker& w, Time) {
      static_cast<void>(w.SetSpeakerGroup(producer, code));  // as well
    });
  });
}

// Those on `except` are gone, and come back by themselves.
void Calls::ObserveMicrophones(const room::RoomEntry& entry, std::size_t except) {
  for (const room::Participant* participant : entry.room->Participants()) {
    const Session* session = FindByParticipant(participant->id);
    if (!session || session->worker == except) continue;
    for (const room::Producer& producer : participant->producers) {
      if (producer.source == room::Source::kMic) ObserveMicrophone(entry, producer.id, session->worker);
    }
  }
}

void Calls::PrunePipesLater() {
  prune_pipes_.StartIn(kPrunePipesEvery, [this] {
    PrunePipes();
    PrunePipesLater();
  });
}

void Calls::PrunePipes() {
  if (pipes_->size() == 0) return;
  std::set<std::pair<ProducerId, std::size_t>> needed;
  for (const auto& [socket, session] : sessions_) {
    if (!session.joined()) continue;
    const room::RoomEntry& entry = EntryOf(session);
    for (const auto& [consumer, what] : session.consumers) needed.emplace(what.producer, session.worker);
    for (const auto& [producer, transport] : session.producers) {
      const room::Producer* known = entry.room->FindProducer(producer).second;
      if (known && known->source == room::Source::kMic) needed.emplace(producer, entry.worker);
    }
  }
  pipes_->Prune([&](const ProducerId& producer, std::size_t to) { return needed.contains({producer, to}); });
}

// --- workers that die ---

void Calls::HandleWorkersChanged(const std::vector<MediaWorker*>& workers) { interpreter_->SetWorkers(workers); }

void Calls::HandleWorkerLost(std::size_t worker) {
  pipes_->ForgetDestination(worker);
  for (auto& [socket, session] : sessions_) {
    if (!session.joined() || session.worker != worker) continue;
    while (!session.transports.empty()) DropTransport(session, session.transports.begin()->first, "workerLost");
  }
  if (!media_->up(worker)) MoveFrom(worker);
  // Who speaks in a room that lived there is found out on the worker in its place.
  for (const auto& [code, entry] : registry_.rooms()) {
    if (entry.room->size() > 0 && entry.worker == worker) ObserveMicrophones(entry, worker);
  }
  RemakeTranslatedTracks(worker);
}

void Calls::MoveFrom(std::size_t worker) {
  for (const auto& [code, entry] : registry_.rooms()) {
    if (entry.worker != worker || entry.room->size() == 0) continue;
    // Its people too: they have no transport now, and make the next ones there.
    const auto home = media_->ChooseForRoom({people_, std::vector<std::size_t>(people_.size())});
    if (!home) return;
    FindRoom(code)->worker = *home;
    ObserveMicrophones(entry, worker);
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
    pipes_->Close(id);
    entry->room->RemoveProducer(id);
    Drain(*entry->room);
    // Of a microphone that is gone too: the interpreter will say that it is no longer wanted.
    if (!entry->room->FindProducer(track.what.microphone).first) continue;
    track.worker = entry->worker;
    MakeTranslatedTrack(id);
  }
}

}  // namespace jb::services
