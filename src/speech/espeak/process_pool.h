// SPDX-License-Identifier: Apache-2.0
// Runs of the espeak-ng program, of which a few stand ready: it takes some 10 ms to start and load its voice,
// and 1 ms from a text to its first sound. One run speaks one text. Loop thread.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "io/child_process.h"
#include "io/loop.h"

namespace jb::speech {

// Destroying it ends the process.
class EspeakProcess {
 public:
  static Result<std::unique_ptr<EspeakProcess>> Start(io::Loop& loop, std::vector<std::string> argv);
  // Once. Its sound and its end come to the handlers.
  void Speak(const std::string& text, io::ChildHandlers handlers);
  pid_t pid() const { return child_->pid(); }
  bool has_exited() const { return said_->exited; }

 private:
  struct Said {
    io::ChildHandlers to;
    bool exited = false;
  };
  const std::shared_ptr<Said> said_ = std::make_shared<Said>();
  std::unique_ptr<io::ChildProcess> child_;
};

class EspeakPool {
 public:
  explicit EspeakPool(io::Loop& loop) : loop_(loop), refill_(loop) {}

  // The one that stands ready for these arguments, or a new one. With `again`, another is made ready a little
  // later, since who speaks once speaks again.
  Result<std::unique_ptr<EspeakProcess>> Take(const std::vector<std::string>& argv, bool again);
  std::size_t ready() const { return ready_.size(); }

  static constexpr std::size_t kMostReady = 8;  // some 4 MB each

 private:
  struct Ready {
    std::vector<std::string> argv;
    std::unique_ptr<EspeakProcess> process;
    Time since;
  };
  void Refill();

  io::Loop& loop_;
  std::list<Ready> ready_;                      // the youngest first
  std::list<std::vector<std::string>> wanted_;  // to be made ready
  io::Timer refill_;
};

}  // namespace jb::speech
