// SPDX-License-Identifier: Apache-2.0
// One tapped microphone: packets in, the sound of its clauses at 16 kHz out. Jitter buffer → Opus with
// concealment → voice detector → gate with pre-roll. Does not know where the sound goes.
// Sans-IO core, part of a RoomInterpreter; nothing is allocated per packet after warm-up.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/strong.h"
#include "interpreter/options.h"
#include "interpreter/speech_gate.h"
#include "interpreter/types.h"
#include "media/audio/jitter_buffer.h"
#include "media/audio/opus_decoder.h"
#include "media/audio/voice.h"

namespace jb::interpreter {

// Called from inside Microphone's methods; must not call back.
class MicrophoneListener {
 public:
  virtual ~MicrophoneListener() = default;
  // Sound of a clause, in order; its last sample arrived at `arrival`.
  virtual void OnSpeech(const ParticipantId& speaker, std::span<const std::int16_t> pcm_16k, Time arrival,
                        Time now) = 0;
  // All of the clause was given; its last voiced sound arrived at `voice_end` (the detector's tail not counted).
  virtual void OnClauseEnd(const ParticipantId& speaker, Time voice_end, Time now) = 0;
};

class Microphone {
 public:
  // `options`, `stats` and `listener` must outlive it.
  Microphone(ParticipantId speaker, const InterpreterOptions& options, InterpreterStats& stats,
             MicrophoneListener& listener);

  void HandlePacket(const TappedAudio& packet, Time now);
  void HandleTimeout(Time now);
  std::optional<Time> NextDeadline() const;
  // Muted, gone or not needed: what was being said ends here.
  void Stop(Time now);

  bool speaking() const { return gate_.open(); }

 private:
  void Drain(Time arrival, Time now);
  void HandleFrame(const media::JitterBuffer::Frame& frame, Time arrival, Time now);
  void Decode(const media::JitterBuffer::Frame& frame, Time arrival, Time now);
  void FeedSilence(Duration duration, Time arrival, Time now);
  void Feed(std::span<const std::int16_t> pcm, bool may_be_voice, Time arrival, Time now);
  void HandleVoiceFrame(bool may_be_voice, Time arrival, Time now);
  bool IsVoice();
  void OpenWithPreRoll();
  void KeepForPreRoll();
  void SendSpeech(Time arrival, Time now);
  void EndClause(Time now);
  Time SilenceDeadline() const;

  const ParticipantId speaker_;
  const InterpreterOptions& options_;
  InterpreterStats& stats_;
  MicrophoneListener& listener_;
  media::JitterBuffer jitter_;
  media::OpusDecoder decoder_;
  media::VoiceDetector detector_;
  SpeechGate gate_;
  std::array<std::int8_t, media::JitterBuffer::kMaxPackets> levels_{};  // by sequence number
  std::vector<std::int16_t> decoded_;
  std::array<std::int16_t, media::kVoiceFrameSamples> frame_{};  // being filled
  std::size_t frame_fill_ = 0;
  std::vector<std::int16_t> pre_roll_;  // ring of whole frames
  std::size_t pre_roll_at_ = 0;
  std::size_t pre_roll_fill_ = 0;
  std::vector<std::int16_t> speech_;  // of the open clause, not yet given to the listener
  bool decoder_stale_ = false;        // packets were skipped
  Time last_frame_{};
  bool was_voiced_ = false;  // the last frame
  Time last_voice_{};        // end of the sound: without the detector's tail once that is over
};

}  // namespace jb::interpreter
