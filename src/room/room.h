// SPDX-License-Identifier: Apache-2.0
// Room: who is there, what they speak, hear and send, the chat and the captions. Commands in, notices
// out. It forwards no media and knows no socket; the gateway turns notices into Socket.IO events and
// does the SFU's part. Sans-IO and single-threaded: control loop.
#pragma once

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "base/result.h"
#include "room/types.h"

namespace jb::room {

struct RoomLimits {
  std::size_t max_participants = 50;
  std::size_t max_producers_each = 8;  // microphone, camera, screen, its sound, and room to replace them
  std::size_t chat_kept = 200;
  std::size_t captions_kept = 2000;  // for the transcript; about three hours of a lively talk
  std::size_t captions_on_join = 50;
};

struct JoinRequest {
  std::string name;
  Language speaks;
  Language hears;
  Voice voice = Voice::kTranslated;
};

// An event for some of the participants. `to` lists who gets it; nobody when empty.
struct Notice {
  std::vector<ParticipantId> to;
  std::string event;
  json::object data;
};

class Room {
 public:
  Room(RoomCode code, std::string name, WallTime created_at, Time created, RoomLimits limits);

  const RoomCode& code() const { return code_; }
  const std::string& name() const { return name_; }
  WallTime created_at() const { return created_at_; }
  std::size_t size() const { return participants_.size(); }
  std::size_t max_participants() const { return limits_.max_participants; }
  std::int64_t MsSinceCreated(Time now) const { return ToMs(now - created_); }

  // `id` is new to the room. The newcomer is told to the others; what the newcomer needs is in
  // Snapshot(). Fails with room_full.
  Status<> Join(ParticipantId id, const JoinRequest& request);
  void Leave(const ParticipantId& id, LeaveReason reason);
  // Participants, chat and captions as the `join` ack has them, without the newcomer itself.
  json::object Snapshot(const ParticipantId& newcomer) const;

  // A member's own producer. Fails with limit_reached.
  Status<> AddProducer(const ParticipantId& owner, Producer producer);
  // What `owner` says into `microphone`, in another language: told to those who hear that language and want a
  // translated voice, and to nobody else.
  Status<> AddTranslation(const ParticipantId& owner, ProducerId id, Language lang, ProducerId microphone);
  void RemoveProducer(const ProducerId& id);
  void SetProducerPaused(const ProducerId& id, bool paused);

  struct LanguageChange {
    std::optional<Language> speaks, hears;
    std::optional<Voice> voice;
  };
  void SetLanguages(const ParticipantId& id, const LanguageChange& change);
  void SetHandRaised(const ParticipantId& id, bool raised);
  void React(const ParticipantId& id, const std::string& emoji);
  void AddChat(ChatMessage message);
  // Replaces the caption of that id while it is not final; later revisions of a final one are dropped.
  void UpdateCaption(const Caption& caption);
  // nullopt: nobody speaks.
  void SetActiveSpeaker(std::optional<ParticipantId> speaker);
  // An event for everybody that the room only passes on (serviceState, roomClosed).
  void Broadcast(std::string event, json::object data);

  const Participant* Find(const ParticipantId& id) const;
  // The member that owns a producer, and the producer; nulls when it is not in this room.
  std::pair<const Participant*, const Producer*> FindProducer(const ProducerId& id) const;
  // Whether this participant may receive that producer: it is in the room, of somebody else, and, when
  // it is a translated voice, in the language heard.
  bool MayConsume(const ParticipantId& who, const ProducerId& id) const;
  std::vector<const Participant*> Participants() const;
  // Every language that somebody in the room other than `except` wants to read or hear.
  std::vector<Language> LanguagesHeard(const ParticipantId& except) const;
  const std::deque<Caption>& final_captions() const { return final_captions_; }

  // Drain after each command.
  std::optional<Notice> Poll();

 private:
  Participant* FindMutable(const ParticipantId& id);
  Producer* FindProducerMutable(const ProducerId& id);
  bool Sees(const Participant& viewer, const Participant& owner, const Producer& producer) const;
  std::vector<const Producer*> VisibleTo(const Participant& viewer, const Participant& owner) const;
  std::vector<ParticipantId> Everybody(const ParticipantId* except = nullptr) const;
  std::vector<ParticipantId> ViewersOf(const Participant& owner, const Producer& producer) const;
  void Notify(std::vector<ParticipantId> to, std::string event, json::object data);
  void NotifyProducerAdded(const Participant& owner, const Producer& producer, std::vector<ParticipantId> to);
  void NotifyProducerRemoved(const Participant& owner, const ProducerId& id, std::vector<ParticipantId> to);
  void NotifyUpdated(const Participant& participant);

  const RoomCode code_;
  const std::string name_;
  const WallTime created_at_;
  const Time created_;
  const RoomLimits limits_;

  // In order of joining: what reaches the wire must not depend on a hash.
  std::vector<Participant> participants_;
  std::deque<ChatMessage> chat_;
  std::map<std::string, std::uint32_t> open_captions_;  // revision of each caption not yet final
  std::deque<Caption> final_captions_;
  std::optional<ParticipantId> active_speaker_;
  std::deque<Notice> notices_;
};

}  // namespace jb::room
