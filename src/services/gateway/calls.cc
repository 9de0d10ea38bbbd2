// SPDX-License-Identifier: Apache-2.0
#include "services/gateway/calls.h"

#include <algorithm>

#include "base/log.h"
#include "crypto/hash.h"
#include "io/clock.h"
#include "room/wire.h"

namespace jb::services {
namespace {

constexpr Duration kExpireEvery = std::chrono::minutes(1);
// Guessing room codes: reliability rule of ten wrong ones a minute.
constexpr RateRule kWrongCodes{.per_second = 10.0 / 60, .burst = 10};

json::object ErrorObject(const Error& error) {
  return {{"ok", false}, {"error", json::object{{"code", error.code}, {"message", error.message}}}};
}

json::object ToJson(const interpreter::ServiceState& state) {
  json::object out, messages;
  const std::pair<const char*, const interpreter::ServiceState::One*> rows[] = {
      {"stt", &state.stt}, {"translation", &state.translation}, {"tts", &state.tts}};
  for (const auto& [name, one] : rows) {
    out[name] = interpreter::ToString(one->level);
    if (!one->message.empty()) messages[name] = one->message;
  }
  out["messages"] = std::move(messages);
  return out;
}

// After the last one has left: a process that ends at once takes its answer to them with it.
constexpr Duration kLastWords = std::chrono::milliseconds(200);

}  // namespace

const Calls::RequestRow Calls::kRequests[] = {
    {"join", &Calls::Join, false, "room"},
    {"leave", &Calls::Leave, true, nullptr},
    {"createTransport", &Calls::CreateTransport, true},
    {"connectTransport", &Calls::ConnectTransport, true, "transportId"},
    {"restartIce", &Calls::RestartIce, true, "transportId"},
    {"closeTransport", &Calls::CloseTransport, true, "transportId"},
    {"produce", &Calls::Produce, true, "transportId"},
    {"pauseProducer", &Calls::PauseProducer, true, "producerId"},
    {"resumeProducer", &Calls::ResumeProducer, true, "producerId"},
    {"closeProducer", &Calls::CloseProducer, true, "producerId"},
    {"consume", &Calls::Consume, true, "producerId"},
    {"pauseConsumer", &Calls::PauseConsumer, true, "consumerId"},
    {"resumeConsumer", &Calls::ResumeConsumer, true, "consumerId"},
    {"closeConsumer", &Calls::CloseConsumer, true, "consumerId"},
    {"requestKeyFrame", &Calls::RequestKeyFrame, true, "consumerId"},
    {"setPreferredLayers", &Calls::SetPreferredLayers, true, "consumerId"},
    {"setLanguages", &Calls::SetLanguages, true},
    {"setState", &Calls::SetState, true},
    {"react", &Calls::React, true},
    {"chat", &Calls::Chat, true},
};

Calls::Calls(io::Loop& loop, const CallsConfig& config, Metrics& metrics)
    : loop_(loop),
      metrics_(metrics),
      config_(config),
      registry_(config.rooms, random_),
      interpreter_(new InterpreterHost(loop, config.speech, metrics, *this)),
      chat_translation_(loop, config.speech.translation, metrics, /*at_once=*/1),
      wrong_codes_(kWrongCodes),
      wrong_passcodes_(kWrongCodes),
      rooms_gauge_(metrics.GetGauge("jbcalling_rooms", "Rooms that exist")),
      participants_gauge_(metrics.GetGauge("jbcalling_participants", "People in rooms")),
      sessions_gauge_(metrics.GetGauge("jbcalling_socketio_sessions", "Socket.IO sessions open")),
      draining_gauge_(metrics.GetGauge("jbcalling_draining", "1 while no new room is opened, because of a restart")),
      expire_(loop),
      drained_(loop),
      prune_pipes_(loop),
      end_holds_(loop) {
  monitor_ = std::make_unique<SpeechMonitor>(
      loop, config.speech, metrics,
      SpeechMonitor::Callbacks{
          [this](interpreter::Service service, bool up) { interpreter_->SetServiceHealth(service, up); },
          [this](const interpreter::Availability& a) {
            interpreter_->SetAvailability(a);
            UpdateLanguages();
          }});
  UpdateGauges();
  ExpireLater();
}

Calls::~Calls() {
  *alive_ = false;
  interpreter_->SetWorkers({});
  media_.reset();
  interpreter_.reset();
}

void Calls::ExpireLater() {
  expire_.StartIn(kExpireEvery, [this] {
    registry_.Expire(io::Now());
    UpdateGauges();
    ExpireLater();
  });
}

void Calls::UpdateGauges() {
  rooms_gauge_.Set(static_cast<double>(registry_.size()));
  participants_gauge_.Set(static_cast<double>(sockets_of_participants_.size()));
  sessions_gauge_.Set(static_cast<double>(sessions_.size() - held_.size()));
}

Result<room::RoomEntry*> Calls::CreateRoom(const room::CreateRequest& request) {
  if (draining_) return Draining();
  auto created = registry_.Create(request, io::WallNow(), io::Now());
  UpdateGauges();
  return created;
}

void Calls::BeginDraining(std::function<void()> done) {
  draining_ = true;
  draining_gauge_.Set(1);
  on_drained_ = std::move(done);
  EndDrainingWhenEmpty(Duration::zero());
}

void Calls::EndDrainingWhenEmpty(Duration last_words) {
  if (people() != 0 || !on_drained_) return;
  // Asked again then: the last one may be coming back, in the very request that made their ghost leave.
  drained_.StartIn(last_words, [this] {
    if (people() == 0 && on_drained_) std::exchange(on_drained_, nullptr)();
  });
}

void Calls::DeleteRoom(const RoomCode& code) {
  room::RoomEntry* entry = registry_.Find(code.value());
  if (!entry) return;
  entry->room->Broadcast("roomClosed", {{"reason", "The owner closed the room."}});
  Drain(*entry->room);
  for (auto& [socket, session] : sessions_) {
    if (session.room == code) LeaveRoom(session, room::LeaveReason::kRoomClosed);
  }
  registry_.Remove(code);
  UpdateGauges();
}

// --- Socket.IO ---

Calls::Session Calls::FreshSession(const SocketId& socket, const SocketAddress& remote, const TokenBucket& chat) {
  return {.socket = socket,
          .remote = remote,
          .room = {},
          .participant = {},
          .resume_token = {},
          .worker = 0,
          .asked_speaks = {},
          .asked_hears = {},
          .transports = {},
          .consumers = {},
          .producers = {},
          .pending = 0,
          .hold = false,
          .chat = chat};
}

void Calls::OnConnect(const SocketId& socket, const ConnectInfo& info) {
  sessions_.emplace(socket, FreshSession(socket, info.remote, TokenBucket(kChatRate, io::Now())));
  UpdateGauges();
}

void Calls::OnEvent(const SocketId& socket, SocketIoEvent event) {
  Session* session = Find(socket);
  if (!session) return;
  // Every request is answered, once, whatever becomes of it; one without an ack is carried out in silence.
  const Reply reply = [ack = event.ack](Result<json::value> result) {
    if (!ack) return;
    if (result.ok()) ack(json::object{{"ok", true}, {"data", *std::move(result)}});
    else ack(ErrorObject(result.error()));
  };
  for (const RequestRow& row : kRequests) {
    if (event.name != row.name) continue;
    if (row.needs_room && !session->joined()) {
      return reply(Fail("not_joined", "Join a room first."));
    }
    if (const auto shape = CheckShape(row, event.data()); !shape.ok()) return reply(Fail(shape.error()));
    return (this->*row.handler)(*session, event.data(), reply);
  }
  reply(InvalidRequest("There is no request of that name."));
}

// Before the handler, so that a program's mistake is not answered like a person's: a code that is missing is
// no wrong code.
Status<> Calls::CheckShape(const RequestRow& row, const json::value& data) {
  if (!row.text_member) return kOk;
  const std::string name(row.name), member(row.text_member);
  if (!data.is_object()) return InvalidRequest("The data of `" + name + "` is not an object.");
  if (member.empty() || GetString(data, member)) return kOk;
  return InvalidRequest("`" + name + "` needs `" + member + "`, a text.");
}

// Later: a client too slow to take an event is cut while that is being sent, and whoever sends it may be in
// the middle of this very session, or of all of them.
void Calls::OnDisconnect(const SocketId& socket, socketio::DisconnectReason reason) {
  using Reason = socketio::DisconnectReason;
  // Whatever the socket itself says of its end: who gives up one that answers nothing says DISCONNECT, and who leaves
  // says `leave`. Who breaks the protocol is not held.
  const bool lost = reason != Reason::kServer && reason != Reason::kParseError && reason != Reason::kTooFast;
  loop_.Post([this, socket, lost, alive = alive_] {
    if (!*alive) return;
    const Session* session = Find(socket);
    if (lost && session && session->joined() && session->hold) Hold(socket);
    else Forget(socket);
  });
}

void Calls::Forget(const SocketId& socket) {
  if (Session* session = Find(socket)) {
    if (session->joined()) LeaveRoom(*session, room::LeaveReason::kDisconnected);
    sessions_.erase(socket);
  }
  held_.erase(socket);
  UpdateGauges();
}

void Calls::Hold(const SocketId& socket) {
  held_.insert(socket);
  ends_of_holds_.emplace_back(io::Now() + config_.hold, socket);
  if (ends_of_holds_.size() == 1) EndHoldsLater();
  UpdateGauges();
}

void Calls::EndHoldsLater() {
  if (ends_of_holds_.empty()) return;
  end_holds_.StartIn(std::max(Duration::zero(), ends_of_holds_.front().first - io::Now()), [this] {
    while (!ends_of_holds_.empty() && ends_of_holds_.front().first <= io::Now()) {
      if (held_.contains(ends_of_holds_.front().second)) Forget(ends_of_holds_.front().second);
      ends_of_holds_.pop_front();
    }
    EndHoldsLater();
  });
}

void Calls::DropSocket(SocketId socket) {
  if (held_.contains(socket)) return Forget(socket);
  server_->Disconnect(socket);
}

void Calls::LeaveRoom(Session& session, room::LeaveReason reason) {
  room::RoomEntry& entry = EntryOf(session);
  const RoomCode code = session.room;
  for (const auto& [producer, transport] : session.producers) pipes_->Close(producer);
  WorkerOf(session).Run([transports = std::move(session.transports)](sfu::Worker& worker, Time now) {
    for (const auto& [id, direction] : transports) worker.CloseTransport(id, now);
  });
  interpreter_->RemoveParticipant(code, session.participant);
  for (const auto& [consumer, what] : session.consumers) sockets_of_consumers_.erase(consumer);
  sockets_of_participants_.erase(session.participant);
  --people_[session.worker];
  entry.room->Leave(session.participant, reason);
  Drain(*entry.room);
  session = FreshSession(session.socket, session.remote, session.chat);
  if (entry.room->size() == 0) {
    interpreter_->RemoveRoom(code);
    service_states_.erase(code);
    registry_.MarkEmpty(code, io::Now());
  }
  UpdateGauges();
  EndDrainingWhenEmpty(kLastWords);
}

void Calls::DropUnheard(Session& session) {
  const room::Room& room = *EntryOf(session).room;
  DropConsumers(session, [&](const Consumed& what) { return !room.MayConsume(session.participant, what.producer); });
}

void Calls::DropTransport(Session& session, const TransportId id, const char* reason) {
  session.transports.erase(id);
  // Before its consumers end: the client then knows that they are to be made anew, and not gone for good.
  server_->Emit(session.socket, "transportClosed", json::object{{"transportId", id.value()}, {"reason", reason}});
  WorkerOf(session).Run([id](sfu::Worker& worker, Time now) { worker.CloseTransport(id, now); });
  room::Room& room = *EntryOf(session).room;
  std::erase_if(session.producers, [&](const auto& item) {
    if (item.second != id) return false;
    pipes_->Close(item.first);
    interpreter_->RemoveMicrophone(session.room, item.first);
    room.RemoveProducer(item.first);
    return true;
  });
  DropConsumers(session, [&](const Consumed& what) { return what.transport == id; });
  Drain(room);
}

void Calls::DropConsumers(Session& session, const std::function<bool(const Consumed&)>& which) {
  std::vector<ConsumerId> dropped;
  for (const auto& [consumer, what] : session.consumers) {
    if (which(what)) dropped.push_back(consumer);
  }
  for (const ConsumerId& id : dropped) {
    session.consumers.erase(id);
    sockets_of_consumers_.erase(id);
    WorkerOf(session).Run([id](sfu::Worker& worker, Time now) { static_cast<void>(worker.CloseConsumer(id, now)); });
    server_->Emit(session.socket, "consumerClosed", json::object{{"consumerId", id.value()}});
  }
}

void Calls::Drain(room::Room& room) {
  while (auto notice = room.Poll()) {
    const json::value data = std::move(notice->data);
    for (const ParticipantId& to : notice->to) {
      const auto socket = sockets_of_participants_.find(to);
      if (socket != sockets_of_participants_.end()) server_->Emit(socket->second, notice->event, data);
    }
  }
}

Calls::Session* Calls::Find(const SocketId& socket) {
  const auto it = sessions_.find(socket);
  return it == sessions_.end() ? nullptr : &it->second;
}

Calls::Session* Calls::FindByToken(const RoomCode& room, std::string_view token) {
  return FindWhere([&](const Session& session) {
    return session.joined() && session.room == room &&
           crypto::ConstantTimeEqual(AsBytes(token), AsBytes(session.resume_token));
  });
}

Calls::Session* Calls::FindWhere(const std::function<bool(const Session&)>& is_it) {
  const auto found = std::find_if(sessions_.begin(), sessions_.end(), [&](const auto& item) { return is_it(item.second); });
  return found == sessions_.end() ? nullptr : &found->second;
}

Calls::Session* Calls::FindByParticipant(const ParticipantId& participant) {
  const auto it = sockets_of_participants_.find(participant);
  return it == sockets_of_participants_.end() ? nullptr : Find(it->second);
}

room::RoomEntry& Calls::EntryOf(const Session& session) {
  room::RoomEntry* entry = registry_.Find(session.room.value());
  JB_CHECK(entry);  // a room with people in it is never forgotten
  return *entry;
}

void Calls::TellInterpreter(const room::Room& room, const ParticipantId& id) {
  const room::Participant* p = room.Find(id);
  interpreter_->SetParticipant(room.code(),
                               {.id = id,
                                .speaks = p->speaks,
                                .hears = p->hears,
                                .voice = p->voice == room::Voice::kTranslated ? interpreter::VoiceChoice::kTranslated
                                                                              : interpreter::VoiceChoice::kOriginal});
}

// --- what the SFU says ---

void Calls::HandleWorkerEvent(std::size_t, const sfu::WorkerEvent& event) {
  const auto tell = [this](const ConsumerId& id, const char* name, json::object data) {
    const auto socket = sockets_of_consumers_.find(id);
    if (socket == sockets_of_consumers_.end()) return;
    data["consumerId"] = id.value();
    server_->Emit(socket->second, name, std::move(data));
  };
  if (const auto* transport = std::get_if<sfu::TransportStateChanged>(&event)) {
    // A lost path may be found again; these two are for good.
    const bool closed = transport->state == sfu::TransportState::kClosed;
    if (!closed && transport->state != sfu::TransportState::kFailed) return;
    Session* owner = FindWhere([&](const Session& session) { return session.transports.contains(transport->transport); });
    if (!owner) return;  // closed by us meanwhile
    DropTransport(*owner, transport->transport, closed ? "closed" : "failed");
  } else if (const auto* e = std::get_if<sfu::ConsumerClosed>(&event)) {
    tell(e->consumer, "consumerClosed", {});
    if (const auto it = sockets_of_consumers_.find(e->consumer); it != sockets_of_consumers_.end()) {
      if (Session* session = Find(it->second)) session->consumers.erase(e->consumer);
      sockets_of_consumers_.erase(it);
    }
  } else if (const auto* paused = std::get_if<sfu::ConsumerPaused>(&event)) {
    tell(paused->consumer, "consumerPaused", {});
  } else if (const auto* resumed = std::get_if<sfu::ConsumerResumed>(&event)) {
    tell(resumed->consumer, "consumerResumed", {});
  } else if (const auto* layers = std::get_if<sfu::ConsumerLayersChanged>(&event)) {
    json::object data{{"spatialLayer", nullptr}, {"temporalLayer", nullptr}};
    if (layers->spatial_layer) data["spatialLayer"] = *layers->spatial_layer;
    if (layers->temporal_layer) data["temporalLayer"] = *layers->temporal_layer;
    tell(layers->consumer, "consumerLayersChanged", std::move(data));
  } else if (const auto* consumer_score = std::get_if<sfu::ConsumerScoreChanged>(&event)) {
    tell(consumer_score->consumer, "consumerScore", {{"score", consumer_score->score}});
  } else if (const auto* producer_score = std::get_if<sfu::ProducerScoreChanged>(&event)) {
    TellScore(*producer_score);
  } else if (const auto* loss = std::get_if<sfu::ExpectedLossChanged>(&event)) {
    const auto track = translated_tracks_.find(loss->producer);
    if (track == translated_tracks_.end()) return;
    const auto& [code, what, worker] = track->second;
    interpreter_->SetExpectedLoss(code, what.speaker, what.language, loss->percent);
  } else if (const auto* speaker = std::get_if<sfu::ActiveSpeaker>(&event)) {
    room::RoomEntry* entry = registry_.Find(speaker->room.value());
    if (!entry) return;
    std::optional<ParticipantId> who;
    if (speaker->producer) {
      if (const auto* owner = entry->room->FindProducer(*speaker->producer).first) who = owner->id;
    }
    entry->room->SetActiveSpeaker(who);
    Drain(*entry->room);
  }
}

void Calls::TellScore(const sfu::ProducerScoreChanged& score) {
  const Session* owner = FindWhere([&](const Session& session) { return session.producers.contains(score.producer); });
  if (!owner) return;  // closed by us meanwhile
  room::Room& room = *EntryOf(*owner).room;
  room.Broadcast("producerScore", {{"participantId", owner->participant.value()},
                                   {"producerId", score.producer.value()},
                                   {"encoding", score.encoding},
                                   {"score", score.score}});
  Drain(room);
}

// --- what the interpreter says ---

void Calls::OnCaption(const RoomCode& code, const interpreter::Caption& caption) {
  room::RoomEntry* entry = registry_.Find(code.value());
  if (!entry) return;
  const room::Participant* speaker = entry->room->Find(caption.speaker);
  room::Caption out{.id = caption.id,
                    .rev = caption.rev,
                    .speaker = caption.speaker,
                    .speaker_name = speaker ? speaker->name : std::string(),
                    .final = caption.final,
                    .lang = caption.lang,
                    .text = caption.text,
                    .translations = caption.translations,
                    .start_ms = caption.start_ms,
                    .end_ms = caption.end_ms,
                    .lag_ms = caption.lag_ms,
                    .stage_ms = {{"stt", caption.stage.stt}}};
  out.stage_ms["translation"] = caption.stage.translation.value_or(0);
  entry->room->UpdateCaption(out);
  Drain(*entry->room);
}

void Calls::OnTrackWanted(const RoomCode& code, const interpreter::AddTranslatedTrack& track, const ProducerId& id) {
  room::RoomEntry* entry = registry_.Find(code.value());
  if (!entry || !entry->room->Find(track.speaker)) return;
  translated_tracks_[id] = {code, track, entry->worker};
  MakeTranslatedTrack(id);
}

void Calls::MakeTranslatedTrack(const ProducerId& id) {
  const TranslatedTrack& track = translated_tracks_.at(id);
  media_->at(track.worker)
      .Call<Status<>>(
          [id, speaker = track.what.speaker](sfu::Worker& worker, Time now) {
            // A canonical name of its own, so that browsers do not hold back the speaker's camera for it.
            return worker.ProduceSynthetic(id, "translation-" + speaker.value(), now);
          },
          [this, id](const Status<>& made) {
            const auto wanted = translated_tracks_.find(id);
            if (wanted == translated_tracks_.end()) return;  // no longer: it is being closed
            if (!made.ok()) {
              if (made.error().code == "transport_not_found") return;  // its worker died: it is being made again
              translated_tracks_.erase(wanted);
              return Log(LogLevel::kError, "translated track refused", {{"code", made.error().code}});
            }
            const TranslatedTrack& done = wanted->second;
            room::RoomEntry* entry = registry_.Find(done.room.value());
            if (!entry) return;
            // A speaker who has left: OnTrackUnwanted is on its way.
            static_cast<void>(
                entry->room->AddTranslation(done.what.speaker, id, done.what.language, done.what.microphone));
            Drain(*entry->room);
          });
}

void Calls::OnTrackUnwanted(const RoomCode& code, const ProducerId& id) {
  const auto track = translated_tracks_.extract(id);
  if (track.empty()) return;
  pipes_->Close(id);
  media_->at(track.mapped().worker).Run([id](sfu::Worker& worker, Time now) {
    static_cast<void>(worker.CloseProducer(id, now));
  });
  room::RoomEntry* entry = registry_.Find(code.value());
  if (!entry) return;  // deleted meanwhile
  entry->room->RemoveProducer(id);
  Drain(*entry->room);
}

void Calls::OnTap(const RoomCode& code, const ProducerId& producer, bool on) {
  room::RoomEntry* entry = registry_.Find(code.value());
  if (!entry) return;
  const room::Participant* speaker = entry->room->FindProducer(producer).first;
  const Session* session = speaker ? FindByParticipant(speaker->id) : nullptr;
  if (!session) return;  // it may just have been closed
  WorkerOf(*session).Run([producer, on](sfu::Worker& worker, Time) {
    static_cast<void>(worker.SetTap(producer, on));  // as well
  });
}

void Calls::OnServiceState(const RoomCode& code, const interpreter::ServiceState& state) {
  room::RoomEntry* entry = registry_.Find(code.value());
  if (!entry) return;
  service_states_[code] = ToJson(state);
  entry->room->Broadcast("serviceState", service_states_[code]);
  Drain(*entry->room);
}

}  // namespace jb::services
