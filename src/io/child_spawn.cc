// SPDX-License-Identifier: Apache-2.0
#include "io/child_spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "io/file_limit.h"
#include "io/no_network.h"

extern char** environ;

namespace jb::io {
namespace {

// What the child tells us instead of exec, which closes the pipe.
struct Report {
  int failed = 0;  // errno, or 0
  char step[16] = "";
};

struct Pipe {
  int read = -1;
  int write = -1;
  Pipe() = default;
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    if (read >= 0) close(read);
    if (write >= 0) close(write);
  }
  bool Open() {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) return false;
    read = fds[0];
    write = fds[1];
    return true;
  }
  // Gives one end away.
  static int Take(int& fd) { return std::exchange(fd, -1); }
};

void SetNonBlocking(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

struct Limit {
  __rlimit_resource_t resource;
  rlim_t value;
  bool hard = true;
};

// All that the child needs, made before fork: afterwards nothing may allocate.
struct Plan {
  std::vector<std::string> env_text;
  std::vector<char*> argv, envp;
  std::vector<Limit> limits{{.resource = RLIMIT_CORE, .value = 0}};
  const char* directory = nullptr;
  bool no_network = false;
  bool die_with_parent = false;
  pid_t parent = getpid();
  int null_fd = -1, stdin_fd = -1, stdout_fd = -1, stderr_fd = -1, report_fd = -1;
};

// Our configuration, secrets included, which no child reads: those of our own program are told in arguments.
bool IsOurs(std::string_view name) { return name.starts_with("JBCALLING_"); }

void PlanEnvironment(const ChildOptions& options, Plan& plan) {
  for (char** entry = environ; *entry; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('='));
    bool replaced = IsOurs(name);
    for (const auto& [key, value] : options.env) replaced = replaced || key == name;
    if (!replaced) plan.env_text.emplace_back(text);
  }
  for (const auto& [key, value] : options.env) plan.env_text.push_back(key + "=" + value);
  for (std::string& text : plan.env_text) plan.envp.push_back(text.data());
  plan.envp.push_back(nullptr);
}

void PlanLimits(const ChildLimits& limits, Plan& plan) {
  const auto add = [&plan](__rlimit_resource_t resource, std::optional<std::uint64_t> value) {
    if (value) plan.limits.push_back({.resource = resource, .value = *value});
  };
  add(RLIMIT_AS, limits.address_space);
  add(RLIMIT_CPU, limits.cpu_seconds);
  add(RLIMIT_FSIZE, limits.file_size);
  add(RLIMIT_NOFILE, limits.open_files);
  if (!limits.open_files) {
    plan.limits.push_back({.resource = RLIMIT_NOFILE, .value = InheritedFileLimit(), .hard = false});
  }
  add(RLIMIT_NPROC, limits.processes);
}

[[noreturn]] void GiveUp(const Plan& plan, const char* step) {
  Report report;
  report.failed = errno;
  std::strncpy(report.step, step, sizeof report.step - 1);
  [[maybe_unused]] const ssize_t n = write(plan.report_fd, &report, sizeof report);
  _exit(127);
}

// Sockets that libraries opened without close-on-exec must not reach the child.
void CloseOthersOnExec() {
#ifdef SYS_close_range
  constexpr unsigned kCloexec = 1U << 2;  // CLOSE_RANGE_CLOEXEC, Linux 5.11
  if (syscall(SYS_close_range, 3U, ~0U, kCloexec) == 0) return;
#endif
  for (int fd = 3; fd < 4096; ++fd) fcntl(fd, F_SETFD, FD_CLOEXEC);
}

bool Hold(const Limit& limit) {
  rlimit now{};
  if (!limit.hard && getrlimit(limit.resource, &now) != 0) return false;
  const rlimit wanted{limit.value, limit.hard ? limit.value : now.rlim_max};
  return setrlimit(limit.resource, &wanted) == 0;
}

