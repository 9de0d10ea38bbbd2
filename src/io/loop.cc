// SPDX-License-Identifier: Apache-2.0
#include "io/loop.h"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <ctime>
#include <exception>
#include <future>

#include "base/result.h"
#include "io/asio_loop.h"

namespace jb::io {

Loop::Loop(std::string name) : impl_(std::make_unique<Impl>(std::move(name))) {
  // A peer or child that goes away is an error code of write(), not a signal.
  std::signal(SIGPIPE, SIG_IGN);
}
Loop::~Loop() = default;

void Loop::Run() { impl_->context.run(); }

void Loop::Stop() { impl_->context.stop(); }

bool Loop::RunUntil(const std::function<bool()>& done, Duration limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  impl_->context.restart();
  while (!done()) {
    if (impl_->context.run_one_until(deadline) == 0) return done();
  }
  return true;
}

void Loop::Post(std::function<void()> fn) { asio::post(impl_->context, std::move(fn)); }

bool Loop::IsCurrent() const { return impl_->context.get_executor().running_in_this_thread(); }

namespace {

struct Signals : std::enable_shared_from_this<Signals> {
  Signals(asio::io_context& context, std::function<void(int)> f) : set(context), fn(std::move(f)) {}
  void Wait() {
    set.async_wait([weak = weak_from_this()](const ErrorCode& ec, int number) {
      const auto self = weak.lock();
      if (ec || !self) return;
      self->fn(number);
      self->Wait();
    });
  }
  asio::signal_set set;
  std::function<void(int)> fn;
};

}  // namespace

void Loop::OnSignal(std::initializer_list<int> signals, std::function<void(int)> fn) {
  auto state = std::make_shared<Signals>(impl_->context, std::move(fn));
  for (const int number : signals) state->set.add(number);
  state->Wait();
  impl_->signals = state;
}

const std::string& Loop::name() const { return impl_->name; }

struct Timer::Impl : std::enable_shared_from_this<Timer::Impl> {
  explicit Impl(asio::io_context& context) : timer(context) {}

  void Start(Time at, std::function<void()> f) {
    fn = std::move(f);
    const std::uint64_t mine = ++generation;
    timer.expires_at(std::chrono::steady_clock::time_point(at.time_since_epoch()));
    timer.async_wait([weak = weak_from_this(), mine](const ErrorCode&) {
      const auto self = weak.lock();
      if (!self || self->generation != mine || !self->fn) return;
      const std::function<void()> run = std::exchange(self->fn, nullptr);
      run();
    });
  }
  void Cancel() {
    if (!fn) return;
    ++generation;
    timer.cancel();
    // Last: destroying what it captured may destroy this timer's owner.
    const std::function<void()> dropped = std::exchange(fn, nullptr);
  }

  asio::steady_timer timer;
  std::function<void()> fn;      // set while armed
  std::uint64_t generation = 0;  // of the latest start; an older completion does nothing
};

Timer::Timer(Loop& loop) : impl_(std::make_shared<Impl>(ContextOf(loop))) {}
Timer::~Timer() {
  const std::shared_ptr<Impl> keep = impl_;
  keep->Cancel();
}
void Timer::StartAt(Time at, std::function<void()> fn) { impl_->Start(at, std::move(fn)); }
void Timer::StartIn(Duration delay, std::function<void()> fn) { impl_->Start(Now() + delay, std::move(fn)); }
void Timer::Cancel() {
  const std::shared_ptr<Impl> keep = impl_;
  keep->Cancel();
}
bool Timer::armed() const { return static_cast<bool>(impl_->fn); }

void SetThreadName(const std::string& name) { pthread_setname_np(pthread_self(), name.substr(0, 15).c_str()); }

LoopThread::LoopThread(std::string name, std::function<void(const std::string& what)> on_exception)
    : on_exception_(std::move(on_exception)), loop_(std::make_unique<Loop>(std::move(name))) {
  thread_ = std::thread([this] { Run(); });
}
LoopThread::~LoopThread() { Stop(); }

void LoopThread::Run() {
  SetThreadName(loop_->name());
  if (!on_exception_) {
    loop_->Run();
  } else {
    try {
      loop_->Run();
    } catch (const std::exception& e) {
      on_exception_(e.what());
    } catch (...) {
      on_exception_("something that is no std::exception");
    }
  }
  ended_.store(true, std::memory_order_release);
}

Duration LoopThread::CpuTime() {
  clockid_t clock;
  timespec used{};
  if (!thread_.joinable() || pthread_getcpuclockid(thread_.native_handle(), &clock) != 0) return {};
  clock_gettime(clock, &used);
  return std::chrono::duration_cast<Duration>(std::chrono::seconds(used.tv_sec) +
                                              std::chrono::nanoseconds(used.tv_nsec));
}

void LoopThread::Stop() {
  if (!thread_.joinable()) return;
  loop_->Post([this] { loop_->Stop(); });
  thread_.join();
}

void RunOn(Loop& loop, const std::function<void()>& fn) {
  JB_CHECK(!loop.IsCurrent());
  std::promise<void> done;
  loop.Post([&] {
    fn();
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace jb::io
