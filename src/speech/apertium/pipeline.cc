// SPDX-License-Identifier: Apache-2.0
#include "speech/apertium/pipeline.h"

#include "base/log.h"
#include "io/clock.h"
#include "speech/apertium/stream_text.h"

namespace jb::speech {
namespace {

using namespace std::chrono_literals;

constexpr Duration kAnswerWithin = 5s;  // measured: 0.4-2.3 ms a sentence, up to 0.3 s before the first
constexpr int kMostAttempts = 2;
constexpr std::uint64_t kMostMemory = std::uint64_t{2} << 30;  // per stage; the largest maps 0.4 GB

}  // namespace

Pipeline::Pipeline(io::Loop& loop, const Mode& mode)
    : loop_(loop), mode_(mode), command_(ShellPipeline(mode.stages)), soon_(loop), watchdog_(loop) {}

void Pipeline::Translate(std::string sentence, Done done) {
  last_used_ = io::Now();
  if (waiting_.size() >= kMostWaiting) {
    loop_.Post([done = std::move(done)] { done(Fail("busy", "too many sentences wait for this translator")); });
    return;
  }
  waiting_.push_back({std::move(sentence), std::move(done)});
  Next();
}

void Pipeline::Warm() {
  last_used_ = io::Now();
  if (!child_) Start();
}

void Pipeline::Stop() {
  JB_CHECK(idle());
  soon_.Cancel();
  child_.reset();
}

bool Pipeline::Start() {
  io::ChildOptions options;
  options.argv = {"/bin/sh", "-c", command_};
  options.limits.address_space = kMostMemory;
  options.limits.file_size = 0;
  options.no_network = true;
  options.stderr_to = io::StderrTo::kDiscard;  // echoes words of the text
  options.log_name = "apertium " + mode_.from + "-" + mode_.to;
  io::ChildHandlers handlers;
  handlers.on_stdout = [this](ByteView bytes) { HandleOutput(bytes); };
  handlers.on_exit = [this](io::ChildExit exit) { HandleFailure(exit.text()); };
  auto child = io::ChildProcess::Spawn(loop_, std::move(options), std::move(handlers));
  if (!child.ok()) {
    Log(LogLevel::kError, "translator does not start",
        {{"pair", mode_.from + "-" + mode_.to}, {"reason", child.error().message}});
    return false;
  }
  child_ = std::move(child).value();
  output_.clear();
  return true;
}

void Pipeline::Next() {
  if (sent_ || waiting_.empty()) return;
  Request& request = waiting_.front();
  ++request.attempts;
  if (!child_ && !Start()) {
    sent_ = true;
    soon_.StartIn(Duration(0), [this] { Answer(Fail("backend_failed", "the translator does not start")); });
    return;
  }
  sent_ = true;
  child_->Write(AsBytes(ToApertium(request.sentence)));
  watchdog_.Watch(child_->pid(), kAnswerWithin, [this] { HandleFailure("no answer in time"); });
}

void Pipeline::HandleOutput(ByteView bytes) {
  output_ += AsText(bytes);
  const std::size_t end = output_.find('\0');
  if (!sent_ || output_.size() > kMostOutput) {
    FailSoon("output nobody asked for");
  } else if (end != std::string::npos && !IsWholeAnswer(std::string_view(output_).substr(0, end))) {
    FailSoon("a stage ended");
  } else if (end != std::string::npos) {
    std::string text = FromApertium(std::string_view(output_).substr(0, end));
    output_.clear();
    Answer(std::move(text));
  }
}

// From inside a handler of the processes, which must not be destroyed there.
void Pipeline::FailSoon(const char* reason) {
  output_.clear();
  soon_.StartIn(Duration(0), [this, reason] { HandleFailure(reason); });
}

void Pipeline::HandleFailure(const std::string& reason) {
  ++restarts_;
  Log(LogLevel::kWarn, "translator restarts", {{"pair", mode_.from + "-" + mode_.to}, {"reason", reason}});
  soon_.Cancel();
  watchdog_.Cancel();
  child_.reset();
  if (!sent_) return;
  if (waiting_.front().attempts >= kMostAttempts) {
    Answer(Fail("backend_failed", "the translator failed twice on a sentence"));
    return;
  }
  sent_ = false;
  Next();
}

void Pipeline::Answer(Result<std::string> result) {
  watchdog_.Cancel();
  sent_ = false;
  const Done done = std::move(waiting_.front().done);
  waiting_.pop_front();
  last_used_ = io::Now();
  // The next one first: `done` may take a while or ask for more.
  Next();
  done(std::move(result));
}

}  // namespace jb::speech
