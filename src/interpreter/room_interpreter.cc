// SPDX-License-Identifier: Apache-2.0
#include "interpreter/room_interpreter.h"

#include <algorithm>

#include "interpreter/room_impl.h"

namespace jb::interpreter {
namespace {

// Answers slower than these are "degraded" when it happens three times in a row.
constexpr Duration kSlowStt = 1500ms;
constexpr Duration kSlowTranslation = 1s;
constexpr Duration kSlowTts = 1500ms;
// How long trouble stays told.
constexpr Duration kToldAtLeast = 3s;
// How long the last words of a closed microphone may still be spoken.
constexpr Duration kLinger = 6s;

void Earliest(std::optional<Time>& deadline, std::optional<Time> other) {
  if (other) deadline = std::min(deadline.value_or(kNever), *other);
}

}  // namespace

RoomInterpreter::Impl::Impl(InterpreterOptions options, AudioSink& sink, Time origin)
    : options_(options),
      sink_(sink),
      captions_(options_, origin),
      breakers_{ServiceBreaker(Service::kStt, kSlowStt), ServiceBreaker(Service::kTranslation, kSlowTranslation),
                ServiceBreaker(Service::kTts, kSlowTts)} {}

// ---------------------------------------------------------------------------------------- the room

void RoomInterpreter::Impl::SetParticipant(const Participant& participant, Time now) {
  const auto [it, is_new] = speakers_.try_emplace(participant.id);
  Speaker& speaker = it->second;
  if (is_new) speaker.voice = "speaker-" + std::to_string(++last_voice_);
  const bool language_changed = !is_new && speaker.info.speaks != participant.speaks;
  speaker.info = participant;
  if (language_changed) {
    // What was said so far was said in the old language.
    if (speaker.mic && speaker.mic->sound) speaker.mic->sound->Stop(now);
    RetireStream(speaker, now);
  }
  Reconsider(now);
}

void RoomInterpreter::Impl::RemoveParticipant(const ParticipantId& participant, Time now) {
  Speaker* speaker = FindSpeaker(participant);
  if (!speaker) return;
  DetachMicrophone(*speaker, now);
  RetireStream(*speaker, now);
  while (!speaker->tracks.empty()) DropTrack(*speaker, speaker->tracks.begin());
  speakers_.erase(participant);
  std::erase_if(stats_.syntheses, [&](const auto& entry) { return entry.first.first == participant; });
  Reconsider(now);
}

void RoomInterpreter::Impl::SetMicrophone(const ParticipantId& participant, const ProducerId& producer, bool paused,
                                          Time now) {
  Speaker* speaker = FindSpeaker(participant);
  if (!speaker) return;
  const auto owner = microphones_.find(producer);
  if (owner != microphones_.end() && owner->second != participant) return;  // somebody else's
  if (speaker->mic && speaker->mic->producer != producer) DetachMicrophone(*speaker, now);
  if (!speaker->mic) {
    speaker->mic = Mic{.producer = producer};
    microphones_[producer] = participant;
  }
  speaker->mic->paused = paused;
  speaker->lingers_until.reset();
  Reconsider(now);
}

void RoomInterpreter::Impl::RemoveMicrophone(const ProducerId& producer, Time now) {
  Speaker* speaker = SpeakerOf(producer);
  if (!speaker) return;
  DetachMicrophone(*speaker, now);
  RetireStream(*speaker, now);
  if (!speaker->tracks.empty()) speaker->lingers_until = now + kLinger;
  Reconsider(now);
}

void RoomInterpreter::Impl::SetAvailability(const Availability& availability, Time now) {
  stt_ = {availability.stt.begin(), availability.stt.end()};
  translation_ = {availability.translation.begin(), availability.translation.end()};
  tts_ = {availability.tts.begin(), availability.tts.end()};
  Reconsider(now);
}

void RoomInterpreter::Impl::DetachMicrophone(Speaker& speaker, Time now) {
  if (!speaker.mic) return;
  if (speaker.mic->sound) speaker.mic->sound->Stop(now);
  if (speaker.mic->tapped) outputs_.push_back(SetTap{speaker.mic->producer, false});
  microphones_.erase(speaker.mic->producer);
  speaker.mic.reset();
}

RoomInterpreter::Impl::Speaker* RoomInterpreter::Impl::FindSpeaker(const ParticipantId& id) {
  const auto it = speakers_.find(id);
  return it == speakers_.end() ? nullptr : &it->second;
}

RoomInterpreter::Impl::Speaker* RoomInterpreter::Impl::SpeakerOf(const ProducerId& microphone) {
  const auto it = microphones_.find(microphone);
  return it == microphones_.end() ? nullptr : FindSpeaker(it->second);
}

// --------------------------------------------------------------------------------- who needs what

std::set<Language> RoomInterpreter::Impl::LanguagesHeard(const ParticipantId& speaker, const Language& from,
                                                         bool voice_only) const {
  std::set<Language> languages;
  for (const auto& [id, other] : speakers_) {
    const Language& to = other.info.hears;
    if (id == speaker || to == from || !translation_.contains({from, to})) continue;
    if (voice_only && (other.info.voice != VoiceChoice::kTranslated || !tts_.contains(to))) continue;
    languages.insert(to);
  }
  return languages;
}

bool RoomInterpreter::Impl::IsNeeded(const Speaker& speaker) const {
  if (!speaker.mic || speaker.mic->paused || !stt_.contains(speaker.info.speaks)) return false;
  return std::any_of(speakers_.begin(), speakers_.end(), [&](const auto& entry) {
    if (entry.first == speaker.info.id) return false;
    return options_.same_language_captions || entry.second.info.hears != speaker.info.speaks;
  });
}

bool RoomInterpreter::Impl::IsBusy(const Speaker& speaker) const {
  const bool speaking = std::any_of(speaker.tracks.begin(), speaker.tracks.end(),
                                    [](const auto& track) { return !track.second.voice->IsIdle(); });
  const bool recognising = std::any_of(streams_.begin(), streams_.end(), [&](const auto& stream) {
    return stream.second.speaker() == speaker.info.id && !stream.second.flushes().empty();
  });
  return speaking || recognising || captions_.HasSettledOf(speaker.info.id);
}

void RoomInterpreter::Impl::Reconsider(Time now) {
  for (auto& [id, speaker] : speakers_) {
    ReconsiderMicrophone(speaker, now);
    ReconsiderTracks(speaker, now);
  }
  ReconsiderTranslations(now);
  PrepareTranslations();
  DriveVoices(now);
  TakeCaptions();
}

void RoomInterpreter::Impl::PrepareTranslations() {
  std::set<std::pair<Language, Language>> wanted;
  for (const auto& [id, speaker] : speakers_) {
    const Language& from = speaker.info.speaks;
    if (!speaker.mic || !stt_.contains(from)) continue;
    for (const Language& to : LanguagesHeard(id, from, /*voice_only=*/false)) wanted.insert({from, to});
  }
  for (const auto& [from, to] : wanted) {
    if (!prepared_.contains({from, to})) outputs_.push_back(PrepareTranslation{from, to});
  }
  prepared_ = std::move(wanted);
}

void RoomInterpreter::Impl::ReconsiderMicrophone(Speaker& speaker, Time now) {
  if (!speaker.mic) return;
  Mic& mic = *speaker.mic;
  const bool needed = IsNeeded(speaker);
  if (needed == mic.tapped) return;
  mic.tapped = needed;
  outputs_.push_back(SetTap{mic.producer, needed});
  if (needed && !mic.sound) {
    mic.sound = std::make_unique<Microphone>(speaker.info.id, options_, stats_, *this);
  } else if (!needed && mic.sound) {
    mic.sound->Stop(now);
    if (!mic.paused) RetireStream(speaker, now);
  }
}

void RoomInterpreter::Impl::ReconsiderTracks(Speaker& speaker, Time now) {
  const bool may_speak = speaker.mic || (speaker.lingers_until && now < *speaker.lingers_until);
  std::set<Language> wanted;
  if (may_speak && stt_.contains(speaker.info.speaks)) {
    wanted = LanguagesHeard(speaker.info.id, speaker.info.speaks, /*voice_only=*/true);
  }
  for (auto it = speaker.tracks.begin(); it != speaker.tracks.end();) {
    const auto track = it++;
    if (!wanted.contains(track->first)) DropTrack(speaker, track);
  }
  if (!speaker.mic) return;
  for (const Language& lang : wanted) {
    Track& track = speaker.tracks[lang];
    if (track.voice && track.microphone == speaker.mic->producer) continue;
    // The same voice under a new microphone: what it has yet to say stays.
    if (track.voice) outputs_.push_back(RemoveTranslatedTrack{speaker.info.id, lang});
    else track.voice = std::make_unique<VoiceTrack>(speaker.info.id, lang, options_, stats_, *this);
    track.microphone = speaker.mic->producer;
    outputs_.push_back(AddTranslatedTrack{speaker.info.id, lang, track.microphone});
  }
}

// Requests whose language nobody hears any more are not waited for.
void RoomInterpreter::Impl::ReconsiderTranslations(Time now) {
  for (auto it = translations_.begin(); it != translations_.end();) {
    const Translation& t = it->second;
    if (LanguagesHeard(t.speaker, t.from, /*voice_only=*/false).contains(t.to)) {
      ++it;
      continue;
    }
    outputs_.push_back(CancelRequest{it->first});
    captions_.Abandon(t.caption, t.to, now);
    it = translations_.erase(it);
  }
}

void RoomInterpreter::Impl::DropTrack(Speaker& speaker, std::map<Language, Track>::iterator track) {
  CancelSynthesis(*track->second.voice);
  outputs_.push_back(RemoveTranslatedTrack{speaker.info.id, track->first});
  speaker.tracks.erase(track);
}

void RoomInterpreter::Impl::StopLingering(Time now) {
  for (auto& [id, speaker] : speakers_) {
    if (!speaker.lingers_until || (now < *speaker.lingers_until && IsBusy(speaker))) continue;
    speaker.lingers_until.reset();
    ReconsiderTracks(speaker, now);
  }
}

// ----------------------------------------------------------------------------------------- services

void RoomInterpreter::Impl::HandleServiceHealth(Service service, bool up, Time now) {
  breaker(service).SetHealth(up, now);
  for (auto& [id, speaker] : speakers_) {
    if (!up || service != Service::kStt) break;
    speaker.stream_backoff = {};
    speaker.next_stream_at = now;
  }
  // A translator that was started anew is cold.
  if (up && service == Service::kTranslation) {
    prepared_.clear();
    PrepareTranslations();
  }
  DriveVoices(now);
  TellServiceState(now);
}

ServiceState::One& RoomInterpreter::Impl::Told(std::size_t service) {
  ServiceState::One* const told[kServices] = {&told_state_.stt, &told_state_.translation, &told_state_.tts};
  return *told[service];
}

// Trouble is told at once. That it is over is told when people had the time to read of it: a child
// process is back so fast that the two would come together.
void RoomInterpreter::Impl::TellServiceState(Time now) {
  bool news = false;
  for (std::size_t i = 0; i < kServices; ++i) {
    const ServiceLevel level = breakers_[i].level();
    ServiceState::One& told = Told(i);
    better_at_[i].reset();
    if (level == told.level) continue;
    if (level < told.level && now < told_at_[i] + kToldAtLeast) {
      better_at_[i] = told_at_[i] + kToldAtLeast;
      continue;
    }
    told = breakers_[i].state();
    told_at_[i] = now;
    news = true;
  }
  if (news) outputs_.push_back(told_state_);
}

// --------------------------------------------------------------------------------------------- time

void RoomInterpreter::Impl::HandleTimeout(Time now) {
  for (ServiceBreaker& breaker : breakers_) breaker.HandleTimeout(now);
  for (auto& [id, speaker] : speakers_) {
    if (speaker.mic && speaker.mic->sound && speaker.mic->tapped) speaker.mic->sound->HandleTimeout(now);
  }
  HandleStreamTimeouts(now);
  HandleTranslationTimeouts(now);
  captions_.HandleTimeout(now);
  DriveVoices(now);
  StopLingering(now);
  TakeCaptions();
  TellServiceState(now);
}

std::optional<Time> RoomInterpreter::Impl::NextDeadline() const {
  std::optional<Time> deadline = captions_.NextDeadline();
  for (const ServiceBreaker& breaker : breakers_) Earliest(deadline, breaker.NextDeadline());
  for (const std::optional<Time>& better : better_at_) Earliest(deadline, better);
  for (const auto& [id, speaker] : speakers_) {
    if (speaker.mic && speaker.mic->sound && speaker.mic->tapped)
      Earliest(deadline, speaker.mic->sound->NextDeadline());
    Earliest(deadline, speaker.lingers_until);
    for (const auto& [lang, track] : speaker.tracks) {
      Earliest(deadline, track.voice->NextDeadline());
      Earliest(deadline, track.voice->request_deadline());
      if (track.voice->has_text()) Earliest(deadline, breakers_[static_cast<std::size_t>(Service::kTts)].probe_at());
    }
  }
  for (const auto& [id, stream] : streams_) {
    if (stream.flushes().empty()) Earliest(deadline, stream.last_use() + options_.stt_idle);
    else Earliest(deadline, stream.FlushDeadline(options_.stt_late, options_.stt_final_timeout));
  }
  for (const auto& [id, t] : translations_) Earliest(deadline, t.asked + options_.translation_timeout);
  return deadline;
}

std::optional<Output> RoomInterpreter::Impl::Poll() {
  if (outputs_.empty()) return std::nullopt;
  Output output = std::move(outputs_.front());
  outputs_.pop_front();
  return output;
}

// ------------------------------------------------------------------------------------------- facade

RoomInterpreter::RoomInterpreter(InterpreterOptions options, AudioSink& sink, Time origin)
    : impl_(std::make_unique<Impl>(options, sink, origin)) {}
RoomInterpreter::~RoomInterpreter() = default;

void RoomInterpreter::SetParticipant(const Participant& p, Time now) { impl_->SetParticipant(p, now); }
void RoomInterpreter::RemoveParticipant(const ParticipantId& p, Time now) { impl_->RemoveParticipant(p, now); }
void RoomInterpreter::SetMicrophone(const ParticipantId& p, const ProducerId& producer, bool paused, Time now) {
  impl_->SetMicrophone(p, producer, paused, now);
}
void RoomInterpreter::RemoveMicrophone(const ProducerId& producer, Time now) { impl_->RemoveMicrophone(producer, now); }
void RoomInterpreter::SetAvailability(const Availability& a, Time now) { impl_->SetAvailability(a, now); }
void RoomInterpreter::SetExpectedLoss(const ParticipantId& speaker, const Language& language, int percent) {
  impl_->SetExpectedLoss(speaker, language, percent);
}
void RoomInterpreter::HandleTappedPacket(const ProducerId& producer, const TappedAudio& packet, Time now) {
  impl_->HandleTappedPacket(producer, packet, now);
}
void RoomInterpreter::HandleSttEvent(StreamId stream, const SttEvent& event, Time now) {
  impl_->HandleSttEvent(stream, event, now);
}
void RoomInterpreter::HandleTranslation(RequestId request, const TranslationResult& result, Time now) {
  impl_->HandleTranslation(request, result, now);
}
void RoomInterpreter::HandleSynthesisAudio(RequestId request, std::vector<std::int16_t> pcm, bool last, Time now) {
  impl_->HandleSynthesisAudio(request, std::move(pcm), last, now);
}
void RoomInterpreter::HandleSynthesisError(RequestId request, const std::string&, Time now) {
  impl_->HandleSynthesisError(request, /*busy=*/false, now);
}
void RoomInterpreter::HandleSynthesisBusy(RequestId request, Time now) {
  impl_->HandleSynthesisError(request, /*busy=*/true, now);
}
void RoomInterpreter::HandleServiceHealth(Service service, bool up, Time now) {
  impl_->HandleServiceHealth(service, up, now);
}
void RoomInterpreter::HandleTimeout(Time now) { impl_->HandleTimeout(now); }
std::optional<Time> RoomInterpreter::NextDeadline() const { return impl_->NextDeadline(); }
std::optional<Output> RoomInterpreter::Poll() { return impl_->Poll(); }
const InterpreterStats& RoomInterpreter::stats() const { return impl_->stats(); }
const ServiceState& RoomInterpreter::service_state() const { return impl_->service_state(); }

}  // namespace jb::interpreter
