// SPDX-License-Identifier: Apache-2.0
// The calls of this gateway: binds Socket.IO connections to rooms, rooms to media workers and to the
// interpreter. Every event and request of docs/protocol.md section 3 passes here. It decides who may do
// what; the cores behind it do the work. Control loop.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/metrics.h"
#include "base/result.h"
#include "crypto/random.h"
#include "io/loop.h"
#include "room/registry.h"
#include "services/gateway/interpreter_host.h"
#include "services/gateway/media_pool.h"
#include "services/gateway/rate_limiter.h"
#include "services/gateway/room_pipes.h"
#include "services/gateway/speech_monitor.h"
#include "services/socketio/server.h"

namespace jb::services {

struct CallsConfig {
  SpeechUrls speech;
  std::vector<std::string> turn_urls;
  std::string turn_secret;
  room::RegistryLimits rooms;
  // How long somebody whose socket is lost keeps their place, when they asked for it. Who changes networks is back
  // within two seconds, an outage may be longer; the others see a picture that stands.
  Duration hold = std::chrono::seconds(10);
};

class Calls : public SocketIoHandler, private InterpreterObserver, private MediaPool::Observer {
 public:
  Calls(io::Loop& loop, const CallsConfig& config, Metrics& metrics);
  ~Calls() override;

  // Before the first connection.
  void SetSocketServer(SocketIoServer& server) { server_ = &server; }
  Status<> StartMedia(std::size_t workers, MediaPool::Factory factory, const MediaPoolOptions& options = {});
  TapMailbox& taps() { return interpreter_->taps(); }
  const MediaPool& media() const { return *media_; }
  void HandleWorkerEvent(std::size_t worker, const sfu::WorkerEvent& event) override;

  // For REST.
  Result<room::RoomEntry*> CreateRoom(const room::CreateRequest& request);
  room::RoomEntry* FindRoom(std::string_view code) { return registry_.Find(code); }
  void DeleteRoom(const RoomCode& code);
  const SpeechMonitor& speech() const { return *monitor_; }
  // From here on no room is made and none that is empty is opened, since the process is to end; who is in a call
  // stays, and others may join them. `done` runs once, when nobody is in a room any more.
  void BeginDraining(std::function<void()> done);
  bool draining() const { return draining_; }
  std::size_t people() const { return sockets_of_participants_.size(); }
  // People in rooms, by the worker that carries them.
  const std::vector<std::size_t>& people_on_workers() const { return people_; }
  // Whether somebody who is in that room now was given this token when joining.
  bool IsMember(const RoomCode& room, std::string_view token) { return FindByToken(room, token) != nullptr; }
  // Whether that opens the room: a room without a passcode is open. Wrong ones are counted per address and room.
  Status<> CheckPasscode(const SocketAddress& client, const room::RoomEntry& entry, std::string_view given);
  Random& random() { return random_; }

 private:
  struct Consumed {
    ProducerId producer;
    TransportId transport;
  };
  struct Session {
    SocketId socket;
    SocketAddress remote;
    // Of the room joined; empty before `join` and after `leave`.
    RoomCode room;
    ParticipantId participant;
    std::string resume_token;
    std::size_t worker = 0;  // the one that carries this person's media
    // As the client named them. What the services call them may change with what these can do.
    Language asked_speaks, asked_hears;
    std::map<TransportId, sfu::TransportDirection> transports;
    std::map<ConsumerId, Consumed> consumers;
    std::map<ProducerId, TransportId> producers;
    std::size_t pending = 0;  // creations the SFU has not answered yet
    bool hold = false;        // when the socket is lost: what `join` asked for
    TokenBucket chat;         // of the connection: leaving and coming back fills nothing
    bool joined() const { return !room.value().empty(); }
  };
  // A message on its way through translation.
  struct PendingChat {
    room::ChatMessage message;
    std::size_t missing = 1;  // answers; one of them ours, until every request is out
  };
  struct TranslatedTrack {
    RoomCode room;
    interpreter::AddTranslatedTrack what;
    std::size_t worker;
  };
  using Reply = std::function<void(Result<json::value>)>;
  using Handler = void (Calls::*)(Session&, const json::value& data, const Reply& reply);
  struct RequestRow {
    const char* name;
    Handler handler;
    bool needs_room;
    // What `data` has to be: any object, and in it a text of this name. nullptr: nothing in it is read.
    const char* text_member = "";
  };
  static const RequestRow kRequests[];
  // One that is in no room.
  static Session FreshSession(const SocketId& socket, const SocketAddress& remote, const TokenBucket& chat);
  static Status<> CheckShape(const RequestRow& row, const json::value& data);

