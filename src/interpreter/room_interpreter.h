// SPDX-License-Identifier: Apache-2.0
// RoomInterpreter: one room's microphones in, captions and translated voices out. Decides whose words
// are needed in which language, gates and decodes the sound, turns what the services answer into
// captions and clauses, and paces the translated voice.
//
// It does not talk to anybody: the shell carries SetTap and AddTranslatedTrack to the SFU, Translate and
// Synthesize to the services, Caption to the room. Sans-IO: no clock, thread, socket or lock; whoever
// drives it is its only thread. After each call that takes `now`: drain Poll(), then arm a timer for
// NextDeadline(). `now` never goes backwards.
//
// What is worked on (counted in stats(), so that a test can assert it):
//  - A microphone is tapped when it is not paused, stt knows its speaker's language, and somebody else
//    is in the room who either hears another language or may read captions in the same one
//    (InterpreterOptions::same_language_captions). In a room of one nothing is done.
//  - A final sentence is translated once per language that somebody else hears, for captions and voice
//    alike; partial ones are not translated: they are shown in the original and the translation comes
//    with the sentence, so that each sentence costs one request per language.
//  - A translated sentence is synthesized once per language that somebody else hears and chose
//    VoiceChoice::kTranslated for.
//
// When a service fails: without tts the captions stay; without translation the captions in the original
// stay; without stt only the sound of the SFU stays, which this class never touches. ServiceState says
// so at once and stays for at least 3 s to be read, requests to what is down stop but for one probe per back-off, and
// all comes back by itself.
//
// Bounds: every queue here has a limit (kMax… in the .cc files); beyond it the oldest unspoken text is
// dropped and counted. Voice is append-only: what was spoken is never taken back.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "interpreter/options.h"
#include "interpreter/types.h"

namespace jb::interpreter {

class RoomInterpreter {
 public:
  // `sink` must outlive this object. `origin`: where captions' startMs counts from (the room's birth).
  RoomInterpreter(InterpreterOptions options, AudioSink& sink, Time origin);
  ~RoomInterpreter();
  RoomInterpreter(const RoomInterpreter&) = delete;
  RoomInterpreter& operator=(const RoomInterpreter&) = delete;

  // --- the room ---
  // New, or changed languages or voice.
  void SetParticipant(const Participant& participant, Time now);
  // What they said so far still becomes captions; their translated tracks go at once.
  void RemoveParticipant(const ParticipantId& participant, Time now);
  // One microphone per participant: another id replaces it. Unknown participants are ignored.
  void SetMicrophone(const ParticipantId& participant, const ProducerId& producer, bool paused, Time now);
  // What was said is still captioned and spoken; the tracks go when that is done.
  void RemoveMicrophone(const ProducerId& producer, Time now);
  void SetAvailability(const Availability& availability, Time now);
  // What those who listen to that translated voice lose on their way to it, to be encoded for; 0 to 100.
  void SetExpectedLoss(const ParticipantId& speaker, const Language& language, int percent);

  // --- sound ---
  void HandleTappedPacket(const ProducerId& producer, const TappedAudio& packet, Time now);

  // --- the services' answers; unknown ids are ignored ---
  void HandleSttEvent(StreamId stream, const SttEvent& event, Time now);
  void HandleTranslation(RequestId request, const TranslationResult& result, Time now);
  // 48 kHz mono.
  void HandleSynthesisAudio(RequestId request, std::vector<std::int16_t> pcm, bool last, Time now);
  void HandleSynthesisError(RequestId request, const std::string& error, Time now);
  // The service lives, and had no place for it in time.
  void HandleSynthesisBusy(RequestId request, Time now);
  // From the shell's supervision (process gone, /health silent). Up again: everything is tried at once.
  void HandleServiceHealth(Service service, bool up, Time now);

  void HandleTimeout(Time now);
  std::optional<Time> NextDeadline() const;
  std::optional<Output> Poll();

  const InterpreterStats& stats() const;
  // As last told.
  const ServiceState& service_state() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace jb::interpreter
