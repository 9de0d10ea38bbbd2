// SPDX-License-Identifier: Apache-2.0
// The requests that concern media: transports, producers, consumers. Each is checked here, carried out
// on the room's media worker, and answered when the worker has answered.
#include "io/clock.h"
#include "room/wire.h"
#include "services/gateway/calls.h"

namespace jb::services {
namespace {

constexpr std::size_t kMaxTransports = 6;  // a send and a recv one, and two generations being replaced
constexpr std::size_t kMaxConsumers = 512;
constexpr std::size_t kMaxPending = 64;

template <class Id>
Id IdOf(const json::value& data, std::string_view key) {
  return Id(std::string(GetString(data, key).value_or("")));
}

Result<json::value> Empty(const Status<>& status) {
  if (!status.ok()) return Fail(status.error());
  return json::value(json::object{});
}

Error NotYours(const char* what) {
  return {std::string(what) + "_not_found", std::string("You have no ") + what + " of that id."};
}

}  // namespace

void Calls::CreateTransport(Session& session, const json::value& data, const Reply& reply) {
  const std::string_view text = GetString(data, "direction").value_or("");
  if (text != "send" && text != "recv") {
    return reply(InvalidRequest("`direction` is \"send\" or \"recv\"."));
  }
  const auto direction = text == "send" ? sfu::TransportDirection::kSend : sfu::TransportDirection::kRecv;
  if (session.transports.size() >= kMaxTransports) {
    return reply(Fail("limit_reached", "Too many transports are open. Leave and join again."));
  }
  const TransportId id(random_.Id());
  session.transports[id] = direction;
  WorkerOf(session).Call<Result<json::object>>(
      [id, direction](sfu::Worker& worker, Time now) { return worker.CreateTransport(id, direction, now); },
      [this, id, participant = session.participant, reply](Result<json::object> made) {
        if (made.ok()) {
          (*made)["iceServers"] = IceServers(participant);
          return reply(json::value(std::move(*made)));
        }
        if (Session* s = FindByParticipant(participant)) s->transports.erase(id);
        reply(Fail(made.error()));
      });
}

void Calls::ConnectTransport(Session& session, const json::value& data, const Reply& reply) {
  const auto id = IdOf<TransportId>(data, "transportId");
  if (!session.transports.contains(id)) return reply(Fail(NotYours("transport")));
  WorkerOf(session).Call<Status<>>(
      [id, dtls = Member(data, "dtlsParameters")](sfu::Worker& worker, Time now) {
        return worker.ConnectTransport(id, dtls, now);
      },
      [reply](const Status<>& status) { reply(Empty(status)); });
}

void Calls::RestartIce(Session& session, const json::value& data, const Reply& reply) {
  const auto id = IdOf<TransportId>(data, "transportId");
  if (!session.transports.contains(id)) return reply(Fail(NotYours("transport")));
  WorkerOf(session).Call<Result<json::object>>(
      [id](sfu::Worker& worker, Time now) { return worker.RestartIce(id, now); },
      [this, participant = session.participant, reply](Result<json::object> result) {
        if (!result.ok()) return reply(Fail(result.error()));
        (*result)["iceServers"] = IceServers(participant);
        reply(json::value(std::move(*result)));
      });
}

void Calls::CloseTransport(Session& session, const json::value& data, const Reply& reply) {
  const auto id = IdOf<TransportId>(data, "transportId");
  if (!session.transports.contains(id)) return reply(Fail(NotYours("transport")));
  DropTransport(session, id, "closed");
  reply(json::value(json::object{}));
}

void Calls::Produce(Session& session, const json::value& data, const Reply& reply) {
  const auto transport = IdOf<TransportId>(data, "transportId");
  const auto kind = room::ParseKind(GetString(data, "kind").value_or(""));
  const auto source = room::ParseSource(GetString(data, "source").value_or(""));
  if (!session.transports.contains(transport)) return reply(Fail(NotYours("transport")));
  if (!kind) return reply(InvalidRequest("`kind` is \"audio\" or \"video\"."));
  if (!source) return reply(InvalidRequest("`source` is mic, camera, screen or screenAudio."));
  const bool sound = *source == room::Source::kMic || *source == room::Source::kScreenAudio;
  if (sound != (*kind == room::MediaKind::kAudio)) {
    return reply(InvalidRequest("That `source` is not of that `kind`."));
  }
  if (GetMember(data, "paused") && !GetBool(data, "paused")) {
    return reply(InvalidRequest("`paused` is true or false."));
  }
  if (++session.pending > kMaxPending) {
    --session.pending;
    return reply(Fail("too_many_requests", "Too many requests at once."));
  }
  const ProducerId id(random_.Id());
  const RoomCode code = session.room;
  const bool paused = GetBool(data, "paused").value_or(false);
  const auto media = *kind == room::MediaKind::kAudio ? sfu::MediaKind::kAudio : sfu::MediaKind::kVideo;
  const bool mic = *source == room::Source::kMic;
  const auto content = *source == room::Source::kScreen ? sfu::VideoContent::kScreen : sfu::VideoContent::kCamera;
  WorkerOf(session).Call<Result<json::object>>(
      [=, parameters = Member(data, "rtpParameters")](sfu::Worker& worker, Time now) {
        return worker.Produce(transport, id, media, parameters, paused, now, content);
      },
      [=, this, participant = session.participant](Result<json::object> made) {
        Session* s = FindByParticipant(participant);  // perhaps on another socket by now
        const bool gone = !s;                         // its transport took the producer along
        if (!gone) --s->pending;
        if (!made.ok()) return reply(Fail(made.error()));
        if (gone) return reply(Fail("not_joined", "You have left the room."));
        if (!s->transports.contains(transport)) return reply(Fail(NotYours("transport")));  // over meanwhile
        room::Room& room = *EntryOf(*s).room;
        const auto added = room.AddProducer(
            participant,
            {.id = id, .kind = *kind, .source = *source, .paused = paused, .lang = {}, .translated_from = {}});
        if (!added.ok()) {
          WorkerOf(*s).Run([id](sfu::Worker& w, Time now) { static_cast<void>(w.CloseProducer(id, now)); });
          return reply(Fail(added.error()));
        }
        s->producers[id] = transport;
        if (mic) {
          ObserveMicrophone(EntryOf(*s), id, s->worker);
          interpreter_->SetMicrophone(code, participant, id, paused);
        }
        reply(json::value(std::move(*made)));
        Drain(room);
      });
}

void Calls::PauseProducer(Session& session, const json::value& data, const Reply& reply) {
  SetProducerPaused(session, data, true, reply);
}

void Calls::ResumeProducer(Session& session, const json::value& data, const Reply& reply) {
  SetProducerPaused(session, data, false, reply);
}

void Calls::SetProducerPaused(Session& session, const json::value& data, bool paused, const Reply& reply) {
  const auto id = IdOf<ProducerId>(data, "producerId");
  if (!session.producers.contains(id)) return reply(Fail(NotYours("producer")));
  room::Room& room = *EntryOf(session).room;
  const room::Producer* producer = room.FindProducer(id).second;
  if (producer && producer->source == room::Source::kMic) {
    interpreter_->SetMicrophone(session.room, session.participant, id, paused);
  }
  room.SetProducerPaused(id, paused);
  pipes_->SetPaused(id, paused);
  WorkerOf(session).Call<Status<>>(
      [id, paused](sfu::Worker& worker, Time now) {
        return paused ? worker.PauseProducer(id, now) : worker.ResumeProducer(id, now);
      },
      [reply](const Status<>& status) { reply(Empty(status)); });
  Drain(room);
}

void Calls::CloseProducer(Session& session, const json::value& data, const Reply& reply) {
  const auto id = IdOf<ProducerId>(data, "producerId");
  if (session.producers.erase(id) == 0) return reply(Fail(NotYours("producer")));
  room::Room& room = *EntryOf(session).room;
  interpreter_->RemoveMicrophone(session.room, id);
  room.RemoveProducer(id);
  pipes_->Close(id);
  WorkerOf(session).Call<Status<>>([id](sfu::Worker& worker, Time now) { return worker.CloseProducer(id, now); },
                                   [reply](const Status<>& status) { reply(Empty(status)); });
  Drain(room);
}

void Calls::Consume(Session& session, const json::value& data, const Reply& reply) {
  const auto producer = IdOf<ProducerId>(data, "producerId");
  if (!EntryOf(session).room->MayConsume(session.participant, producer)) {
    return reply(Fail("cannot_consume", "There is no producer of that id that you may receive."));
  }
  TransportId transport;
  for (const auto& [id, direction] : session.transports) {
    const bool named = IdOf<TransportId>(data, "transportId") == id;
    if (direction == sfu::TransportDirection::kRecv && (named || !GetMember(data, "transportId"))) transport = id;
  }
  if (transport.value().empty()) {
    return reply(Fail("transport_not_found", "Create a transport of direction \"recv\" first."));
  }
  if (session.consumers.size() + session.pending >= kMaxConsumers) {
    return reply(Fail("limit_reached", "You already receive " + std::to_string(kMaxConsumers) + " tracks."));
  }
  const ConsumerId id(random_.Id());
  session.consumers[id] = {producer, transport};
  sockets_of_consumers_[id] = session.socket;
  ConsumeAt(session, transport, id, producer, Member(data, "rtpCapabilities"), reply);
}

void Calls::ConsumeAt(Session& session, const TransportId& transport, const ConsumerId& id, const ProducerId& producer,
                      const json::value& capabilities, const Reply& reply) {
  const auto origin = OriginOf(*EntryOf(session).room, producer);
  const auto done = [this, id, participant = session.participant, reply](Result<json::object> made) {
    HandleConsumed(participant, id, std::move(made), reply);
  };
  pipes_->Open(producer, origin.value_or(session.worker), session.worker,
               [=, this, worker = session.worker](const Status<>& there) {
                 if (!there.ok()) return done(Fail(there.error()));
                 media_->at(worker).Call<Result<json::object>>(
                     [=](sfu::Worker& w, Time now) { return w.Consume(transport, id, producer, capabilities, now); },
                     done);
               });
}

void Calls::HandleConsumed(const ParticipantId& participant, const ConsumerId& id, Result<json::object> made,
                           const Reply& reply) {
  Session* session = FindByParticipant(participant);
  const bool wanted = session && session->consumers.contains(id);  // else it has left, or hears another language now
  if (made.ok() && wanted) return reply(json::value(std::move(*made)));
  sockets_of_consumers_.erase(id);
  if (wanted) session->consumers.erase(id);
  if (!made.ok()) return reply(Fail(made.error()));
  reply(Fail("cannot_consume", "You may no longer receive that producer."));
}

void Calls::WithConsumer(Session& session, const json::value& data, const Reply& reply,
                         std::function<Status<>(sfu::Worker&, const ConsumerId&, Time)> command) {
  const auto id = IdOf<ConsumerId>(data, "consumerId");
  if (!session.consumers.contains(id)) return reply(Fail(NotYours("consumer")));
  WorkerOf(session).Call<Status<>>(
      [id, command = std::move(command)](sfu::Worker& worker, Time now) { return command(worker, id, now); },
      [reply](const Status<>& status) { reply(Empty(status)); });
}

void Calls::PauseConsumer(Session& session, const json::value& data, const Reply& reply) {
  WithConsumer(session, data, reply,
               [](sfu::Worker& w, const ConsumerId& id, Time now) { return w.PauseConsumer(id, now); });
}

void Calls::ResumeConsumer(Session& session, const json::value& data, const Reply& reply) {
  WithConsumer(session, data, reply,
               [](sfu::Worker& w, const ConsumerId& id, Time now) { return w.ResumeConsumer(id, now); });
}

void Calls::CloseConsumer(Session& session, const json::value& data, const Reply& reply) {
  WithConsumer(session, data, reply,
               [](sfu::Worker& w, const ConsumerId& id, Time now) { return w.CloseConsumer(id, now); });
  const auto id = IdOf<ConsumerId>(data, "consumerId");
  if (session.consumers.erase(id) != 0) sockets_of_consumers_.erase(id);
}

void Calls::RequestKeyFrame(Session& session, const json::value& data, const Reply& reply) {
  WithConsumer(session, data, reply,
               [](sfu::Worker& w, const ConsumerId& id, Time now) { return w.RequestKeyFrame(id, now); });
}

void Calls::SetPreferredLayers(Session& session, const json::value& data, const Reply& reply) {
  const auto spatial = GetInt(data, "spatialLayer");
  const auto temporal = GetInt(data, "temporalLayer");
  const bool temporal_given = !Member(data, "temporalLayer").is_null();
  if (!spatial || *spatial < 0 || *spatial > 7 || temporal_given != temporal.has_value() ||
      (temporal && (*temporal < 0 || *temporal > 7))) {
    return reply(InvalidRequest("`spatialLayer` and `temporalLayer` are numbers from 0 to 7."));
  }
  std::optional<std::uint8_t> t;
  if (temporal) t = static_cast<std::uint8_t>(*temporal);
  WithConsumer(session, data, reply,
               [s = static_cast<std::uint8_t>(*spatial), t](sfu::Worker& w, const ConsumerId& id, Time now) {
                 return w.SetPreferredLayers(id, s, t, now);
               });
}

}  // namespace jb::services
