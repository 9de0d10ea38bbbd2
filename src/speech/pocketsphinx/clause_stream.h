// SPDX-License-Identifier: Apache-2.0
// One speaker's audio to partial and final texts: noise suppression, voice detection, endpointing, decoding.
// Counts samples instead of reading a clock. Borrows its decoder. Single-threaded: the thread of the
// session, since decoding takes time.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "media/audio/voice.h"
#include "speech/pocketsphinx/decoder.h"
#include "speech/pocketsphinx/endpointer.h"
#include "speech/recognizer.h"

namespace jb::speech {

struct ClauseResult {
  Recognition recognition;
  std::vector<TimedText> words;  // of a final
};

class ClauseStream {
 public:
  using Sink = std::function<void(const ClauseResult&)>;

  ClauseStream(SphinxDecoder& decoder, Sink sink, const EndpointerOptions& options = {});

  // mono 16 kHz, any number of samples.
  void Push(std::span<const std::int16_t> pcm);
  // Call when there is no more audio to push at the moment: works ahead on a likely end, and says what has
  // been understood so far. Leaving it out changes no final.
  void Idle();
  // Ends the open clause now and answers with a final, an empty one if nothing was open.
  void Flush(std::uint64_t number);
  // Ends the open clause.
  void Finish();
  // Audio was lost here: the times go on, the open clause ends.
  void Skip(std::size_t samples);

  double position_s() const { return static_cast<double>(endpointer_.position() + skipped_) * 0.01; }

 private:
  using Frame = std::array<std::int16_t, media::kVoiceFrameSamples>;
  struct Heard {
    Frame raw;
    Frame clean;   // after noise suppression
    float energy;  // mean square of raw
  };

  void PushFrame(const Frame& frame);
  void StartClause();
  void Resume();
  void EndClause(std::optional<std::uint64_t> flush);
  void CutClause();
  const std::vector<TimedText>& FinishWords();
  void Emit(bool final, std::string text, double start_s, double end_s, std::optional<std::uint64_t> flush,
            std::vector<TimedText> words);
  void EmitWords(std::vector<TimedText> words, std::optional<std::uint64_t> flush);
  double SecondsAt(std::int64_t frame) const { return static_cast<double>(frame + skipped_) * 0.01; }
  void Feed(std::int64_t from);
  void FeedLast();
  bool IsNoisy() const;
  void TrackNoise(float energy);

  SphinxDecoder& decoder_;
  const Sink sink_;
  media::NoiseSuppressor suppressor_{media::NoiseSuppression::kModerate};
  media::VoiceDetector detector_;
  Endpointer endpointer_;
  std::vector<std::int16_t> rest_;  // less than a frame
  std::deque<Heard> recent_;        // the newest last
  float noise_ = -1;                // mean square between clauses; negative: not known yet
  std::int64_t skipped_ = 0;        // frames lost by Skip

  // The open clause.
  std::uint64_t id_ = 0;
  std::uint32_t rev_ = 0;
  std::int64_t part_start_ = 0;                     // frame where the decoder's current utterance began
  std::vector<TimedText> earlier_;                  // words of the clause's earlier parts
  std::optional<std::vector<TimedText>> finished_;  // the second pass was run: all words of the clause
  std::int64_t finished_at_ = 0;                    // frame at which it was run
  bool noisy_ = false;                              // the decoder gets this clause's frames after noise suppression
  std::string last_partial_;
  std::int64_t last_partial_at_ = 0;
  CepstralMean speaker_;
};

}  // namespace jb::speech