  // SocketIoHandler
  void OnConnect(const SocketId& socket, const ConnectInfo& info) override;
  void OnEvent(const SocketId& socket, SocketIoEvent event) override;
  void OnDisconnect(const SocketId& socket, socketio::DisconnectReason reason) override;
  // MediaPool::Observer
  void HandleWorkersChanged(const std::vector<MediaWorker*>& workers) override;
  void HandleWorkerLost(std::size_t worker) override;
  // InterpreterObserver
  void OnCaption(const RoomCode& room, const interpreter::Caption& caption) override;
  void OnTrackWanted(const RoomCode& room, const interpreter::AddTranslatedTrack& track, const ProducerId& id) override;
  void OnTrackUnwanted(const RoomCode& room, const ProducerId& id) override;
  void OnTap(const RoomCode& room, const ProducerId& producer, bool on) override;
  void OnServiceState(const RoomCode& room, const interpreter::ServiceState& state) override;

  // Requests, in calls_requests.cc and calls_media.cc.
  void Join(Session&, const json::value&, const Reply&);
  void Leave(Session&, const json::value&, const Reply&);
  void SetLanguages(Session&, const json::value&, const Reply&);
  void SetState(Session&, const json::value&, const Reply&);
  void React(Session&, const json::value&, const Reply&);
  void Chat(Session&, const json::value&, const Reply&);
  void CreateTransport(Session&, const json::value&, const Reply&);
  void ConnectTransport(Session&, const json::value&, const Reply&);
  void RestartIce(Session&, const json::value&, const Reply&);
  void CloseTransport(Session&, const json::value&, const Reply&);
  void Produce(Session&, const json::value&, const Reply&);
  void PauseProducer(Session&, const json::value&, const Reply&);
  void ResumeProducer(Session&, const json::value&, const Reply&);
  void CloseProducer(Session&, const json::value&, const Reply&);
  void Consume(Session&, const json::value&, const Reply&);
  void PauseConsumer(Session&, const json::value&, const Reply&);
  void ResumeConsumer(Session&, const json::value&, const Reply&);
  void CloseConsumer(Session&, const json::value&, const Reply&);
  void RequestKeyFrame(Session&, const json::value&, const Reply&);
  void SetPreferredLayers(Session&, const json::value&, const Reply&);

  void SetProducerPaused(Session& session, const json::value& data, bool paused, const Reply& reply);
  // Runs `command` on the consumer named in `data`, when it is this session's.
  void WithConsumer(Session& session, const json::value& data, const Reply& reply,
                    std::function<Status<>(sfu::Worker&, const ConsumerId&, Time)> command);
  Result<room::JoinRequest> ParseJoin(const json::value& data) const;
  // The language of that name, as the client wrote it; "unsupported_language" when no service knows it.
  Result<Language> ParseLanguage(const json::value& data, const char* key) const;
  void ChangeLanguages(Session& session, const room::Room::LanguageChange& change);
  // Names everybody's languages anew, when the services have said what they can do.
  void UpdateLanguages();
  // Whether somebody who speaks the one can be told in the other what people say.
  Status<> CheckHears(const Language& speaks, const Language& hears) const;
  Status<> CheckAdmission(const Session& session, const json::value& data, room::RoomEntry** entry);
  // What the client is to others: {"id","speaks","hears","voice"}.
  json::object DescribeSelf(const Session& session, const room::Room& room) const;
  // Moves everything of that person to another socket.
  void Continue(Session& session, Session& ghost, const json::value& data, const Reply& reply);
  json::object JoinAnswer(const Session& session, const room::RoomEntry& entry) const;
  json::array IceServers(const ParticipantId& participant) const;
  // Asks for every language somebody reads, then sends the message to all, once.
  void SendChat(const RoomCode& code, room::ChatMessage message);
  // Sends what waits for nothing more, in the order in which it was written.
  void FlushChat(const RoomCode& code);

