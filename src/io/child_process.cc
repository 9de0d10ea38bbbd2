// SPDX-License-Identifier: Apache-2.0
#include "io/child_process.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <deque>

#include "base/log.h"
#include "io/asio_loop.h"
#include "io/child_spawn.h"

namespace jb::io {
namespace {

using asio::posix::stream_descriptor;

// After the process has gone, for a stray grandchild that holds its stdout open.
constexpr Duration kStdoutGrace = std::chrono::seconds(1);
constexpr std::size_t kMaxLogLine = 2000;  // bytes of one stderr line

ChildExit ReapNow(pid_t pid) {
  int status = 0;
  ChildExit out;
  if (waitpid(pid, &status, 0) != pid) return {-1, 0};
  if (WIFEXITED(status)) out.code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) out = {-1, WTERMSIG(status)};
  return out;
}

// stderr, line by line, to the log.
class LineLogger : public std::enable_shared_from_this<LineLogger> {
 public:
  LineLogger(asio::io_context& context, int fd, std::string name) : descriptor_(context, fd), name_(std::move(name)) {}
  void Read() {
    descriptor_.async_read_some(asio::buffer(buffer_), [self = shared_from_this()](const ErrorCode& ec, std::size_t n) {
      self->Take(std::string_view(self->buffer_.data(), n));
      if (!ec) self->Read();
    });
  }
  void Close() {
    ErrorCode ignored;
    descriptor_.close(ignored);
  }

 private:
  void Take(std::string_view text) {
    for (const char c : text) {
      if (c == '\n' || line_.size() >= kMaxLogLine) {
        if (!line_.empty()) Log(LogLevel::kDebug, "child says", {{"child", name_}, {"line", line_}});
        line_.clear();
      }
      if (c != '\n' && c != '\r') line_ += c;
    }
  }

