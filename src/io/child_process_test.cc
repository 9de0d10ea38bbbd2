// SPDX-License-Identifier: Apache-2.0
#include "io/child_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "io/file_limit.h"
#include "io/supervisor.h"

namespace jb::io {
namespace {

using std::chrono::milliseconds;
constexpr Duration kLimit = std::chrono::seconds(20);
constexpr int kAllowed = 10, kRefused = 11;  // exit statuses

ChildOptions Shell(const std::string& script) {
  ChildOptions options;
  options.argv = {"sh", "-c", script};
  return options;
}

class ChildProcessTest : public testing::Test {
 protected:
  void Spawn(ChildOptions options) {
    auto child =
        ChildProcess::Spawn(loop_, std::move(options),
                            {[this](ByteView data) { out_ += AsText(data); }, [this](ChildExit how) { exit_ = how; }});
    ASSERT_TRUE(child.ok()) << child.error().message;
    child_ = std::move(*child);
  }
  bool WaitExit() {
    return loop_.RunUntil([&] { return exit_.has_value(); }, kLimit);
  }

  Loop loop_;
  std::unique_ptr<ChildProcess> child_;
  std::string out_;
  std::optional<ChildExit> exit_;
};

TEST_F(ChildProcessTest, PipesDataThroughAndReportsTheExit) {
  Spawn(Shell("cat; exit 3"));
  std::string data;
  for (int i = 0; i < 100000; ++i) data += std::to_string(i);
  EXPECT_TRUE(child_->Write(AsBytes(data)));
  child_->CloseStdin();
  EXPECT_FALSE(child_->Write(AsBytes("late")));
  ASSERT_TRUE(WaitExit());
  EXPECT_EQ(out_, data);
  EXPECT_EQ(exit_->code, 3);
  EXPECT_EQ(exit_->text(), "exit 3");
  EXPECT_FALSE(child_->running());
}

TEST_F(ChildProcessTest, NamesAProgramThatCannotBeStarted) {
  ChildOptions options;
  options.argv = {"/nonexistent/program"};
  const auto child = ChildProcess::Spawn(loop_, options, {});
  ASSERT_FALSE(child.ok());
  EXPECT_EQ(child.error().code, "spawn_failed");
  EXPECT_NE(child.error().message.find("/nonexistent/program"), std::string::npos);
  options = Shell("true");
  options.working_directory = "/nonexistent";
  EXPECT_NE(ChildProcess::Spawn(loop_, options, {}).error().message.find("chdir"), std::string::npos);
}

TEST_F(ChildProcessTest, PassesTheEnvironmentAndDirectory) {
  ChildOptions options = Shell("echo $JB_X:$HOME:$(pwd)");
  options.env = {{"JB_X", "1"}, {"HOME", "/elsewhere"}};
  options.working_directory = "/";
  Spawn(options);
  ASSERT_TRUE(WaitExit());
  EXPECT_EQ(out_, "1:/elsewhere:/\n");
}

TEST_F(ChildProcessTest, HoldsItsLimits) {
  ChildOptions options = Shell("ulimit -c; ulimit -t; ulimit -n; ulimit -f; ulimit -v");
  options.limits = {.address_space = 512u << 20, .cpu_seconds = 30, .file_size = 0, .open_files = 32, .processes = {}};
  Spawn(options);
  ASSERT_TRUE(WaitExit());
  EXPECT_EQ(out_, "0\n30\n32\n0\n524288\n");
}

TEST_F(ChildProcessTest, ABusyChildIsKilledByItsCpuLimit) {
  ChildOptions options = Shell("while :; do :; done");
  options.limits.cpu_seconds = 1;
  Spawn(options);
  ASSERT_TRUE(WaitExit());
  EXPECT_TRUE(exit_->signal == SIGXCPU || exit_->signal == SIGKILL) << exit_->text();
}

TEST_F(ChildProcessTest, InheritsNoDescriptorOfOurs) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);  // without close-on-exec
  Spawn(Shell("exec ls /proc/self/fd"));
  ASSERT_TRUE(WaitExit());
  EXPECT_EQ(out_, "0\n1\n2\n3\n");  // 3: the folder itself
  close(fds[0]);
  close(fds[1]);
}

TEST_F(ChildProcessTest, KillsTheWholeGroup) {
  Spawn(Shell("sleep 1000 & echo $!; wait"));
  ASSERT_TRUE(loop_.RunUntil([&] { return out_.ends_with('\n'); }, kLimit));
  const pid_t grandchild = std::stoi(out_);
  EXPECT_EQ(kill(grandchild, 0), 0);
  child_->Kill(SIGTERM);
  ASSERT_TRUE(WaitExit());
  EXPECT_EQ(exit_->signal, SIGTERM);
  // Its new parent reaps it in its own time.
  Timer tick(loop_);
  std::function<void()> again = [&] { tick.StartIn(milliseconds(1), again); };
  again();
  EXPECT_TRUE(loop_.RunUntil(
      [&] {
        return kill(grandchild, 0) != 0 || access(("/proc/" + std::to_string(grandchild) + "/exe").c_str(), F_OK) != 0;
      },
      kLimit));
}

