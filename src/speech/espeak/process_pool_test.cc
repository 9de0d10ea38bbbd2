// SPDX-License-Identifier: Apache-2.0
#include "speech/espeak/process_pool.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <set>

namespace jb::speech {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPatience = 120s;
using Arguments = std::vector<std::string>;

class EspeakPoolTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists("/usr/bin/espeak-ng")) GTEST_SKIP() << "espeak-ng is not installed";
    others_ = AllChildren();
  }
  static Arguments Voice(int pitch) {
    return {"/usr/bin/espeak-ng", "--stdin", "--stdout", "-b", "1", "-v", "es", "-p", std::to_string(pitch)};
  }
  // The bytes of sound it makes, or 0.
  std::size_t Speak(EspeakProcess& process) {
    std::size_t bytes = 0;
    std::optional<bool> ok;
    process.Speak("hola\n", {.on_stdout = [&](ByteView data) { bytes += data.size(); },
                             .on_exit = [&](io::ChildExit exit) { ok = exit.ok(); }});
    EXPECT_TRUE(loop_.RunUntil([&] { return ok.has_value(); }, kPatience));
    return ok.value_or(false) ? bytes : 0;
  }
  static std::set<pid_t> AllChildren() {
    std::ifstream list("/proc/self/task/" + std::to_string(::getpid()) + "/children");
    return {std::istream_iterator<pid_t>(list), {}};
  }
  // Those that other tests of this program keep are not ours.
  std::vector<pid_t> Children() const {
    std::vector<pid_t> ours;
    for (const pid_t pid : AllChildren()) {
      if (!others_.contains(pid)) ours.push_back(pid);
    }
    return ours;
  }
  bool AwaitReady(std::size_t count) {
    return loop_.RunUntil([&] { return pool_->ready() == count; }, kPatience);
  }

  io::Loop loop_;
  std::set<pid_t> others_;
  std::unique_ptr<EspeakPool> pool_ = std::make_unique<EspeakPool>(loop_);
};

TEST_F(EspeakPoolTest, AVoiceThatSpokeOnceHasAProcessReadyForItsNextSentence) {
  auto first = *pool_->Take(Voice(50), /*again=*/true);
  EXPECT_EQ(pool_->ready(), 0u);
  const std::size_t bytes = Speak(*first);
  EXPECT_GT(bytes, 1000u);
  ASSERT_TRUE(AwaitReady(1));
  EXPECT_GT(Speak(**pool_->Take(Voice(60), /*again=*/false)), 1000u);  // another voice: a process of its own
  EXPECT_EQ(pool_->ready(), 1u);
  auto second = *pool_->Take(Voice(50), /*again=*/true);
  EXPECT_EQ(pool_->ready(), 0u);
  EXPECT_EQ(Speak(*second), bytes);
  EXPECT_TRUE(AwaitReady(1));
}

TEST_F(EspeakPoolTest, OneThatDiedWhileItWaitedIsNotUsed) {
  EXPECT_GT(Speak(**pool_->Take(Voice(50), /*again=*/true)), 1000u);
  ASSERT_TRUE(AwaitReady(1));
  const auto children = Children();
  ASSERT_EQ(children.size(), 1u);
  ::kill(children[0], SIGKILL);
  ASSERT_TRUE(loop_.RunUntil([&] { return Children().empty(); }, kPatience));
  EXPECT_GT(Speak(**pool_->Take(Voice(50), /*again=*/false)), 1000u);
}

TEST_F(EspeakPoolTest, ThoseThatStandReadyAreFewAndGoWithThePool) {
  for (int pitch = 0; pitch < 12; ++pitch) {
    EXPECT_GT(Speak(**pool_->Take(Voice(pitch), /*again=*/true)), 1000u);
  }
  loop_.RunUntil([] { return false; }, 600ms);
  EXPECT_LE(pool_->ready(), EspeakPool::kMostReady);
  EXPECT_EQ(Children().size(), pool_->ready());
  EXPECT_GT(pool_->ready(), 0u);
  pool_.reset();
  EXPECT_TRUE(loop_.RunUntil([&] { return Children().empty(); }, kPatience));
}

}  // namespace
}  // namespace jb::speech
