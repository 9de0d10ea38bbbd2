// SPDX-License-Identifier: Apache-2.0
// The requests that concern people and text: join, leave, languages, chat. Media is in calls_media.cc.
#include "base/utf8.h"
#include "crypto/hash.h"
#include "io/clock.h"
#include "room/wire.h"
#include "services/gateway/calls.h"

namespace jb::services {
namespace {

constexpr std::size_t kMaxName = 64;        // code points
constexpr std::size_t kMaxChat = 2000;      // code points
constexpr std::size_t kMaxEmojiBytes = 48;  // a family with skin tones has 41
// A chat message waits this long for its translations, then goes without those that are missing.
constexpr Duration kChatTranslation = std::chrono::milliseconds(1500);
// Reliability 2.7: TURN checks it when a relay is allocated, so calls may last longer; each answer that makes a client
// gather candidates brings fresh ones.
constexpr auto kTurnLifetime = std::chrono::seconds(300);

std::optional<std::string> Line(const json::value& data, std::string_view key, std::size_t max) {
  const auto text = GetString(data, key);
  if (!text || !IsValidUtf8(*text)) return std::nullopt;
  return std::string(FirstCodePoints(CleanLine(*text), max));
}

}  // namespace

Result<room::JoinRequest> Calls::ParseJoin(const json::value& data) const {
  room::JoinRequest request;
  const auto name = Line(data, "name", kMaxName);
  if (!name || name->empty()) return InvalidRequest("Say who you are: `name` is missing or empty.");
  request.name = *name;
  JB_TRY(const Language speaks, ParseLanguage(data, "speaks"));
  JB_TRY(const Language hears, ParseLanguage(data, "hears"));
  request.speaks = monitor_->Canonical(speaks);
  request.hears = monitor_->Canonical(hears);
  JB_TRY_VOID(CheckHears(request.speaks, request.hears));
  if (const json::value* voice = GetMember(data, "voice")) {
    const auto parsed = voice->is_string() ? room::ParseVoice(voice->get_string()) : std::nullopt;
    if (!parsed) return InvalidRequest("`voice` is \"translated\" or \"original\".");
    request.voice = *parsed;
  }
  return request;
}

Result<Language> Calls::ParseLanguage(const json::value& data, const char* key) const {
  const auto tag = room::ParseLanguage(GetString(data, key).value_or(""));
  if (!tag) {
    return Fail("unsupported_language", std::string("`") + key + "` is not a language tag such as \"vi\".");
  }
  if (monitor_->Knows(monitor_->Canonical(*tag))) return *tag;
  return Fail("unsupported_language", std::string("`") + key + "`: nothing here knows the language \"" + tag->value() +
                                          "\". GET /api/v1/languages has what can be used.");
}

Status<> Calls::CheckHears(const Language& speaks, const Language& hears) const {
  if (hears == speaks || monitor_->CanHear(hears)) return kOk;
  return Fail("unsupported_language",
              "Nothing can be translated into \"" + hears.value() + "\" here. GET /api/v1/languages has what can.");
}

// The room, when this client may enter it. Whoever has the right code and passcode gets in, whatever others
// behind the same address tried; those who guess are no longer told whether a room is missing or locked.
Status<> Calls::CheckAdmission(const Session& session, const json::value& data, room::RoomEntry** entry) {
  *entry = registry_.Find(GetString(data, "room").value_or(""));
  Status<> admitted = kOk;
  if (*entry) {
    admitted = CheckPasscode(session.remote, **entry, GetString(data, "passcode").value_or(""));
  } else {
    admitted = Fail("room_not_found", "There is no room with that code. It may have ended; ask for a new link.");
  }
  if (admitted.ok()) return kOk;
  if (wrong_codes_.Take(session.remote, io::Now())) {
    return Fail("too_many_requests", "Too many wrong room codes or passcodes. Wait a minute, then try again.");
  }
  return admitted;
}

Status<> Calls::CheckPasscode(const SocketAddress& client, const room::RoomEntry& entry, std::string_view given) {
  if (!entry.passcode) return kOk;
  // A code cannot be guessed, a passcode can: here the right one too has to wait. It costs the others behind
  // this address this one room only.
  const std::string& code = entry.room->code().value();
  if (wrong_passcodes_.Exhausted(client, io::Now(), code)) {
    return Fail("too_many_requests", "Too many wrong passcodes. Wait a minute, then try again.");
  }
  if (crypto::ConstantTimeEqual(AsBytes(given), AsBytes(*entry.passcode))) return kOk;
  if (!given.empty()) wrong_passcodes_.Take(client, io::Now(), code);
  return Fail("wrong_passcode", "This room has a passcode, and that is not it.");
}

void Calls::Join(Session& session, const json::value& data, const Reply& reply) {
  if (session.joined()) return reply(Fail("already_joined", "You are in a room already. Leave it first."));
  if (!Member(data, "passcode").is_null() && !GetString(data, "passcode")) {
    return reply(InvalidRequest("`passcode` is a text."));
  }
  room::RoomEntry* entry = nullptr;
  if (const auto admitted = CheckAdmission(session, data, &entry); !admitted.ok()) {
    return reply(Fail(admitted.error()));
  }
  auto request = ParseJoin(data);
  if (!request.ok()) return reply(Fail(request.error()));
  if (draining_ && entry->room->size() == 0) return reply(Draining());

  // The same person again, after a lost network or a reload: they take up where they were, or their ghost leaves first.
  if (Session* ghost = FindByToken(entry->room->code(), GetString(data, "resume").value_or(""))) {
    if (GetBool(data, "continue").value_or(false)) return Continue(session, *ghost, data, reply);
    LeaveRoom(*ghost, room::LeaveReason::kReplaced);
    DropSocket(ghost->socket);
  }

  const auto worker = ChooseWorker(*entry);
  if (!worker.ok()) return reply(Fail(worker.error()));
  const bool first = entry->room->size() == 0;
  const ParticipantId id(random_.Id());
  if (const auto joined = entry->room->Join(id, *request); !joined.ok()) return reply(Fail(joined.error()));
  session.worker = *worker;
  ++people_[*worker];
  media_->Promise(*worker, entry->room->size() - 1);
  session.room = entry->room->code();
  session.participant = id;
  session.resume_token = random_.Id();
  session.hold = GetBool(data, "hold").value_or(false);
  session.asked_speaks = *ParseLanguage(data, "speaks");
  session.asked_hears = *ParseLanguage(data, "hears");
  sockets_of_participants_[id] = session.socket;
  if (first) {
    const Duration age = Duration(entry->room->MsSinceCreated(io::Now()) * 1000);
    interpreter_->AddRoom(session.room, entry->worker, io::Now() - age);
  }
  TellInterpreter(*entry->room, id);
  reply(json::value(JoinAnswer(session, *entry)));
  Drain(*entry->room);
  UpdateGauges();
}

// Another socket, as after a change of networks: the person, their transports and all that is on them stay as they are.
// What the old socket was not told any more, the snapshot of the answer tells.
void Calls::Continue(Session& session, Session& ghost, const json::value& data, const Reply& reply) {
  const SocketId socket = session.socket, old_socket = ghost.socket;
  Session continued = std::move(ghost);
  ghost = FreshSession(old_socket, continued.remote, continued.chat);
  continued.socket = socket;
  continued.remote = session.remote;
  continued.hold = GetBool(data, "hold").value_or(false);
  session = std::move(continued);
  sockets_of_participants_[session.participant] = socket;
  json::array transports, producers, consumers;
  for (const auto& [id, direction] : session.transports) transports.emplace_back(id.value());
  for (const auto& [id, transport] : session.producers) producers.emplace_back(id.value());
  for (const auto& [id, what] : session.consumers) {
    sockets_of_consumers_[id] = socket;
    consumers.emplace_back(id.value());
  }
  json::object answer = JoinAnswer(session, EntryOf(session));
  answer["continued"] = json::object{
      {"transports", std::move(transports)}, {"producers", std::move(producers)}, {"consumers", std::move(consumers)}};
  reply(json::value(std::move(answer)));
  DropSocket(old_socket);
}

json::object Calls::DescribeSelf(const Session& session, const room::Room& room) const {
  const room::Participant& self = *room.Find(session.participant);
  return {{"id", self.id.value()},
          {"speaks", self.speaks.value()},
          {"hears", self.hears.value()},
          {"voice", room::ToText(self.voice)}};
}

json::object Calls::JoinAnswer(const Session& session, const room::RoomEntry& entry) const {
  json::object answer = entry.room->Snapshot(session.participant);
  json::object self = DescribeSelf(session, *entry.room);
  self["token"] = session.resume_token;
  answer["self"] = std::move(self);
  answer["routerRtpCapabilities"] = media_->router_rtp_capabilities();
  answer["iceServers"] = IceServers(session.participant);
  const auto state = service_states_.find(session.room);
  if (state != service_states_.end()) {
    answer["services"] = state->second;
  } else {
    json::object services;
    for (std::size_t i = 0; i < interpreter::kServices; ++i) {
      const auto service = static_cast<interpreter::Service>(i);
      services[interpreter::ToString(service)] = monitor_->status(service).up ? "up" : "down";
    }
    services["messages"] = json::object{};
    answer["services"] = std::move(services);
  }
  return answer;
}

// coturn's REST credentials (use-auth-secret): the name carries the expiry, the password is its MAC.
json::array Calls::IceServers(const ParticipantId& participant) const {
  if (config_.turn_urls.empty()) return {};
  json::array urls;
  for (const std::string& url : config_.turn_urls) urls.emplace_back(url);
  if (config_.turn_secret.empty()) return {json::object{{"urls", std::move(urls)}}};  // STUN asks for no name
  const auto expiry =
      std::chrono::duration_cast<std::chrono::seconds>((io::WallNow() + kTurnLifetime).time_since_epoch());
  const std::string name = std::to_string(expiry.count()) + ":" + participant.value();
  const auto mac = crypto::HmacSha1(AsBytes(config_.turn_secret), {AsBytes(name)});
  return {json::object{{"urls", std::move(urls)}, {"username", name}, {"credential", crypto::Base64Encode(mac)}}};
}

void Calls::Leave(Session& session, const json::value&, const Reply& reply) {
  LeaveRoom(session, room::LeaveReason::kLeft);
  reply(json::value(json::object{}));
}

void Calls::SetLanguages(Session& session, const json::value& data, const Reply& reply) {
  room::Room& room = *EntryOf(session).room;
  Language speaks = session.asked_speaks, hears = session.asked_hears;
  for (const auto& [key, target] : {std::pair{"speaks", &speaks}, {"hears", &hears}}) {
    if (!GetMember(data, key)) continue;
    auto language = ParseLanguage(data, key);
    if (!language.ok()) return reply(Fail(language.error()));
    *target = *std::move(language);
  }
  room::Room::LanguageChange change;
  if (GetMember(data, "speaks")) change.speaks = monitor_->Canonical(speaks);
  if (GetMember(data, "hears")) change.hears = monitor_->Canonical(hears);
  if (GetMember(data, "voice")) {
    change.voice = room::ParseVoice(GetString(data, "voice").value_or(""));
    if (!change.voice) return reply(InvalidRequest("`voice` is \"translated\" or \"original\"."));
  }
  // One alone may make a pair that cannot work: who heard what they spoke now speaks something else.
  const room::Participant& self = *room.Find(session.participant);
  const auto possible = CheckHears(change.speaks.value_or(self.speaks), change.hears.value_or(self.hears));
  if ((change.speaks || change.hears) && !possible.ok()) return reply(Fail(possible.error()));
  session.asked_speaks = std::move(speaks);
  session.asked_hears = std::move(hears);
  ChangeLanguages(session, change);
  reply(json::value(json::object{{"self", DescribeSelf(session, room)}}));
}

void Calls::ChangeLanguages(Session& session, const room::Room::LanguageChange& change) {
  room::Room& room = *EntryOf(session).room;
  room.SetLanguages(session.participant, change);
  TellInterpreter(room, session.participant);
  Drain(room);
  DropUnheard(session);
}

// Who joined before the services had answered was taken at their word: "es-mx" is "es" here.
void Calls::UpdateLanguages() {
  for (auto& [socket, session] : sessions_) {
    if (!session.joined()) continue;
    const room::Participant& self = *EntryOf(session).room->Find(session.participant);
    const Language speaks = monitor_->Canonical(session.asked_speaks);
    const Language hears = monitor_->Canonical(session.asked_hears);
    if (speaks != self.speaks || hears != self.hears) {
      ChangeLanguages(session, {.speaks = speaks, .hears = hears, .voice = {}});
    }
  }
}

void Calls::SetState(Session& session, const json::value& data, const Reply& reply) {
  room::Room& room = *EntryOf(session).room;
  if (GetMember(data, "handRaised")) {
    const auto raised = GetBool(data, "handRaised");
    if (!raised) return reply(InvalidRequest("`handRaised` is true or false."));
    room.SetHandRaised(session.participant, *raised);
  }
  Drain(room);
  reply(json::value(json::object{}));
}

void Calls::React(Session& session, const json::value& data, const Reply& reply) {
  const auto given = GetString(data, "emoji");
  const bool fits = given && given->size() <= kMaxEmojiBytes && IsValidUtf8(*given);
  const std::string emoji = fits ? CleanLine(*given) : std::string();
  if (emoji.empty()) return reply(InvalidRequest("`emoji` is one emoji."));
  room::Room& room = *EntryOf(session).room;
  room.React(session.participant, emoji);
  Drain(room);
  reply(json::value(json::object{}));
}

void Calls::Chat(Session& session, const json::value& data, const Reply& reply) {
  const auto given = GetString(data, "text");
  if (!given || !IsValidUtf8(*given)) return reply(InvalidRequest("`text` is missing or not UTF-8."));
  const std::string text = CleanLine(*given);
  if (text.empty()) return reply(InvalidRequest("An empty message was not sent."));
  if (CountCodePoints(text) > kMaxChat) {
    return reply(InvalidRequest("A message has at most " + std::to_string(kMaxChat) + " characters."));
  }
  if (session.chat.Take(kChatRate, io::Now())) {
    return reply(Fail("too_many_requests", "You write faster than anybody reads. The message was not sent."));
  }
  room::Room& room = *EntryOf(session).room;
  const room::Participant* from = room.Find(session.participant);
  room::ChatMessage message{.id = random_.Id(),
                            .from = session.participant,
                            .name = from->name,
                            .text = text,
                            .lang = from->speaks,
                            .translations = {},
                            .at = io::WallNow()};
  reply(json::value(json::object{{"id", message.id}, {"at", room::ToEpochMs(message.at)}}));
  SendChat(room.code(), std::move(message));
}

void Calls::SendChat(const RoomCode& code, room::ChatMessage message) {
  const auto chat = std::make_shared<PendingChat>(PendingChat{std::move(message)});
  chats_[code].push_back(chat);
  const auto arrived = [this, code, chat, alive = alive_] {
    if (--chat->missing == 0 && *alive) FlushChat(code);
  };
  const auto& pairs = monitor_->availability().translation;
  const Language from = chat->message.lang;
  for (const Language& to : EntryOf(*FindByParticipant(chat->message.from)).room->LanguagesHeard({})) {
    if (to == from || std::find(pairs.begin(), pairs.end(), std::pair{from, to}) == pairs.end()) continue;
    ++chat->missing;
    chat_translation_.Translate(chat->message.text, from, to, kChatTranslation,
                                [chat, to, arrived](interpreter::TranslationResult result) {
                                  if (!result.error) chat->message.translations[to] = result.text;
                                  arrived();
                                });
  }
  arrived();
}

void Calls::FlushChat(const RoomCode& code) {
  auto& chats = chats_[code];
  room::RoomEntry* entry = registry_.Find(code.value());
  for (; !chats.empty() && chats.front()->missing == 0; chats.pop_front()) {
    if (entry) entry->room->AddChat(std::move(chats.front()->message));
  }
  if (chats.empty()) chats_.erase(code);
  if (entry) Drain(*entry->room);
}

}  // namespace jb::services