TEST_F(ChildProcessTest, WhatAChildLeavesBehindDiesWithIt) {
  Spawn(Shell("sleep 1000 & exit 0"));
  ASSERT_TRUE(WaitExit());  // though the sleeper holds its stdout
  EXPECT_TRUE(exit_->ok());
}

TEST_F(ChildProcessTest, DestructionKillsAndReaps) {
  Spawn(Shell("sleep 1000"));
  const pid_t pid = child_->pid();
  child_.reset();
  Timer tick(loop_);
  std::function<void()> again = [&] { tick.StartIn(milliseconds(1), again); };
  again();
  EXPECT_TRUE(loop_.RunUntil([&] { return kill(pid, 0) != 0; }, kLimit));
  EXPECT_FALSE(exit_);
}

TEST_F(ChildProcessTest, BoundsWhatIsQueuedForAChildThatDoesNotRead) {
  ChildOptions options = Shell("sleep 1000");
  options.max_queued_bytes = 100000;
  Spawn(options);
  EXPECT_TRUE(child_->Write(Bytes(90000)));
  EXPECT_FALSE(child_->Write(Bytes(20000)));
  EXPECT_LE(child_->queued_bytes(), 100000u);
}

TEST_F(ChildProcessTest, SurvivesAChildThatClosesItsStdin) {
  Spawn(Shell("exec 0<&-; echo closed; sleep 0.05; exit 0"));
  ASSERT_TRUE(loop_.RunUntil([&] { return !out_.empty(); }, kLimit));
  child_->Write(Bytes(200000));
  ASSERT_TRUE(WaitExit());
  EXPECT_TRUE(exit_->ok());
}

TEST_F(ChildProcessTest, PausedStdoutHoldsTheChild) {
  Spawn(Shell("head -c 1000000 /dev/zero; exit 0"));
  child_->PauseStdout(true);
  loop_.RunUntil([&] { return exit_.has_value(); }, milliseconds(50));
  EXPECT_LT(out_.size(), 1000000u);
  child_->PauseStdout(false);
  ASSERT_TRUE(WaitExit());
  EXPECT_EQ(out_.size(), 1000000u);
}

TEST_F(ChildProcessTest, MayBeDestroyedInItsHandlers) {
  auto spawned = ChildProcess::Spawn(loop_, Shell("echo hello; sleep 1000"),
                                     {[this](ByteView) { child_.reset(); }, [](ChildExit) { ADD_FAILURE(); }});
  child_ = std::move(*spawned);
  ASSERT_TRUE(loop_.RunUntil([&] { return !child_; }, kLimit));
  spawned = ChildProcess::Spawn(loop_, Shell("exit 0"), {{}, [this](ChildExit) { child_.reset(); }});
  child_ = std::move(*spawned);
  ASSERT_TRUE(loop_.RunUntil([&] { return !child_; }, kLimit));
}

TEST_F(ChildProcessTest, DiesWithTheThreadThatStartedIt) {
  pid_t pid = 0;
  {
    LoopThread thread("short");
    std::unique_ptr<ChildProcess> child;
    RunOn(thread.loop(), [&] {
      ChildOptions options = Shell("sleep 1000");
      auto spawned = ChildProcess::Spawn(thread.loop(), options, {});
      child = std::move(*spawned);
      pid = child->pid();
    });
    thread.Stop();  // PR_SET_PDEATHSIG
    int status = 0;
    ASSERT_EQ(waitpid(pid, &status, 0), pid);
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
  }
}

// Run by the two tests below in a child: exits as it finds things.
TEST(InAChild, DISABLED_SocketsCanBeOpened) {
  for (const int family : {AF_INET, AF_INET6, AF_UNIX}) {
    const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 && errno == EPERM) _exit(kRefused);
    if (fd >= 0) close(fd);
  }
  _exit(kAllowed);
}

ChildOptions ThisProgramOpeningSockets() {
  ChildOptions options;
  options.argv = {"/proc/self/exe", "--gtest_also_run_disabled_tests", "--gtest_filter=InAChild.*"};
  options.pipe_stdin = false;
  return options;
}

TEST_F(ChildProcessTest, WithoutNetworkItCannotOpenASocket) {
  ChildOptions options = ThisProgramOpeningSockets();
  options.no_network = true;
  Spawn(options);
  ASSERT_TRUE(WaitExit());
  EXPECT_EQ(exit_->code, kRefused) << exit_->text() << out_;
}

TEST_F(ChildProcessTest, OtherChildrenMayOpenSockets) {
  Spawn(ThisProgramOpeningSockets());
  ASSERT_TRUE(WaitExit());
  EXPECT_EQ(exit_->code, kAllowed) << exit_->text() << out_;
}

