// SPDX-License-Identifier: Apache-2.0
// The inside of RoomInterpreter, in three parts: who needs what (room_interpreter.cc), microphones to
// captions (room_speech.cc), captions to translated voices (room_voice.cc).
#pragma once

#include <array>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>

#include "interpreter/caption_book.h"
#include "interpreter/microphone.h"
#include "interpreter/room_interpreter.h"
#include "interpreter/service_breaker.h"
#include "interpreter/stt_stream.h"
#include "interpreter/voice_track.h"

namespace jb::interpreter {

class RoomInterpreter::Impl : public MicrophoneListener, public VoiceTrackListener {
 public:
  Impl(InterpreterOptions options, AudioSink& sink, Time origin);

  void SetParticipant(const Participant& participant, Time now);
  void RemoveParticipant(const ParticipantId& participant, Time now);
  void SetMicrophone(const ParticipantId& participant, const ProducerId& producer, bool paused, Time now);
  void RemoveMicrophone(const ProducerId& producer, Time now);
  void SetAvailability(const Availability& availability, Time now);
  void SetExpectedLoss(const ParticipantId& speaker, const Language& language, int percent);
  void HandleTappedPacket(const ProducerId& producer, const TappedAudio& packet, Time now);
  void HandleSttEvent(StreamId stream, const SttEvent& event, Time now);
  void HandleTranslation(RequestId request, const TranslationResult& result, Time now);
  void HandleSynthesisAudio(RequestId request, std::vector<std::int16_t> pcm, bool last, Time now);
  void HandleSynthesisError(RequestId request, bool busy, Time now);
  void HandleServiceHealth(Service service, bool up, Time now);
  void HandleTimeout(Time now);
  std::optional<Time> NextDeadline() const;
  std::optional<Output> Poll();

  const InterpreterStats& stats() const { return stats_; }
  const ServiceState& service_state() const { return told_state_; }

 private:
  struct Track {
    std::unique_ptr<VoiceTrack> voice;
    ProducerId microphone;
  };
  struct Mic {
    ProducerId producer;
    bool paused = false;
    bool tapped = false;
    std::unique_ptr<Microphone> sound{};  // from the first tap on
  };
  struct Speaker {
    Participant info;
    std::string voice;  // for tts
    std::optional<Mic> mic;
    std::optional<StreamId> stream;  // the one that sound goes to
    Duration stream_backoff{};       // after a stream was refused or lost
    Time next_stream_at{};
    std::map<Language, Track> tracks;
    std::optional<Time> lingers_until;  // the microphone is gone, its words are not yet all spoken
  };
  struct Translation {
    CaptionKey caption;
    ParticipantId speaker;
    std::string text;
    Language from;
    Language to;
    Time spoken;  // when the sentence ended
    Time asked;
    bool retried = false;
  };

  // --- who needs what (room_interpreter.cc) ---
  void Reconsider(Time now);
  void ReconsiderMicrophone(Speaker& speaker, Time now);
  void ReconsiderTracks(Speaker& speaker, Time now);
  void ReconsiderTranslations(Time now);
  void PrepareTranslations();
  bool IsNeeded(const Speaker& speaker) const;
  bool IsBusy(const Speaker& speaker) const;
  // What others hear instead of `from`: for captions, or only those who listen to the translated voice.
  std::set<Language> LanguagesHeard(const ParticipantId& speaker, const Language& from, bool voice_only) const;
  void StopLingering(Time now);
  void DropTrack(Speaker& speaker, std::map<Language, Track>::iterator track);
  void TellServiceState(Time now);
  ServiceState::One& Told(std::size_t service);
  Speaker* FindSpeaker(const ParticipantId& id);
  Speaker* SpeakerOf(const ProducerId& microphone);
  void DetachMicrophone(Speaker& speaker, Time now);
  ServiceBreaker& breaker(Service service) { return breakers_[static_cast<std::size_t>(service)]; }

  // --- sound to captions (room_speech.cc) ---
  void OnSpeech(const ParticipantId& speaker, std::span<const std::int16_t> pcm, Time arrival, Time now) override;
  void OnClauseEnd(const ParticipantId& speaker, Time voice_end, Time now) override;
  SttStream* StreamFor(Speaker& speaker, Time now);
  void RetireStream(Speaker& speaker, Time now);
  void HandleStreamLost(const SttStream& stream, Time now);
  void ForgiveStream(StreamId id);
  void HandlePartial(SttStream& stream, const SttEvent& event, Time now);
  void HandleFinal(SttStream& stream, const SttEvent& event, Time now);
  void Commit(SttStream& stream, CaptionKey key, CaptionBook::Settled settled, Time now);
  void CommitOpenSegments(SttStream& stream, Time now);
  CaptionKey CaptionOf(SttStream& stream, const SttEvent& event, Time now);
  void ForgetStream(StreamId id, bool close, Time now);
  void HandleStreamTimeouts(Time now);
  void TakeCaptions();

  // --- captions to voices (room_voice.cc) ---
  void RequestTranslation(CaptionKey caption, const ParticipantId& speaker, const std::string& text,
                          const Language& from, const Language& to, Time spoken, Time now);
  void SendTranslation(Translation translation, Time now);
  void GiveUpTranslation(const Translation& translation, Time now);
  void HandleTranslationTimeouts(Time now);
  void Say(const Translation& translation, const std::string& text, Time now);
  void DriveVoices(Time now);
  void DriveSynthesis(Speaker& speaker, const Language& lang, Track& track, Time now);
  void HandleSynthesisTimeout(VoiceTrack& voice, Time now);
  VoiceTrack* VoiceOf(RequestId request);
  void CancelSynthesis(VoiceTrack& voice);
  void OnFrame(const ParticipantId& speaker, const Language& lang, const VoiceFrame& frame) override;
  void OnFirstSound(Duration since_spoken) override;

  void Sample(MetricKind kind, Duration value) { outputs_.push_back(MetricSample{kind, ToSeconds(value)}); }

  // Set at construction.
  const InterpreterOptions options_;
  AudioSink& sink_;

  // What is available.
  std::set<Language> stt_;
  std::set<std::pair<Language, Language>> translation_;
  std::set<Language> tts_;

  // State. Ordered maps, so that the same inputs give the same outputs.
  std::map<ParticipantId, Speaker> speakers_;
  std::unordered_map<ProducerId, ParticipantId> microphones_;
  std::map<StreamId, SttStream> streams_;
  std::map<RequestId, Translation> translations_;
  std::set<std::pair<Language, Language>> prepared_;  // directions the translator was told of
  std::unordered_map<std::uint64_t, std::pair<ParticipantId, Language>> syntheses_;  // by request
  CaptionBook captions_;
  std::array<ServiceBreaker, kServices> breakers_;
  ServiceState told_state_;
  std::array<Time, kServices> told_at_{};
  std::array<std::optional<Time>, kServices> better_at_{};  // recovery waits to be told until then
  std::uint64_t last_stream_ = 0;
  std::uint64_t last_request_ = 0;
  std::uint64_t last_voice_ = 0;
  InterpreterStats stats_;
  std::deque<Output> outputs_;
};

}  // namespace jb::interpreter
