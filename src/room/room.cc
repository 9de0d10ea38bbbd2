// SPDX-License-Identifier: Apache-2.0
#include "room/room.h"

#include <algorithm>

#include "room/wire.h"

namespace jb::room {

Room::Room(RoomCode code, std::string name, WallTime created_at, Time created, RoomLimits limits)
    : code_(std::move(code)), name_(std::move(name)), created_at_(created_at), created_(created), limits_(limits) {}

Status<> Room::Join(ParticipantId id, const JoinRequest& request) {
  JB_CHECK(!Find(id));
  if (participants_.size() >= limits_.max_participants) {
    return Fail("room_full", "This room is full: " + std::to_string(limits_.max_participants) +
                                 " people are in it. Try again when somebody has left.");
  }
  const std::vector<ParticipantId> others = Everybody();
  participants_.push_back({.id = std::move(id),
                           .name = request.name,
                           .speaks = request.speaks,
                           .hears = request.hears,
                           .voice = request.voice,
                           .hand_raised = false,
                           .producers = {}});
  Notify(others, "participantJoined", ToJson(participants_.back(), {}));
  return kOk;
}

void Room::Leave(const ParticipantId& id, LeaveReason reason) {
  Participant* leaving = FindMutable(id);
  if (!leaving) return;
  for (const Producer& producer : leaving->producers) {
    NotifyProducerRemoved(*leaving, producer.id, ViewersOf(*leaving, producer));
  }
  std::erase_if(participants_, [&](const Participant& p) { return p.id == id; });
  Notify(Everybody(), "participantLeft", {{"id", id.value()}, {"reason", ToText(reason)}});
  if (active_speaker_ == id) SetActiveSpeaker(std::nullopt);
}

json::object Room::Snapshot(const ParticipantId& newcomer) const {
  const Participant* viewer = Find(newcomer);
  JB_CHECK(viewer);
  json::array participants, chat, captions;
  for (const Participant& p : participants_) {
    if (p.id != newcomer) participants.push_back(ToJson(p, VisibleTo(*viewer, p)));
  }
  for (const ChatMessage& message : chat_) chat.push_back(ToJson(message));
  const std::size_t skip =
      final_captions_.size() > limits_.captions_on_join ? final_captions_.size() - limits_.captions_on_join : 0;
  for (std::size_t i = skip; i < final_captions_.size(); ++i) {
    captions.push_back(ToJson(final_captions_[i]));
  }
  return {{"room", json::object{{"code", code_.value()}, {"name", name_}}},
          {"participants", std::move(participants)},
          {"chat", std::move(chat)},
          {"captions", std::move(captions)}};
}

Status<> Room::AddProducer(const ParticipantId& owner, Producer producer) {
  Participant* participant = FindMutable(owner);
  JB_CHECK(participant);
  const auto own = std::count_if(participant->producers.begin(), participant->producers.end(),
                                 [](const Producer& p) { return p.source != Source::kTranslation; });
  if (static_cast<std::size_t>(own) >= limits_.max_producers_each) {
    return Fail("limit_reached",
                "You already send " + std::to_string(own) + " tracks. Close one before you send another.");
  }
  participant->producers.push_back(std::move(producer));
  const Producer& added = participant->producers.back();
  NotifyProducerAdded(*participant, added, ViewersOf(*participant, added));
  return kOk;
}

Status<> Room::AddTranslation(const ParticipantId& owner, ProducerId id, Language lang, ProducerId microphone) {
  Participant* participant = FindMutable(owner);
  if (!participant) return Fail("participant_not_found", "The speaker has left.");
  participant->producers.push_back({.id = std::move(id),
                                    .kind = MediaKind::kAudio,
                                    .source = Source::kTranslation,
                                    .paused = false,
                                    .lang = std::move(lang),
                                    .translated_from = std::move(microphone)});
  const Producer& added = participant->producers.back();
  NotifyProducerAdded(*participant, added, ViewersOf(*participant, added));
  return kOk;
}

void Room::RemoveProducer(const ProducerId& id) {
  const auto [owner, producer] = FindProducer(id);
  if (!owner) return;
  NotifyProducerRemoved(*owner, id, ViewersOf(*owner, *producer));
  std::erase_if(FindMutable(owner->id)->producers, [&](const Producer& p) { return p.id == id; });
}

void Room::SetProducerPaused(const ProducerId& id, bool paused) {
  Producer* producer = FindProducerMutable(id);
  if (!producer || producer->paused == paused) return;
  producer->paused = paused;
  const Participant* owner = FindProducer(id).first;
  Notify(ViewersOf(*owner, *producer), paused ? "producerPaused" : "producerResumed",
         {{"participantId", owner->id.value()}, {"producerId", id.value()}});
}

void Room::SetLanguages(const ParticipantId& id, const LanguageChange& change) {
  Participant* viewer = FindMutable(id);
  if (!viewer) return;
  const Participant before = *viewer;
  if (change.speaks) viewer->speaks = *change.speaks;
  if (change.hears) viewer->hears = *change.hears;
  if (change.voice) viewer->voice = *change.voice;
  // Translated voices come and go for this listener as the language heard changes.
  for (const Participant& owner : participants_) {
    if (owner.id == id) continue;
    for (const Producer& producer : owner.producers) {
      const bool saw = Sees(before, owner, producer), sees = Sees(*viewer, owner, producer);
      if (saw && !sees) NotifyProducerRemoved(owner, producer.id, {id});
      if (!saw && sees) NotifyProducerAdded(owner, producer, {id});
    }
  }
  NotifyUpdated(*viewer);
}

void Room::SetHandRaised(const ParticipantId& id, bool raised) {
  Participant* participant = FindMutable(id);
  if (!participant || participant->hand_raised == raised) return;
  participant->hand_raised = raised;
  NotifyUpdated(*participant);
}

void Room::React(const ParticipantId& id, const std::string& emoji) {
  Notify(Everybody(), "reaction", {{"participantId", id.value()}, {"emoji", emoji}});
}

void Room::AddChat(ChatMessage message) {
  Notify(Everybody(), "chatMessage", ToJson(message));
  chat_.push_back(std::move(message));
  if (chat_.size() > limits_.chat_kept) chat_.pop_front();
}

void Room::UpdateCaption(const Caption& caption) {
  const bool already_final = std::any_of(final_captions_.rbegin(), final_captions_.rend(),
                                         [&](const Caption& c) { return c.id == caption.id; });
  if (already_final) return;
  const auto open = open_captions_.find(caption.id);
  if (open != open_captions_.end() && caption.rev <= open->second) return;
  if (caption.final) {
    open_captions_.erase(caption.id);
    // A clause that turned out to be no speech is withdrawn on screen and is not kept.
    if (!caption.text.empty()) final_captions_.push_back(caption);
    if (final_captions_.size() > limits_.captions_kept) final_captions_.pop_front();
  } else {
    // More open captions than people who can speak is a leak of the speech side: forget the oldest.
    if (open_captions_.size() > 4 * limits_.max_participants) open_captions_.erase(open_captions_.begin());
    open_captions_[caption.id] = caption.rev;
  }
  Notify(Everybody(), "caption", ToJson(caption));
}

void Room::SetActiveSpeaker(std::optional<ParticipantId> speaker) {
  if (speaker == active_speaker_) return;
  active_speaker_ = std::move(speaker);
  json::value id = active_speaker_ ? json::value(active_speaker_->value()) : json::value(nullptr);
  Notify(Everybody(), "activeSpeaker", {{"participantId", std::move(id)}});
}

void Room::Broadcast(std::string event, json::object data) { Notify(Everybody(), std::move(event), std::move(data)); }

const Participant* Room::Find(const ParticipantId& id) const {
  const auto it =
      std::find_if(participants_.begin(), participants_.end(), [&](const Participant& p) { return p.id == id; });
  return it == participants_.end() ? nullptr : &*it;
}

Participant* Room::FindMutable(const ParticipantId& id) {
  return const_cast<Participant*>(std::as_const(*this).Find(id));
}

std::pair<const Participant*, const Producer*> Room::FindProducer(const ProducerId& id) const {
  for (const Participant& participant : participants_) {
    for (const Producer& producer : participant.producers) {
      if (producer.id == id) return {&participant, &producer};
    }
  }
  return {nullptr, nullptr};
}

Producer* Room::FindProducerMutable(const ProducerId& id) { return const_cast<Producer*>(FindProducer(id).second); }

bool Room::MayConsume(const ParticipantId& who, const ProducerId& id) const {
  const Participant* viewer = Find(who);
  const auto [owner, producer] = FindProducer(id);
  return viewer && owner && Sees(*viewer, *owner, *producer);
}

std::vector<const Participant*> Room::Participants() const {
  std::vector<const Participant*> out;
  for (const Participant& p : participants_) out.push_back(&p);
  return out;
}

std::vector<Language> Room::LanguagesHeard(const ParticipantId& except) const {
  std::vector<Language> out;
  for (const Participant& p : participants_) {
    if (p.id != except && std::find(out.begin(), out.end(), p.hears) == out.end()) {
      out.push_back(p.hears);
    }
  }
  return out;
}

std::optional<Notice> Room::Poll() {
  if (notices_.empty()) return std::nullopt;
  Notice notice = std::move(notices_.front());
  notices_.pop_front();
  return notice;
}

bool Room::Sees(const Participant& viewer, const Participant& owner, const Producer& producer) const {
  if (viewer.id == owner.id) return false;
  if (producer.source != Source::kTranslation) return true;
  return viewer.voice == Voice::kTranslated && producer.lang == viewer.hears;
}

std::vector<const Producer*> Room::VisibleTo(const Participant& viewer, const Participant& owner) const {
  std::vector<const Producer*> out;
  for (const Producer& producer : owner.producers) {
    if (Sees(viewer, owner, producer)) out.push_back(&producer);
  }
  return out;
}

std::vector<ParticipantId> Room::Everybody(const ParticipantId* except) const {
  std::vector<ParticipantId> out;
  for (const Participant& p : participants_) {
    if (!except || p.id != *except) out.push_back(p.id);
  }
  return out;
}

std::vector<ParticipantId> Room::ViewersOf(const Participant& owner, const Producer& producer) const {
  std::vector<ParticipantId> out;
  for (const Participant& viewer : participants_) {
    if (Sees(viewer, owner, producer)) out.push_back(viewer.id);
  }
  return out;
}

void Room::Notify(std::vector<ParticipantId> to, std::string event, json::object data) {
  if (!to.empty()) notices_.push_back({std::move(to), std::move(event), std::move(data)});
}

void Room::NotifyProducerAdded(const Participant& owner, const Producer& producer, std::vector<ParticipantId> to) {
  Notify(std::move(to), "producerAdded", {{"participantId", owner.id.value()}, {"producer", ToJson(producer)}});
}

void Room::NotifyProducerRemoved(const Participant& owner, const ProducerId& id, std::vector<ParticipantId> to) {
  Notify(std::move(to), "producerRemoved", {{"participantId", owner.id.value()}, {"producerId", id.value()}});
}

void Room::NotifyUpdated(const Participant& participant) {
  for (const Participant& viewer : participants_) {
    Notify({viewer.id}, "participantUpdated", ToJson(participant, VisibleTo(viewer, participant)));
  }
}

}  // namespace jb::room