// In the child. Only async-signal-safe calls: other threads' locks may be held for ever here.
[[noreturn]] void RunChild(const Plan& plan) {
  setpgid(0, 0);
  if (plan.die_with_parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != plan.parent) _exit(127);  // it died before that
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);  // ignored signals stay ignored over exec
  if (dup2(plan.stdin_fd, 0) < 0 || dup2(plan.stdout_fd, 1) < 0 || dup2(plan.stderr_fd, 2) < 0) {
    GiveUp(plan, "dup2");
  }
  CloseOthersOnExec();
  if (plan.directory && chdir(plan.directory) != 0) GiveUp(plan, "chdir");
  for (const Limit& limit : plan.limits) {
    if (!Hold(limit)) GiveUp(plan, "setrlimit");
  }
  if (plan.no_network && !TakeNetworkAway()) GiveUp(plan, "no network");
  execvpe(plan.argv[0], plan.argv.data(), plan.envp.data());
  GiveUp(plan, "exec");
}

Report ReadReport(int fd) {
  Report report;
  for (;;) {
    const ssize_t n = read(fd, &report, sizeof report);
    if (n < 0 && errno == EINTR) continue;
    return n == static_cast<ssize_t>(sizeof report) ? report : Report{};
  }
}

Failure<Error> SpawnFailed(const std::string& program, const std::string& why) {
  return Fail("spawn_failed", "cannot start " + program + ": " + why);
}

}  // namespace

Result<SpawnedChild> SpawnChild(const ChildOptions& options) {
  JB_CHECK(!options.argv.empty());
  const std::string& program = options.argv[0];
  Plan plan;
  for (const std::string& arg : options.argv) plan.argv.push_back(const_cast<char*>(arg.c_str()));
  plan.argv.push_back(nullptr);
  PlanEnvironment(options, plan);
  PlanLimits(options.limits, plan);
  plan.directory = options.working_directory.empty() ? nullptr : options.working_directory.c_str();
  plan.no_network = options.no_network;
  plan.die_with_parent = options.die_with_parent;

  Pipe in, out, err, report, null;
  null.read = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null.read < 0 || !report.Open() || (options.pipe_stdin && !in.Open()) || (options.pipe_stdout && !out.Open()) ||
      (options.stderr_to == StderrTo::kLog && !err.Open())) {
    return SpawnFailed(program, std::strerror(errno));
  }
  plan.stdin_fd = options.pipe_stdin ? in.read : null.read;
  plan.stdout_fd = options.pipe_stdout ? out.write : 1;
  plan.stderr_fd = options.stderr_to == StderrTo::kLog       ? err.write
                   : options.stderr_to == StderrTo::kInherit ? 2
                                                             : null.read;
  plan.report_fd = report.write;

  SpawnedChild child;
  child.pid = fork();
  if (child.pid < 0) return SpawnFailed(program, std::strerror(errno));
  if (child.pid == 0) RunChild(plan);
  close(Pipe::Take(report.write));
  const Report told = ReadReport(report.read);
  if (told.failed != 0) {
    waitpid(child.pid, nullptr, 0);
    return SpawnFailed(program, std::string(told.step) + ": " + std::strerror(told.failed));
  }
  child.pidfd = static_cast<int>(syscall(SYS_pidfd_open, child.pid, 0));
  if (child.pidfd < 0) {
    const int reason = errno;
    kill(-child.pid, SIGKILL);
    waitpid(child.pid, nullptr, 0);
    return SpawnFailed(program, std::string("pidfd_open: ") + std::strerror(reason));
  }
  child.stdin_fd = Pipe::Take(in.write);
  child.stdout_fd = Pipe::Take(out.read);
  child.stderr_fd = Pipe::Take(err.read);
  for (const int fd : {child.stdin_fd, child.stdout_fd, child.stderr_fd}) {
    if (fd >= 0) SetNonBlocking(fd);
  }
  return child;
}

}  // namespace jb::io
