// SPDX-License-Identifier: Apache-2.0
#include "io/supervisor.h"

#include <signal.h>

#include "base/log.h"

namespace jb::io {

struct Supervisor::Impl : std::enable_shared_from_this<Supervisor::Impl> {
  Impl(Loop& l, std::string n, ChildOptions c, const SupervisorOptions& o)
      : loop(l), name(std::move(n)), child_options(std::move(c)), options(o), timer(l) {}

  void Start() {
    if (state != SupervisedState::kStopped) return;
    backoff = options.first_backoff;
    Spawn();
  }

  void Spawn() {
    started_at = Now();
    auto spawned = ChildProcess::Spawn(loop, child_options, {{}, [this](ChildExit how) { OnExit(how); }});
    if (!spawned.ok()) {
      last_exit = spawned.error().message;
      return Wait();
    }
    child = std::move(*spawned);
    Set(SupervisedState::kRunning);
  }

  void OnExit(ChildExit how) {
    const auto keep = shared_from_this();
    last_exit = how.text();
    child.reset();
    if (state == SupervisedState::kStopping) return Stopped();
    if (Now() - started_at >= options.stable_after) backoff = options.first_backoff;
    Wait();
  }

  void Wait() {
    Log(LogLevel::kWarn, "child ended, starting it again",
        {{"child", name}, {"why", last_exit}, {"after_ms", ToMs(backoff)}});
    timer.StartIn(backoff, [this] {
      ++restarts;
      Spawn();
    });
    backoff = std::min(backoff * 2, options.max_backoff);
    Set(SupervisedState::kWaiting);
  }

  void Stop(std::function<void()> done) {
    on_stopped = std::move(done);
    if (!child) {
      timer.Cancel();
      loop.Post([weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->Stopped();
      });
      return;
    }
    child->Kill(SIGTERM);
    timer.StartIn(options.stop_grace, [this] {
      if (child) child->Kill(SIGKILL);
    });
    Set(SupervisedState::kStopping);
  }

  void Stopped() {
    const auto keep = shared_from_this();
    timer.Cancel();
    const auto done = std::exchange(on_stopped, nullptr);
    Set(SupervisedState::kStopped);
    if (done) done();
  }

  void Set(SupervisedState next) {
    if (state == next) return;
    state = next;
    if (const auto fn = on_state) fn(next);
  }

  Loop& loop;
  const std::string name;
  const ChildOptions child_options;
  const SupervisorOptions options;
  Timer timer;
  std::unique_ptr<ChildProcess> child;
  SupervisedState state = SupervisedState::kStopped;
  Duration backoff{};
  Time started_at{};
  std::uint64_t restarts = 0;
  std::string last_exit;
  std::function<void(SupervisedState)> on_state;
  std::function<void()> on_stopped;
};

Supervisor::Supervisor(Loop& loop, std::string name, ChildOptions child, const SupervisorOptions& options)
    : impl_(std::make_shared<Impl>(loop, std::move(name), std::move(child), options)) {}

Supervisor::~Supervisor() {
  impl_->timer.Cancel();
  impl_->child.reset();
  impl_->on_state = nullptr;
  impl_->on_stopped = nullptr;
}

void Supervisor::Start() { impl_->Start(); }
void Supervisor::Stop(std::function<void()> done) { impl_->Stop(std::move(done)); }
void Supervisor::set_on_state(std::function<void(SupervisedState)> fn) { impl_->on_state = std::move(fn); }
SupervisedState Supervisor::state() const { return impl_->state; }
const std::string& Supervisor::name() const { return impl_->name; }
std::uint64_t Supervisor::restarts() const { return impl_->restarts; }
pid_t Supervisor::pid() const { return impl_->child ? impl_->child->pid() : 0; }
const std::string& Supervisor::last_exit() const { return impl_->last_exit; }

}  // namespace jb::io
