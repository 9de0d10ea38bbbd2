// SPDX-License-Identifier: Apache-2.0
// One translated voice: what one speaker says, in one language. Text in, requests for synthesis out,
// sound in, Opus frames every 20 ms out while there is something to say and no packets otherwise.
// Append-only: what was spoken stays spoken. Behind the speaker it joins waiting clauses into one
// utterance, speaks up to 1.15× faster, and past a bound leaves the oldest unspoken clauses out.
// Does not know the services: its owner carries NextUtterance() to tts and the sound back. No clock;
// single-threaded. RTP timestamps follow the time of sending: +960 within a talk spurt, the pause's
// length over a pause (RFC 3550 section 5.1, RFC 3551 section 4.1 for the marker).
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/time.h"
#include "interpreter/options.h"
#include "interpreter/types.h"
#include "media/audio/opus_encoder.h"
#include "media/audio/time_stretch.h"

namespace jb::interpreter {

struct VoiceFrame {
  ByteView opus;
  std::uint32_t timestamp = 0;
  bool marker = false;
  std::int8_t level_dbov = 0;
  bool voice = false;
};

// Called from inside VoiceTrack's methods; must not call back.
class VoiceTrackListener {
 public:
  virtual ~VoiceTrackListener() = default;
  virtual void OnFrame(const ParticipantId& speaker, const Language& lang, const VoiceFrame& frame) = 0;
  // The first audible frame of a clause went out so long after the clause was spoken.
  virtual void OnFirstSound(Duration since_spoken) = 0;
};

class VoiceTrack {
 public:
  // All references must outlive it.
  VoiceTrack(ParticipantId speaker, Language lang, const InterpreterOptions& options, InterpreterStats& stats,
             VoiceTrackListener& listener);

  // A translated clause, whose original ended at `spoken`.
  void Say(std::string text, Time spoken, Time now);

  // What its listeners lose, for the encoder's redundancy; 0: none is sent.
  void SetExpectedLoss(int percent);

  // --- synthesis: one request at a time ---
  // Whether the next request should be made now (none is running, text waits, little sound lies ready).
  bool WantsSynthesis(Time now);
  // What to synthesize; the owner sends it and reports under this request id.
  std::string NextUtterance(RequestId request, Time now);
  std::optional<RequestId> request() const;
  // When the running request is given up.
  std::optional<Time> request_deadline() const;
  // The running request repeats one that failed.
  bool retrying() const { return in_flight_ && in_flight_->clause.retried; }
  bool heard_request() const { return in_flight_ && in_flight_->got_sound; }
  Time asked_at() const { return in_flight_ ? in_flight_->asked : Time{}; }
  // False: more sound than the text can be; the owner cancels the request.
  bool HandleSound(std::vector<std::int16_t> pcm, bool last, Time now);
  // It failed or took too long. Text of which nothing was heard yet is tried once more, or, when it is
  // the service that is down, again until it is too old.
  void HandleFailure(bool service_down, Time now);

  void HandleTimeout(Time now);
  std::optional<Time> NextDeadline() const;
  // Text waits for a request.
  bool has_text() const { return !pending_.empty() && !in_flight_; }
  bool IsIdle() const { return pending_.empty() && !in_flight_ && !playing_ && ready_ == 0; }

 private:
  struct Clause {
    std::string text;
    Time spoken;
    Duration length;
    bool retried = false;
  };
  struct InFlight {
    RequestId request;
    Clause clause;  // all that was joined
    Time asked;
    Time last_news;
    std::uint64_t samples = 0;
    bool got_sound = false;
  };
  struct Mark {
    std::uint64_t at;  // position of an utterance's first sample in the sound pushed so far
    Time spoken;
  };

  void DropStale(Time now);
  void DropBeyondBound();
  void DropOldest();
  bool SpendCharacters(std::size_t n, Time now);
  Duration Waiting() const;
  Duration Ready() const;
  double Speed() const;
  void StartIfReady(Time now);
  void FillStretch();
  void SendFrame(Time now);
  void Stop();
  void ReportFirstSound(Time now);

  const ParticipantId speaker_;
  const Language lang_;
  const InterpreterOptions& options_;
  InterpreterStats& stats_;
  VoiceTrackListener& listener_;

  std::deque<Clause> pending_;
  std::optional<InFlight> in_flight_;
  double characters_left_;
  Time characters_at_{};

  std::deque<std::vector<std::int16_t>> chunks_;  // sound not yet in stretch_
  std::size_t chunk_at_ = 0;                      // in the front chunk
  std::size_t ready_ = 0;                         // samples in chunks_ and stretch_
  std::uint64_t received_ = 0;                    // samples ever
  std::deque<Mark> marks_;
  media::TimeStretch stretch_;
  std::unique_ptr<media::OpusEncoder> encoder_;  // made at the first sound
  int expected_loss_percent_ = 0;

  bool playing_ = false;
  bool marker_ = false;
  Time next_frame_{};
  int tail_frames_ = 0;      // of silence sent since the sound ended
  Duration start_buffer_{};  // sound wanted before playing while more is coming
};

}  // namespace jb::interpreter
