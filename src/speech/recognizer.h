// SPDX-License-Identifier: Apache-2.0
// Recognizer: speech in, text out. One object per process and backend; it opens sessions, one per
// speaker's stream, up to a fixed concurrency, and recognises whole recordings.
// It does not decode files, resample or speak HTTP: services/stt does.
//
// Audio contract: mono, 16 kHz, signed 16-bit native-endian samples, in any chunk size, in real time or
// faster. Silence may be sent or left out; times in results count the samples received, in seconds.
//
// Thread: everything is called on the io::Loop given to the backend, and handlers are called on it, never
// from inside the call that caused them. Backends may decode on threads of their own. A session or job
// that is destroyed calls nothing any more.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace jb::speech {

inline constexpr int kRecognizerRateHz = 16000;

// One stretch of text of a stream. The same id comes again with a growing rev until `final`; after that
// the next stretch has a new id. A partial that turns out to be nothing is closed by an empty final.
struct Recognition {
  std::uint64_t id = 0;
  std::uint32_t rev = 0;
  bool final = false;
  std::string text;
  double start_s = 0;  // in the stream's audio time
  double end_s = 0;
  // Answers the n-th Flush() (counted from 1); each Flush() is answered exactly once, in order.
  std::optional<std::uint64_t> flush;
};

struct RecognitionOptions {
  // Silence that ends a clause, where the caller's own judgement by Flush() is to come first; nullopt: the backend's.
  std::optional<Duration> end_silence;
};

struct RecognitionHandlers {
  std::function<void(const Recognition&)> on_result;
  // After Finish(): every result was given. With an error: the session is dead and nothing follows.
  std::function<void(Status<>)> on_done;
};

class RecognitionSession {
 public:
  virtual ~RecognitionSession() = default;
  // Never blocks. Keeps at most a bounded backlog: past it the oldest undecoded audio is lost and counted.
  virtual void PushAudio(std::span<const std::int16_t> pcm) = 0;
  // "The clause ends here": finalises what was pushed so far at once.
  virtual void Flush() = 0;
  // No more audio; finalises and calls on_done.
  virtual void Finish() = 0;
  // Pushed and not decoded yet: whoever can hold its sound back waits while this is much.
  virtual std::size_t backlog_samples() const = 0;
};

struct TimedText {
  std::string text;
  double start_s = 0;
  double end_s = 0;
};

struct Transcript {
  std::string text;
  double duration_s = 0;
  std::vector<TimedText> segments;
  std::vector<TimedText> words;
};

// Work that can be called off by destroying its handle.
class Job {
 public:
  virtual ~Job() = default;
};

struct RecognizerStats {
  int sessions = 0;     // open now, whole recordings included
  int concurrency = 0;  // the most there may be
  std::uint64_t dropped_samples = 0;
};

// Error codes: "busy" (concurrency reached), "unsupported_language", "backend_failed".
class Recognizer {
 public:
  virtual ~Recognizer() = default;
  virtual std::string_view name() const = 0;
  virtual std::vector<std::string> languages() const = 0;  // BCP-47 primary subtags: {"en"}
  virtual Result<std::unique_ptr<RecognitionSession>> Open(std::string_view language, const RecognitionOptions& options,
                                                           RecognitionHandlers handlers) = 0;
  // A whole recording; `done` is called once, later.
  virtual Result<std::unique_ptr<Job>> Transcribe(std::vector<std::int16_t> pcm, std::string_view language,
                                                  std::function<void(Result<Transcript>)> done) = 0;
  virtual RecognizerStats stats() const = 0;
};

}  // namespace jb::speech
