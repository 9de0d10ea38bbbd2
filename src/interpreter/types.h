// SPDX-License-Identifier: Apache-2.0
// What goes into and comes out of a RoomInterpreter: plain values. Text in here is what people said:
// it never goes into a log.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/strong.h"
#include "base/time.h"

namespace jb::interpreter {

// Both are unique within one RoomInterpreter for its whole life, never reused.
using StreamId = Strong<struct StreamIdTag, std::uint64_t>;    // one stream to the stt service
using RequestId = Strong<struct RequestIdTag, std::uint64_t>;  // one request to translation or tts

enum class Service : std::uint8_t { kStt, kTranslation, kTts };
inline constexpr std::size_t kServices = 3;
const char* ToString(Service service);  // "stt", "translation", "tts"

// ------------------------------------------------------------------------------------------ inputs

enum class VoiceChoice : std::uint8_t { kTranslated, kOriginal };

struct Participant {
  ParticipantId id;
  Language speaks;
  Language hears;
  VoiceChoice voice = VoiceChoice::kTranslated;
};

// One Opus packet of a microphone as it came from its sender.
struct TappedAudio {
  std::uint16_t sequence = 0;
  std::uint32_t timestamp = 0;            // 48 kHz
  std::optional<std::int8_t> level_dbov;  // 0 loudest .. -127 silence (RFC 6464)
  Time arrival{};                         // when it came in from the network; at most `now`
  ByteView payload;                       // borrowed for the call
};

// What the loaded backends can really do (GET /api/v1/languages). A pair counts also when the
// translation service goes through a pivot.
struct Availability {
  std::vector<Language> stt;
  std::vector<std::pair<Language, Language>> translation;
  std::vector<Language> tts;
};

struct SttEvent {
  enum class Kind : std::uint8_t {
    kOpened,  // the stream is connected
    kPartial,
    kFinal,
    kClosed,  // the stream is gone: refused, broken off, or done after CloseStt
  };
  Kind kind = Kind::kClosed;
  std::uint64_t segment = 0;  // the service's `id`
  std::string text{};
  double start_s = 0;  // in seconds of the stream's own sound
  double end_s = 0;
  std::optional<std::uint32_t> flush{};  // this final answers the n-th FlushStt of the stream, counted from 1
  std::string error{};                   // kClosed: why, for an operator
};

// An answer to a request; `error` set when there is none.
struct TranslationResult {
  std::string text{};
  std::optional<std::string> error{};
  bool busy = false;  // with `error`: the service lives, and had no place for it in time
};

// ----------------------------------------------------------------------------------------- outputs

// Tap this microphone, or stop.
struct SetTap {
  ProducerId producer;
  bool on;
};

// Answer with HandleTranslation once. After `deadline` the answer is ignored.
struct Translate {
  RequestId request;
  std::string text;
  Language from;
  Language to;
  Time deadline;
};

// Somebody who speaks `from` can be heard in `to` from now on: the translator may get ready, so that the first
// sentence need not wait for it. Without an answer.
struct PrepareTranslation {
  Language from;
  Language to;
};

// Answer with HandleSynthesisAudio any number of times, the last with `last`, or HandleSynthesisError, or
// HandleSynthesisBusy.
struct Synthesize {
  RequestId request;
  std::string text;
  Language lang;
  std::string voice;  // the same for all that one speaker says, different for others ("speaker-3")
  Time deadline;      // for the first sound
};

// Nobody waits for it any more; no answer is expected.
struct CancelRequest {
  RequestId request;
};

struct StageMs {
  std::int64_t stt = 0;
  std::optional<std::int64_t> translation;  // the slowest language; none while it is awaited or not needed
};

// protocol.md `caption`. The receiver of the event picks the reader's language out of `translations`.
struct Caption {
  std::string id;         // unique within the room
  std::uint32_t rev = 0;  // from 1, grows
  ParticipantId speaker;
  bool final = false;  // nothing follows; an empty text takes the caption back
  Language lang;
  std::string text;
  std::map<Language, std::string> translations;
  std::int64_t start_ms = 0;  // since the origin given to the interpreter
  std::int64_t end_ms = 0;
  std::int64_t lag_ms = 0;  // newest sound in it, or the end of the voice of settled words → shown
  StageMs stage;
};

// A producer of the speaker with source "translation" is wanted / no longer. `microphone` is its
// translatedFrom.
struct AddTranslatedTrack {
  ParticipantId speaker;
  Language language;
  ProducerId microphone;
};
struct RemoveTranslatedTrack {
  ParticipantId speaker;
  Language language;
};

enum class ServiceLevel : std::uint8_t { kUp, kDegraded, kDown };
const char* ToString(ServiceLevel level);  // "up", "degraded", "down"

struct ServiceState {
  struct One {
    ServiceLevel level = ServiceLevel::kUp;
    std::string message;  // for people; empty when up
    friend bool operator==(const One&, const One&) = default;
  };
  One stt;
  One translation;
  One tts;
  friend bool operator==(const ServiceState&, const ServiceState&) = default;
};

enum class MetricKind : std::uint8_t {
  kStageStt,          // jbcalling_stage_seconds{stage="stt"}: flush → final text
  kStageTranslation,  // request → answer
  kStageTts,          // request → first sound
  kInterpret,  // jbcalling_interpret_seconds: last voiced sound of the clause → first translated frame with voice
  kCaptionPartial,  // jbcalling_caption_seconds: newest sound in it → caption out
  kCaptionFinal,    // last voiced sound of the clause → final caption with its translations out
};
struct MetricSample {
  MetricKind kind;
  double seconds;
};

using Output = std::variant<SetTap, PrepareTranslation, Translate, Synthesize, CancelRequest, Caption,
                            AddTranslatedTrack, RemoveTranslatedTrack, ServiceState, MetricSample>;

// The streams of sound, in the order in which they happen. Called from inside RoomInterpreter's
// methods; must not call back into it, and must not block. Spans are borrowed for the call.
class AudioSink {
 public:
  virtual ~AudioSink() = default;

