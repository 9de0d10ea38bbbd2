// SPDX-License-Identifier: Apache-2.0
// One apertium direction kept hot: the stages run as one process group, sentences go in one at a time.
// A group that dies or hangs is replaced, and the sentence it had is tried once more. Loop thread.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "io/child_process.h"
#include "io/loop.h"
#include "speech/apertium/modes.h"
#include "speech/child_watchdog.h"

namespace jb::speech {

class Pipeline {
 public:
  using Done = std::function<void(Result<std::string>)>;

  Pipeline(io::Loop& loop, const Mode& mode);

  // A sentence in plain text; `done` gets plain text, later. Errors: "busy", "backend_failed".
  void Translate(std::string sentence, Done done);

  // Starts the processes, which takes them 0.02 to 0.3 s, before there is a sentence.
  void Warm();
  // Ends the processes; they start again with the next sentence. Only when idle.
  void Stop();
  bool idle() const { return waiting_.empty(); }
  bool running() const { return child_ != nullptr; }
  Time last_used() const { return last_used_; }
  std::uint64_t restarts() const { return restarts_; }
  pid_t pid() const { return child_ ? child_->pid() : 0; }

 private:
  struct Request {
    std::string sentence;
    Done done;
    int attempts = 0;
  };

  void Next();
  bool Start();
  void HandleOutput(ByteView bytes);
  // The processes are of no use any more: the sentence at the front is tried again or fails.
  void HandleFailure(const std::string& reason);
  void FailSoon(const char* reason);
  void Answer(Result<std::string> result);

  static constexpr std::size_t kMostWaiting = 256;
  static constexpr std::size_t kMostOutput = 64 * 1024;  // of one sentence of at most 1 kB

  io::Loop& loop_;
  const Mode mode_;
  const std::string command_;
  std::unique_ptr<io::ChildProcess> child_;
  io::Timer soon_;
  ChildWatchdog watchdog_;
  std::deque<Request> waiting_;  // the front one is with the processes when sent_
  bool sent_ = false;
  std::string output_;
  Time last_used_{};
  std::uint64_t restarts_ = 0;
};

}  // namespace jb::speech
