// SPDX-License-Identifier: Apache-2.0
// The interpreter's side of one stream to the stt service: which of its sound arrived when, which
// flushes are unanswered, which of its segments are open captions. No I/O.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "base/strong.h"
#include "base/time.h"
#include "interpreter/types.h"

namespace jb::interpreter {

using CaptionKey = std::uint64_t;

class SttStream {
 public:
  SttStream(StreamId id, ParticipantId speaker, Language lang, Time now)
      : id_(id), speaker_(std::move(speaker)), lang_(std::move(lang)), last_use_(now) {}

  StreamId id() const { return id_; }
  const ParticipantId& speaker() const { return speaker_; }
  const Language& lang() const { return lang_; }

  // `samples` at 16 kHz were sent; the last of them came in at `arrival`.
  void NoteAudio(std::size_t samples, Time arrival, Time now);
  // When the sound at that second of the stream came in; clamped to what is remembered.
  Time ArrivalOf(double seconds) const;
  bool has_unflushed_audio() const { return samples_ > flushed_; }

  struct Flush {
    std::uint32_t number;  // from 1
    Time voice_end;        // when the last voiced sound before it came in
    Time sent;
    bool late_told = false;
  };
  void NoteFlush(Time voice_end, Time now);
  // Answers come in order: earlier unanswered flushes are answered with it.
  std::optional<Flush> AnswerFlush(std::uint32_t number);
  const std::deque<Flush>& flushes() const { return flushes_; }
  // When the oldest unanswered flush is late, or, once told, given up; nullopt without any.
  std::optional<Time> FlushDeadline(Duration late, Duration give_up) const;
  void NoteLate() { flushes_.front().late_told = true; }

  // The service's segment ids that have a caption which is not final yet.
  std::map<std::uint64_t, CaptionKey> segments;

  // No sound follows; the stream closes when all is answered.
  bool retiring = false;
  bool IsDone() const { return retiring && flushes_.empty(); }
  Time last_use() const { return last_use_; }

 private:
  struct Point {
    std::uint64_t end_sample = 0;
    Time arrival{};
  };
  static constexpr std::size_t kPoints = 512;  // at least 10 s of speech

  StreamId id_;
  ParticipantId speaker_;
  Language lang_;
  std::uint64_t samples_ = 0;
  std::uint64_t flushed_ = 0;
  std::uint32_t flush_count_ = 0;
  std::deque<Flush> flushes_;
  std::array<Point, kPoints> points_{};  // ring
  std::size_t point_count_ = 0;          // ever
  Time last_use_;
};

}  // namespace jb::interpreter