  // Connect GET /transcribe/stream?lang=. Sound may follow at once: the shell holds it back (bounded,
  // a few seconds) until connected, and reports kOpened or kClosed.
  virtual void OpenStt(StreamId stream, const Language& lang) = 0;
  virtual void SendSttAudio(StreamId stream, std::span<const std::int16_t> pcm_16k) = 0;
  // {"type":"flush"}: the clause ends here.
  virtual void FlushStt(StreamId stream) = 0;
  // {"type":"end"}; events of this stream are ignored from here on.
  virtual void CloseStt(StreamId stream) = 0;

  // One Opus frame of 20 ms for the track of (speaker, language), after its AddTranslatedTrack.
  // `marker`: the first after a silence. `level_dbov` 0..-127.
  virtual void InjectAudio(const ParticipantId& speaker, const Language& language, ByteView opus,
                           std::uint32_t timestamp, bool marker, std::int8_t level_dbov, bool voice) = 0;
};

// ---------------------------------------------------------------------------------------- counters

// Since the start; what "work that nobody needs is not done" is asserted from.
struct InterpreterStats {
  std::uint64_t packets = 0;          // tapped packets taken
  std::uint64_t packets_ignored = 0;  // of microphones that nobody needs
  std::uint64_t concealed_ms = 0;     // sound made up for lost packets
  std::uint64_t stt_streams = 0;
  std::uint64_t stt_audio_ms = 0;                                         // sound sent to stt
  std::uint64_t stt_audio_dropped_ms = 0;                                 // speech that found no stt
  std::uint64_t clauses = 0;                                              // times a gate closed on speech
  std::uint64_t sentences = 0;                                            // non-empty finals
  std::map<Language, std::uint64_t> translations;                         // requests by target language
  std::map<std::pair<ParticipantId, Language>, std::uint64_t> syntheses;  // repeats not counted; of who is here now
  std::uint64_t syntheses_total = 0;
  std::uint64_t captions_partial = 0;
  std::uint64_t captions_final = 0;
  std::uint64_t frames_injected = 0;
  std::uint64_t clauses_coalesced = 0;  // spoken together with the one before
  std::uint64_t clauses_dropped = 0;    // never spoken: too far behind; captions had them
  std::uint64_t stretched_ms = 0;       // time saved by speaking faster
  std::uint64_t underruns = 0;          // tts too slow in the middle of an utterance
  std::uint64_t cadence_slips = 0;      // driven too late to keep 20 ms
  std::uint64_t timeouts = 0;           // requests that were given up
  std::uint64_t request_errors = 0;
  std::uint64_t captions_cut = 0;  // finished early because too many were open
};

}  // namespace jb::interpreter