  Session* Find(const SocketId& socket);
  // Of a connection that is gone.
  void Forget(const SocketId& socket);
  // Of a connection that is lost: for `hold` nobody is told, and the media goes on where it can.
  void Hold(const SocketId& socket);
  void EndHoldsLater();
  // The person has come back over another one.
  void DropSocket(SocketId socket);
  Session* FindByToken(const RoomCode& room, std::string_view token);
  // Whoever it is true of: of one person, for what happens rarely.
  Session* FindWhere(const std::function<bool(const Session&)>& is_it);
  Session* FindByParticipant(const ParticipantId& participant);
  room::RoomEntry& EntryOf(const Session& session);
  MediaWorker& WorkerOf(const Session& session) { return media_->at(session.worker); }
  // The worker for one more person of that room; a room that opens gets a new home. Fails with media_unavailable.
  Result<std::size_t> ChooseWorker(room::RoomEntry& entry);
  MediaPool::People PeopleOf(const room::RoomEntry& entry);
  // The worker that a producer of this room is sent to; nullopt: there is none of that id.
  std::optional<std::size_t> OriginOf(const room::Room& room, const ProducerId& producer);
  // Makes a consumer once the producer is where the session's transports are; `reply` is answered.
  void ConsumeAt(Session& session, const TransportId& transport, const ConsumerId& id, const ProducerId& producer,
                 const json::value& capabilities, const Reply& reply);
  void HandleConsumed(const ParticipantId& participant, const ConsumerId& id, Result<json::object> made,
                      const Reply& reply);
  // The room's active speaker is found on its home worker: every microphone is heard there.
  void ObserveMicrophone(const room::RoomEntry& entry, const ProducerId& producer, std::size_t worker);
  void ObserveMicrophones(const room::RoomEntry& entry, std::size_t except);
  void PrunePipesLater();
  void PrunePipes();
  // Another worker for those whose own could not be replaced.
  void MoveFrom(std::size_t worker);
  void MakeTranslatedTrack(const ProducerId& id);
  void RemakeTranslatedTracks(std::size_t worker);
  // `last_words`: how long answers may still take to leave.
  void EndDrainingWhenEmpty(Duration last_words);
  // Takes everything of this session out of its room, the SFU and the interpreter.
  void LeaveRoom(Session& session, room::LeaveReason reason);
  // Takes a transport that is over, not by a request, and what was on it out of the call, and tells its owner.
  void DropTransport(Session& session, TransportId id, const char* reason);
  void DropConsumers(Session& session, const std::function<bool(const Consumed&)>& which);
  // Ends the consumers of translated voices that this session no longer hears.
  void DropUnheard(Session& session);
  // To everybody in its room.
  void TellScore(const sfu::ProducerScoreChanged& score);
  // Sends what the room has to say.
  void Drain(room::Room& room);
  void TellInterpreter(const room::Room& room, const ParticipantId& id);
  void UpdateGauges();
  void ExpireLater();

  io::Loop& loop_;
  Metrics& metrics_;
  const CallsConfig config_;
  crypto::SystemRandom random_;
  room::Registry registry_;
  std::unique_ptr<MediaPool> media_;
  std::unique_ptr<RoomPipes> pipes_;
  std::vector<std::size_t> people_;  // by worker
  std::unique_ptr<InterpreterHost> interpreter_;
  std::unique_ptr<SpeechMonitor> monitor_;
  TranslationClient chat_translation_;
  SocketIoServer* server_ = nullptr;
  std::unordered_map<SocketId, Session> sessions_;
  std::unordered_map<ParticipantId, SocketId> sockets_of_participants_;
  std::unordered_map<ConsumerId, SocketId> sockets_of_consumers_;
  std::unordered_set<SocketId> held_;  // of sessions_, those whose socket is lost
  // When they are forgotten, the earliest first; who came back in time is still named here.
  std::deque<std::pair<Time, SocketId>> ends_of_holds_;
  std::unordered_map<RoomCode, json::object> service_states_;
  std::unordered_map<RoomCode, std::deque<std::shared_ptr<PendingChat>>> chats_;  // not yet sent, oldest first
  // The translated voices the interpreter wants now: a room may be deleted, or a voice no longer wanted, while
  // the SFU is still making it.
  std::unordered_map<ProducerId, TranslatedTrack> translated_tracks_;
  bool draining_ = false;
  std::function<void()> on_drained_;
  RateLimiter wrong_codes_, wrong_passcodes_;
  Gauge rooms_gauge_, participants_gauge_, sessions_gauge_, draining_gauge_;
  io::Timer expire_, drained_, prune_pipes_, end_holds_;
  // False once this is destroyed: answers of other loops and clients may come later.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

// One person's messages: a quick talker is not slowed down, a program cannot keep the translator to itself.
inline constexpr RateRule kChatRate{.per_second = 2, .burst = 10};

// Of rooms that are refused while draining: what is to follow this process is there by then.
inline constexpr int kDrainingRetrySeconds = 10;
inline Failure<Error> Draining() {
  return Fail("draining", "This server is being restarted and opens no more rooms. Try again in a moment.");
}

// What both request files use.
inline Failure<Error> InvalidRequest(std::string message) { return Fail("invalid_request", std::move(message)); }

// A copy that outlives the event it came in; null when there is none.
inline json::value Member(const json::value& data, std::string_view key) {
  const json::value* member = GetMember(data, key);
  return member ? *member : json::value(nullptr);
}

}  // namespace jb::services
