// SPDX-License-Identifier: Apache-2.0
// Another program with pipes to it and limits on it. Its own process group, so that what it starts dies
// with it. The exit is noticed through a pidfd: SIGCHLD stays free. Loop thread, which must be a thread
// that lives as long as the child should: PR_SET_PDEATHSIG is bound to the thread that forked.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "io/loop.h"

namespace jb::io {

struct ChildLimits {
  std::optional<std::uint64_t> address_space;  // bytes, RLIMIT_AS
  std::optional<std::uint64_t> cpu_seconds;    // RLIMIT_CPU
  std::optional<std::uint64_t> file_size;      // bytes, RLIMIT_FSIZE
  std::optional<std::uint64_t> open_files;     // RLIMIT_NOFILE; else what this process was started with
  std::optional<std::uint64_t> processes;      // RLIMIT_NPROC; counts all processes of the user, not for root
};                                             // RLIMIT_CORE is always 0

enum class StderrTo : std::uint8_t { kLog, kInherit, kDiscard };  // kLog: line by line, at debug

struct ChildOptions {
  std::vector<std::string> argv;                         // argv[0] is looked up in PATH when it has no slash
  std::vector<std::pair<std::string, std::string>> env;  // added to ours, from which JBCALLING_* is left out
  std::string working_directory;                         // empty: ours
  ChildLimits limits;
  bool no_network = false;      // it cannot open sockets; not started where that cannot be had
  bool die_with_parent = true;  // SIGKILL when we die
  bool pipe_stdin = true;       // else /dev/null
  bool pipe_stdout = true;      // else ours
  StderrTo stderr_to = StderrTo::kLog;
  std::size_t max_queued_bytes = 8 << 20;  // of stdin not yet taken
  std::string log_name;                    // in log lines; argv[0] when empty
};

struct ChildExit {
  int code = 0;    // exit status, or -1
  int signal = 0;  // that killed it, or 0
  bool ok() const { return signal == 0 && code == 0; }
  std::string text() const;  // "exit 1", "signal 9"
};

struct ChildHandlers {
  std::function<void(ByteView)> on_stdout;
  // Last of all, once: after the process has gone and its stdout was read to the end (a grandchild that
  // keeps the pipe open is waited for at most 1 s). May destroy the ChildProcess.
  std::function<void(ChildExit)> on_exit;
};

class ChildProcess {
 public:
  // "spawn_failed" names the program and the reason, also when exec itself fails.
  static Result<std::unique_ptr<ChildProcess>> Spawn(Loop& loop, ChildOptions options, ChildHandlers handlers);
  // Kills the group with SIGKILL, reaps it in the background; no handler runs afterwards.
  virtual ~ChildProcess() = default;

  // Queues for stdin. False: over max_queued_bytes (nothing was queued), or stdin is closed.
  virtual bool Write(ByteView data) = 0;
  // After what is queued.
  virtual void CloseStdin() = 0;
  virtual std::size_t queued_bytes() const = 0;
  // Stops and restarts reading stdout; a child that fills the pipe waits.
  virtual void PauseStdout(bool paused) = 0;
  // To the whole group.
  virtual void Kill(int signal) = 0;

  virtual pid_t pid() const = 0;
  virtual bool running() const = 0;
};

}  // namespace jb::io
