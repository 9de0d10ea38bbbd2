// SPDX-License-Identifier: Apache-2.0
#include "speech/pocketsphinx/backend.h"

#include <condition_variable>
#include <mutex>
#include <thread>

#include "io/loop.h"
#include "speech/pocketsphinx/decoder_pool.h"
#include "speech/pocketsphinx/session_worker.h"
#include "speech/pocketsphinx/transcript_text.h"

namespace jb::speech {
namespace {

// Threads are detached but counted: the backend's destructor waits for them, so that none outlives the
// loop that they post to.
class Threads {
 public:
  template <class Fn>
  void Start(Fn fn) {
    {
      std::lock_guard lock(mutex_);
      ++running_;
    }
    std::thread([this, fn = std::move(fn)]() mutable {
      io::SetThreadName("recogniser");
      fn();
      fn = {};  // what it holds goes before the count does
      std::lock_guard lock(mutex_);
      if (--running_ == 0) none_.notify_all();
    }).detach();
  }
  void WaitForAll() {
    std::unique_lock lock(mutex_);
    none_.wait(lock, [this] { return running_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  int running_ = 0;  // guarded by mutex_
};

// Loop-side bookkeeping that sessions share with the backend; outlives it while sessions exist.
struct Book {
  int sessions = 0;
  std::uint64_t dropped = 0;
};

// Where a worker's results go. The worker's thread holds it shared and only ever posts; `session` is
// looked at on the loop alone.
template <class Handlers>
struct Line {
  Handlers handlers;
  bool open = true;
};

class StreamSession final : public RecognitionSession {
 public:
  using Streams = Line<RecognitionHandlers>;

  StreamSession(io::Loop& loop, Threads& threads, std::shared_ptr<DecoderPool> pool, std::shared_ptr<Book> book,
                const EndpointerOptions& endpointer, RecognitionHandlers handlers)
      : book_(std::move(book)),
        line_(std::make_shared<Streams>(Streams{std::move(handlers), true})),
        worker_(std::make_shared<SessionWorker>(endpointer)) {
    ++book_->sessions;
    threads.Start(std::function<void()>([&loop, pool = std::move(pool), worker = worker_, line = line_] {
      const bool loaded = worker->Run(*pool, [&](const ClauseResult& result) {
        if (worker->abandoned()) return;
        loop.Post([line, recognition = result.recognition] {
          if (line->open && line->handlers.on_result) line->handlers.on_result(recognition);
        });
      });
      loop.Post([line, loaded] {
        if (!line->open || !line->handlers.on_done) return;
        // It may destroy the session, and with it the handler that is running.
        const auto done = std::move(line->handlers.on_done);
        done(loaded ? Status<>(kOk) : Status<>(Fail("backend_failed", "the recogniser's model does not load")));
      });
    }));
  }
  ~StreamSession() override {
    line_->open = false;
    line_->handlers = {};
    worker_->Abandon();
    --book_->sessions;
    book_->dropped += worker_->dropped();
  }
  void PushAudio(std::span<const std::int16_t> pcm) override { worker_->Push(pcm); }
  void Flush() override { worker_->Flush(); }
  void Finish() override { worker_->Finish(); }
  std::size_t backlog_samples() const override { return worker_->backlog(); }

 private:
  const std::shared_ptr<Book> book_;
  const std::shared_ptr<Streams> line_;
  const std::shared_ptr<SessionWorker> worker_;
};

int FramesIn(Duration d) { return static_cast<int>(d / std::chrono::milliseconds(10)); }

using TranscriptDone = std::function<void(Result<Transcript>)>;

void AddClause(Transcript& out, const ClauseResult& result) {
  if (!result.recognition.final || result.recognition.text.empty()) return;
  out.text += (out.text.empty() ? "" : " ") + result.recognition.text;
  out.segments.push_back({result.recognition.text, result.recognition.start_s, result.recognition.end_s});
  out.words.insert(out.words.end(), result.words.begin(), result.words.end());
}

class RecordingJob final : public Job {
 public:
  RecordingJob(io::Loop& loop, Threads& threads, std::shared_ptr<DecoderPool> pool, std::shared_ptr<Book> book,
               std::vector<std::int16_t> pcm, TranscriptDone done)
      : book_(std::move(book)),
        done_(std::make_shared<TranscriptDone>(std::move(done))),
        abandoned_(std::make_shared<std::atomic<bool>>(false)) {
    ++book_->sessions;
    threads.Start(std::function<void()>(
        [&loop, pool = std::move(pool), pcm = std::move(pcm), done_here = done_, abandoned = abandoned_] {
          auto transcript = std::make_shared<Result<Transcript>>(Decode(*pool, pcm, *abandoned));
          loop.Post([done_here, transcript] {
            if (*done_here) std::exchange(*done_here, {})(std::move(*transcript));
          });
        }));
  }
  ~RecordingJob() override {
    *done_ = {};
    *abandoned_ = true;
    --book_->sessions;
  }

 private:
  static Result<Transcript> Decode(DecoderPool& pool, std::span<const std::int16_t> pcm,
                                   const std::atomic<bool>& abandoned) {
    std::unique_ptr<SphinxDecoder> decoder = pool.Take();
    if (!decoder) return Fail("backend_failed", "the recogniser's model does not load");
    Transcript out;
    out.duration_s = static_cast<double>(pcm.size()) / kRecognizerRateHz;
    {
      ClauseStream stream(*decoder, [&](const ClauseResult& result) { AddClause(out, result); });
      constexpr std::size_t kPiece = kRecognizerRateHz / 2;
      for (std::size_t at = 0; at < pcm.size() && !abandoned; at += kPiece) {
        stream.Push(pcm.subspan(at, std::min(kPiece, pcm.size() - at)));
      }
      stream.Finish();
    }
    pool.Give(std::move(decoder));
    return out;
  }

  const std::shared_ptr<Book> book_;
  const std::shared_ptr<TranscriptDone> done_;
  const std::shared_ptr<std::atomic<bool>> abandoned_;
};

class Pocketsphinx final : public Recognizer {
 public:
  Pocketsphinx(io::Loop& loop, int concurrency, const SphinxModel& model)
      : loop_(loop),
        concurrency_(concurrency),
        pool_(std::make_shared<DecoderPool>(model, concurrency)),
        book_(std::make_shared<Book>()) {
    threads_.Start(std::function<void()>([pool = pool_] {
      if (std::unique_ptr<SphinxDecoder> first = pool->Take()) pool->Give(std::move(first));
    }));
  }
  ~Pocketsphinx() override { threads_.WaitForAll(); }

  std::string_view name() const override { return "pocketsphinx"; }
  std::vector<std::string> languages() const override { return {"en"}; }

  Result<std::unique_ptr<RecognitionSession>> Open(std::string_view language, const RecognitionOptions& options,
                                                   RecognitionHandlers handlers) override {
    JB_TRY_VOID(Admit(language));
    EndpointerOptions endpointer;
    if (options.end_silence) endpointer.end = FramesIn(*options.end_silence);
    return std::unique_ptr<RecognitionSession>(
        std::make_unique<StreamSession>(loop_, threads_, pool_, book_, endpointer, std::move(handlers)));
  }
  Result<std::unique_ptr<Job>> Transcribe(std::vector<std::int16_t> pcm, std::string_view language,
                                          TranscriptDone done) override {
    JB_TRY_VOID(Admit(language));
    return std::unique_ptr<Job>(
        std::make_unique<RecordingJob>(loop_, threads_, pool_, book_, std::move(pcm), std::move(done)));
  }
  RecognizerStats stats() const override { return {book_->sessions, concurrency_, book_->dropped}; }

 private:
  Status<> Admit(std::string_view language) const {
    const std::string_view primary = language.substr(0, language.find('-'));
    if (primary != "en") {
      return Fail("unsupported_language",
                  "pocketsphinx recognises English (en) only, not \"" + std::string(language) + "\"");
    }
    if (book_->sessions >= concurrency_) {
      return Fail("busy", "all " + std::to_string(concurrency_) + " recognisers are in use");
    }
    return kOk;
  }

  io::Loop& loop_;
  const int concurrency_;
  Threads threads_;
  const std::shared_ptr<DecoderPool> pool_;
  const std::shared_ptr<Book> book_;
};

}  // namespace

Result<std::unique_ptr<Recognizer>> MakePocketsphinx(io::Loop& loop, int concurrency, const SphinxModel& model) {
  if (!IsInstalled(model)) {
    return Fail("backend_missing", "the recogniser's model is missing at " + model.acoustic +
                                       ": install the Debian package pocketsphinx-en-us");
  }
  return std::unique_ptr<Recognizer>(std::make_unique<Pocketsphinx>(loop, concurrency, model));
}

}  // namespace jb::speech