TEST_F(ChildProcessTest, WhatAChildWithoutNetworkStartsHasNoneEither) {
  ChildOptions options = ThisProgramOpeningSockets();
  const std::string self = "/proc/" + std::to_string(getpid()) + "/exe";
  options.argv = {"sh", "-c", self + " " + options.argv[1] + " " + options.argv[2] + "; echo $?"};
  options.no_network = true;
  Spawn(options);
  ASSERT_TRUE(WaitExit());
  EXPECT_TRUE(out_.ends_with(std::to_string(kRefused) + "\n")) << out_;
}

TEST_F(ChildProcessTest, OurConfigurationAndItsSecretsStayHere) {
  setenv("JBCALLING_TURN_SECRET", "hunter2", 1);
  Spawn(Shell("env"));
  unsetenv("JBCALLING_TURN_SECRET");
  ASSERT_TRUE(WaitExit());
  EXPECT_NE(out_.find("PATH="), std::string::npos);
  EXPECT_EQ(out_.find("JBCALLING"), std::string::npos) << out_;
}

TEST_F(ChildProcessTest, KeepsTheFileLimitThatOthersExpect) {
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit usual{std::min<rlim_t>(before.rlim_max, 256), before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &usual), 0);
  EXPECT_EQ(RaiseFileLimit(), std::min<rlim_t>(before.rlim_max, 1 << 20));
  Spawn(Shell("ulimit -Sn; ulimit -Hn"));
  ASSERT_TRUE(WaitExit());
  EXPECT_TRUE(out_.starts_with(std::to_string(usual.rlim_cur) + "\n")) << out_;
  EXPECT_FALSE(out_.ends_with("\n" + std::to_string(usual.rlim_cur) + "\n")) << out_ << "it may raise it itself";
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

TEST(Supervisor, StartsAgainWithGrowingPauses) {
  Loop loop;
  SupervisorOptions options;
  options.first_backoff = milliseconds(5);
  options.max_backoff = milliseconds(20);
  Supervisor supervisor(loop, "flaky", Shell("exit 7"), options);
  std::vector<SupervisedState> states;
  std::vector<Time> starts;
  supervisor.set_on_state([&](SupervisedState state) {
    states.push_back(state);
    if (state == SupervisedState::kRunning) starts.push_back(Now());
  });
  supervisor.Start();
  EXPECT_EQ(supervisor.state(), SupervisedState::kRunning);
  ASSERT_TRUE(loop.RunUntil([&] { return supervisor.restarts() == 4; }, kLimit));
  EXPECT_EQ(supervisor.last_exit(), "exit 7");
  EXPECT_GE(starts[2] - starts[1], milliseconds(10));
  EXPECT_GE(starts[3] - starts[2], milliseconds(20));
  EXPECT_EQ(states[1], SupervisedState::kWaiting);
}

TEST(Supervisor, ReplacesAKilledChild) {
  Loop loop;
  SupervisorOptions options;
  options.first_backoff = milliseconds(1);
  Supervisor supervisor(loop, "sleeper", Shell("exec sleep 1000"), options);
  supervisor.Start();
  const pid_t first = supervisor.pid();
  kill(first, SIGKILL);
  ASSERT_TRUE(loop.RunUntil([&] { return supervisor.restarts() == 1 && supervisor.pid() != 0; }, kLimit));
  EXPECT_NE(supervisor.pid(), first);
  EXPECT_EQ(supervisor.last_exit(), "signal 9");
}

TEST(Supervisor, StopsGentlyThenHard) {
  Loop loop;
  SupervisorOptions options;
  options.stop_grace = milliseconds(30);
  bool stopped = false;
  Supervisor gentle(loop, "gentle", Shell("exec sleep 1000"), options);
  gentle.Start();
  gentle.Stop([&] { stopped = true; });
  EXPECT_FALSE(stopped);
  ASSERT_TRUE(loop.RunUntil([&] { return stopped; }, kLimit));
  EXPECT_EQ(gentle.last_exit(), "signal 15");
  EXPECT_EQ(gentle.state(), SupervisedState::kStopped);

  stopped = false;
  Supervisor stubborn(loop, "stubborn", Shell("trap '' TERM; while :; do sleep 0.01; done"), options);
  stubborn.Start();
  stubborn.Stop([&] { stopped = true; });
  ASSERT_TRUE(loop.RunUntil([&] { return stopped; }, kLimit));
  EXPECT_TRUE(stubborn.last_exit() == "signal 9" || stubborn.last_exit() == "signal 15");
}

TEST(Supervisor, StopsWhileItWaitsAndReportsAProgramThatIsNotThere) {
  Loop loop;
  ChildOptions missing;
  missing.argv = {"/nonexistent/program"};
  Supervisor supervisor(loop, "missing", missing);
  supervisor.Start();
  EXPECT_EQ(supervisor.state(), SupervisedState::kWaiting);
  EXPECT_NE(supervisor.last_exit().find("/nonexistent/program"), std::string::npos);
  bool stopped = false;
  supervisor.Stop([&] { stopped = true; });
  ASSERT_TRUE(loop.RunUntil([&] { return stopped; }, kLimit));
  EXPECT_EQ(supervisor.state(), SupervisedState::kStopped);
}

}  // namespace
}  // namespace jb::io
