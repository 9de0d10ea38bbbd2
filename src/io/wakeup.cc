// SPDX-License-Identifier: Apache-2.0
#include "io/wakeup.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <cstdint>

#include "base/result.h"
#include "io/asio_loop.h"

namespace jb::io {

Wakeup::Signal::Signal() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) { JB_CHECK(fd_ >= 0); }
Wakeup::Signal::~Signal() { close(fd_); }

void Wakeup::Signal::Raise() {
  if (raised_.exchange(true, std::memory_order_acq_rel)) return;
  const std::uint64_t one = 1;
  static_cast<void>(!write(fd_, &one, sizeof one));  // fails only at 2^64 - 1, when it is readable all the same
}

struct Wakeup::Impl : std::enable_shared_from_this<Wakeup::Impl> {
  // A descriptor of its own for the same eventfd: asio closes what it is given.
  Impl(Loop& loop, std::shared_ptr<Signal> s, int fd, std::function<void()> f)
      : descriptor(ContextOf(loop), fd), signal(std::move(s)), fn(std::move(f)) {}

  void Wait() {
    descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                          [weak = weak_from_this()](const ErrorCode& error) {
                            const auto self = weak.lock();
                            if (!error && self && self->fn) self->Handle();
                          });
  }
  void Handle() {
    std::uint64_t count = 0;
    static_cast<void>(!read(descriptor.native_handle(), &count, sizeof count));
    // Before `fn`: what is written from here on raises it again.
    signal->raised_.exchange(false, std::memory_order_acq_rel);
    fn();
    if (fn) Wait();
  }

  asio::posix::stream_descriptor descriptor;
  const std::shared_ptr<Signal> signal;
  std::function<void()> fn;  // empty once the owner is gone
};

Wakeup::Wakeup(Loop& loop, std::function<void()> fn) : signal_(new Signal) {
  const int fd = dup(signal_->fd_);
  JB_CHECK(fd >= 0);
  impl_ = std::make_shared<Impl>(loop, signal_, fd, std::move(fn));
  impl_->Wait();
}

Wakeup::~Wakeup() {
  impl_->fn = nullptr;
  ErrorCode ignored;
  impl_->descriptor.close(ignored);
}

}  // namespace jb::io
