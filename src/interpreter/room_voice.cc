// SPDX-License-Identifier: Apache-2.0
// RoomInterpreter, part three: settled captions → translations → voices.
#include <algorithm>

#include "interpreter/room_impl.h"
#include "interpreter/speech_text.h"

namespace jb::interpreter {
namespace {

constexpr std::size_t kMaxTranslations = 128;  // in flight; 64 open captions in two languages
// A refusal that comes this fast is worth asking again.
constexpr Duration kRetryWithin = 500ms;

}  // namespace

// ------------------------------------------------------------------------------------- translations

void RoomInterpreter::Impl::RequestTranslation(CaptionKey caption, const ParticipantId& speaker,
                                               const std::string& text, const Language& from, const Language& to,
                                               Time spoken, Time now) {
  if (translations_.size() >= kMaxTranslations || !breaker(Service::kTranslation).MayTry(now)) {
    captions_.Abandon(caption, to, now);
    return;
  }
  ++stats_.translations[to];
  SendTranslation(
      {.caption = caption, .speaker = speaker, .text = text, .from = from, .to = to, .spoken = spoken, .asked = now},
      now);
}

void RoomInterpreter::Impl::SendTranslation(Translation translation, Time now) {
  const RequestId id(++last_request_);
  outputs_.push_back(Translate{.request = id,
                               .text = translation.text,
                               .from = translation.from,
                               .to = translation.to,
                               .deadline = now + options_.translation_timeout});
  translation.asked = now;
  translations_.emplace(id, std::move(translation));
}

void RoomInterpreter::Impl::HandleTranslation(RequestId request, const TranslationResult& result, Time now) {
  const auto it = translations_.find(request);
  if (it == translations_.end()) return;
  Translation translation = std::move(it->second);
  translations_.erase(it);
  const Duration took = now - translation.asked;
  const std::string text = result.error ? std::string() : CleanTranslated(result.text, translation.text);
  if (result.error) {
    ++stats_.request_errors;
    if (result.busy) breaker(Service::kTranslation).Busy(now);
    else breaker(Service::kTranslation).Failed(now);
    if (!result.busy && !translation.retried && took < kRetryWithin && breaker(Service::kTranslation).MayTry(now)) {
      translation.retried = true;
      SendTranslation(std::move(translation), now);
    } else {
      GiveUpTranslation(translation, now);
    }
  } else {
    breaker(Service::kTranslation).Succeeded(took, now);
    Sample(MetricKind::kStageTranslation, took);
    captions_.SetTranslation(translation.caption, translation.to, text, now);
    Say(translation, text, now);
  }
  DriveVoices(now);
  StopLingering(now);
  TakeCaptions();
  TellServiceState(now);
}

void RoomInterpreter::Impl::GiveUpTranslation(const Translation& translation, Time now) {
  captions_.Abandon(translation.caption, translation.to, now);
}

void RoomInterpreter::Impl::HandleTranslationTimeouts(Time now) {
  for (auto it = translations_.begin(); it != translations_.end();) {
    if (now < it->second.asked + options_.translation_timeout) {
      ++it;
      continue;
    }
    ++stats_.timeouts;
    breaker(Service::kTranslation).TimedOut(now);
    outputs_.push_back(CancelRequest{it->first});
    GiveUpTranslation(it->second, now);
    it = translations_.erase(it);
  }
}

// A clause for whoever listens to that voice now; the speaker may have left meanwhile.
void RoomInterpreter::Impl::Say(const Translation& translation, const std::string& text, Time now) {
  Speaker* speaker = FindSpeaker(translation.speaker);
  if (!speaker) return;
  const auto track = speaker->tracks.find(translation.to);
  if (track != speaker->tracks.end()) track->second.voice->Say(text, translation.spoken, now);
}

// ------------------------------------------------------------------------------------------- voices

void RoomInterpreter::Impl::DriveVoices(Time now) {
  for (auto& [id, speaker] : speakers_) {
    for (auto& [lang, track] : speaker.tracks) {
      track.voice->HandleTimeout(now);
      const auto deadline = track.voice->request_deadline();
      if (deadline && now >= *deadline) HandleSynthesisTimeout(*track.voice, now);
      DriveSynthesis(speaker, lang, track, now);
    }
  }
}

void RoomInterpreter::Impl::DriveSynthesis(Speaker& speaker, const Language& lang, Track& track, Time now) {
  VoiceTrack& voice = *track.voice;
  if (!voice.WantsSynthesis(now) || !breaker(Service::kTts).MayTry(now)) return;
  const RequestId id(++last_request_);
  std::string text = voice.NextUtterance(id, now);
  if (!voice.retrying()) {
    ++stats_.syntheses[{speaker.info.id, lang}];
    ++stats_.syntheses_total;
  }
  syntheses_[id.value()] = {speaker.info.id, lang};
  outputs_.push_back(Synthesize{.request = id,
                                .text = std::move(text),
                                .lang = lang,
                                .voice = speaker.voice,
                                .deadline = now + options_.tts_timeout});
}

void RoomInterpreter::Impl::HandleSynthesisTimeout(VoiceTrack& voice, Time now) {
  ++stats_.timeouts;
  breaker(Service::kTts).TimedOut(now);
  CancelSynthesis(voice);
  voice.HandleFailure(breaker(Service::kTts).level() == ServiceLevel::kDown, now);
}

VoiceTrack* RoomInterpreter::Impl::VoiceOf(RequestId request) {
  const auto it = syntheses_.find(request.value());
  if (it == syntheses_.end()) return nullptr;
  Speaker* speaker = FindSpeaker(it->second.first);
  if (!speaker) return nullptr;
  const auto track = speaker->tracks.find(it->second.second);
  return track == speaker->tracks.end() ? nullptr : track->second.voice.get();
}

void RoomInterpreter::Impl::CancelSynthesis(VoiceTrack& voice) {
  const auto request = voice.request();
  if (!request) return;
  syntheses_.erase(request->value());
  outputs_.push_back(CancelRequest{*request});
}

void RoomInterpreter::Impl::HandleSynthesisAudio(RequestId request, std::vector<std::int16_t> pcm, bool last,
                                                 Time now) {
  VoiceTrack* voice = VoiceOf(request);
  if (!voice) return;
  if (!voice->heard_request() && !pcm.empty()) {
    const Duration took = now - voice->asked_at();
    breaker(Service::kTts).Succeeded(took, now);
    Sample(MetricKind::kStageTts, took);
  }
  if (last) syntheses_.erase(request.value());
  if (!voice->HandleSound(std::move(pcm), last, now) && !last) {
    syntheses_.erase(request.value());
    outputs_.push_back(CancelRequest{request});
  }
  DriveVoices(now);
  StopLingering(now);
  TellServiceState(now);
}

void RoomInterpreter::Impl::HandleSynthesisError(RequestId request, bool busy, Time now) {
  VoiceTrack* voice = VoiceOf(request);
  if (!voice) return;
  ++stats_.request_errors;
  if (busy) breaker(Service::kTts).Busy(now);
  else breaker(Service::kTts).Failed(now);
  syntheses_.erase(request.value());
  voice->HandleFailure(breaker(Service::kTts).level() == ServiceLevel::kDown, now);
  DriveVoices(now);
  StopLingering(now);
  TellServiceState(now);
}

void RoomInterpreter::Impl::SetExpectedLoss(const ParticipantId& speaker, const Language& language, int percent) {
  Speaker* who = FindSpeaker(speaker);
  if (!who) return;
  const auto track = who->tracks.find(language);
  if (track != who->tracks.end() && track->second.voice) track->second.voice->SetExpectedLoss(percent);
}

void RoomInterpreter::Impl::OnFrame(const ParticipantId& speaker, const Language& lang, const VoiceFrame& frame) {
  sink_.InjectAudio(speaker, lang, frame.opus, frame.timestamp, frame.marker, frame.level_dbov, frame.voice);
}

void RoomInterpreter::Impl::OnFirstSound(Duration since_spoken) { Sample(MetricKind::kInterpret, since_spoken); }

}  // namespace jb::interpreter