  stream_descriptor descriptor_;
  const std::string name_;
  std::array<char, 1024> buffer_;
  std::string line_;
};

class Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Loop& loop, const SpawnedChild& child, const ChildOptions& options, ChildHandlers handlers)
      : context_(ContextOf(loop)),
        child_(child),
        exit_watch_(context_, child.pidfd),
        in_(context_),
        out_(context_),
        max_queued_(options.max_queued_bytes),
        handlers_(std::move(handlers)),
        grace_(loop) {
    if (child.stdin_fd >= 0) in_.assign(child.stdin_fd);
    if (child.stdout_fd >= 0) out_.assign(child.stdout_fd);
    if (child.stderr_fd >= 0) {
      const std::string name = options.log_name.empty() ? options.argv[0] : options.log_name;
      err_ = std::make_shared<LineLogger>(context_, child.stderr_fd, name);
    }
  }

  void Start() {
    WatchExit();
    if (out_.is_open()) ReadStdout();
    if (err_) err_->Read();
  }

  bool Write(ByteView data) {
    if (!in_.is_open() || closing_stdin_ || queued_bytes_ + data.size() > max_queued_) return false;
    if (data.empty()) return true;
    queued_bytes_ += data.size();
    queue_.emplace_back(AsText(data));
    if (!writing_) WriteStdin();
    return true;
  }

  void CloseStdin() {
    closing_stdin_ = true;
    if (!writing_) CloseNow(in_);
  }

  void PauseStdout(bool paused) {
    paused_ = paused;
    if (!paused && !reading_ && out_.is_open()) ReadStdout();
  }

  void Kill(int signal) {
    if (running_) kill(-child_.pid, signal);
  }

  // The owner has gone.
  void Drop() {
    dropped_ = true;
    handlers_ = {};
    grace_.Cancel();
    CloseNow(in_);
    CloseNow(out_);
    Kill(SIGKILL);  // WatchExit's handler, which holds this object, reaps it
  }

  std::size_t queued_bytes() const { return queued_bytes_; }
  bool running() const { return running_; }
  const SpawnedChild& child() const { return child_; }

 private:
  static void CloseNow(stream_descriptor& descriptor) {
    ErrorCode ignored;
    descriptor.close(ignored);
  }

  void WatchExit() {
    exit_watch_.async_wait(asio::posix::descriptor_base::wait_read, [self = shared_from_this()](const ErrorCode& ec) {
      if (!ec) self->OnExit();
    });
  }

  void OnExit() {
    // Before reaping, while the number cannot be another's: whatever it left behind in its group.
    kill(-child_.pid, SIGKILL);
    exit_ = ReapNow(child_.pid);
    running_ = false;
    CloseNow(exit_watch_);
    CloseNow(in_);
    if (dropped_) return;
    if (out_.is_open()) {
      grace_.StartIn(kStdoutGrace, [this] { Finish(); });
    } else {
      Finish();
    }
  }

  void ReadStdout() {
    reading_ = true;
    out_.async_read_some(asio::buffer(buffer_),
                         [self = shared_from_this()](const ErrorCode& ec, std::size_t n) { self->OnStdout(ec, n); });
  }

  void OnStdout(const ErrorCode& ec, std::size_t n) {
    reading_ = false;
    if (dropped_) return;
    if (n > 0) {
      if (const auto fn = handlers_.on_stdout) fn({reinterpret_cast<const std::uint8_t*>(buffer_.data()), n});
    }
    if (dropped_) return;
    if (!ec) {
      if (!paused_ || !running_) ReadStdout();
      return;
    }
    CloseNow(out_);
    if (!running_) Finish();
  }

  void Finish() {
    if (dropped_ || finished_) return;
    const auto keep = shared_from_this();
    finished_ = true;
    grace_.Cancel();
    CloseNow(out_);
    const auto fn = std::exchange(handlers_.on_exit, nullptr);
    if (fn) fn(exit_);
  }

  void WriteStdin() {
    writing_ = true;
    const std::string& front = queue_.front();
    in_.async_write_some(asio::buffer(front.data() + at_, front.size() - at_),
                         [self = shared_from_this()](const ErrorCode& ec, std::size_t n) { self->OnWritten(ec, n); });
  }

  void OnWritten(const ErrorCode& ec, std::size_t n) {
    writing_ = false;
    if (ec) {  // it closed its end; its exit follows
      queue_.clear();
      queued_bytes_ = 0;
      return CloseNow(in_);
    }
    at_ += n;
    queued_bytes_ -= n;
    if (at_ == queue_.front().size()) {
      queue_.pop_front();
      at_ = 0;
    }
    if (!queue_.empty()) return WriteStdin();
    if (closing_stdin_) CloseNow(in_);
  }

  asio::io_context& context_;
  const SpawnedChild child_;
  stream_descriptor exit_watch_, in_, out_;
  std::shared_ptr<LineLogger> err_;
  const std::size_t max_queued_;
  ChildHandlers handlers_;
  Timer grace_;
  std::array<char, 16 * 1024> buffer_;
  std::deque<std::string> queue_;
  std::size_t at_ = 0, queued_bytes_ = 0;
  ChildExit exit_;
  bool running_ = true;
  bool writing_ = false, closing_stdin_ = false;
  bool reading_ = false, paused_ = false;
  bool dropped_ = false, finished_ = false;
};

class ChildProcessImpl final : public ChildProcess {
 public:
  explicit ChildProcessImpl(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
  ~ChildProcessImpl() override { impl_->Drop(); }
  bool Write(ByteView data) override { return impl_->Write(data); }
  void CloseStdin() override { impl_->CloseStdin(); }
  std::size_t queued_bytes() const override { return impl_->queued_bytes(); }
  void PauseStdout(bool paused) override { impl_->PauseStdout(paused); }
  void Kill(int signal) override { impl_->Kill(signal); }
  pid_t pid() const override { return impl_->child().pid; }
  bool running() const override { return impl_->running(); }

 private:
  const std::shared_ptr<Impl> impl_;
};

}  // namespace

std::string ChildExit::text() const {
  return signal != 0 ? "signal " + std::to_string(signal) : "exit " + std::to_string(code);
}

Result<std::unique_ptr<ChildProcess>> ChildProcess::Spawn(Loop& loop, ChildOptions options, ChildHandlers handlers) {
  JB_TRY(const SpawnedChild child, SpawnChild(options));
  auto impl = std::make_shared<Impl>(loop, child, options, std::move(handlers));
  impl->Start();
  return std::unique_ptr<ChildProcess>(std::make_unique<ChildProcessImpl>(std::move(impl)));
}

}  // namespace jb::io
