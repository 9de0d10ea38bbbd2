// SPDX-License-Identifier: Apache-2.0
#include "speech/espeak/process_pool.h"

#include <algorithm>
#include <utility>

#include "io/clock.h"

namespace jb::speech {
namespace {

using namespace std::chrono_literals;

constexpr Duration kRefillAfter = 250ms;  // by then the sentence at hand is spoken: it has the processor first
constexpr Duration kKeep = 2min;
constexpr Duration kLookEvery = 15s;

}  // namespace

Result<std::unique_ptr<EspeakProcess>> EspeakProcess::Start(io::Loop& loop, std::vector<std::string> argv) {
  auto process = std::make_unique<EspeakProcess>();
  io::ChildOptions options;
  options.argv = std::move(argv);
  options.limits.address_space = std::uint64_t{512} << 20;
  options.limits.cpu_seconds = 20;
  // No limit on file sizes: its sound library grows a shared-memory file even when it only writes to a
  // pipe, and dies of SIGXFSZ. No namespace either: making one costs more than the sentence.
  options.stderr_to = io::StderrTo::kDiscard;  // may echo the text
  options.log_name = "espeak-ng";
  io::ChildHandlers handlers;
  handlers.on_stdout = [said = process->said_](ByteView bytes) {
    if (said->to.on_stdout) said->to.on_stdout(bytes);
  };
  handlers.on_exit = [said = process->said_](io::ChildExit exit) {
    said->exited = true;
    const auto on_exit = std::move(said->to.on_exit);  // may destroy the process
    if (on_exit) on_exit(exit);
  };
  JB_TRY(process->child_, io::ChildProcess::Spawn(loop, std::move(options), std::move(handlers)));
  return process;
}

void EspeakProcess::Speak(const std::string& text, io::ChildHandlers handlers) {
  said_->to = std::move(handlers);
  child_->Write(AsBytes(text));
  child_->CloseStdin();
}

Result<std::unique_ptr<EspeakProcess>> EspeakPool::Take(const std::vector<std::string>& argv, bool again) {
  if (again && wanted_.size() < kMostReady && std::find(wanted_.begin(), wanted_.end(), argv) == wanted_.end()) {
    wanted_.push_back(argv);
    refill_.StartIn(kRefillAfter, [this] { Refill(); });
  }
  ready_.remove_if([](const Ready& r) { return r.process->has_exited(); });
  const auto it = std::find_if(ready_.begin(), ready_.end(), [&](const Ready& r) { return r.argv == argv; });
  if (it == ready_.end()) return EspeakProcess::Start(loop_, argv);
  auto process = std::move(it->process);
  ready_.erase(it);
  return process;
}

void EspeakPool::Refill() {
  const Time now = io::Now();
  ready_.remove_if([now](const Ready& r) { return r.process->has_exited() || now - r.since > kKeep; });
  for (const auto& argv : std::exchange(wanted_, {})) {
    if (auto process = EspeakProcess::Start(loop_, argv); process.ok()) {
      ready_.push_front({argv, *std::move(process), now});
    }
  }
  while (ready_.size() > kMostReady) ready_.pop_back();
  if (!ready_.empty()) refill_.StartIn(kLookEvery, [this] { Refill(); });
}

}  // namespace jb::speech
