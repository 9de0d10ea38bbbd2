// SPDX-License-Identifier: Apache-2.0
#include "speech/child_watchdog.h"

#include <gtest/gtest.h>

#include "io/child_process.h"

namespace jb::speech {
namespace {

using namespace std::chrono_literals;

class ChildWatchdogTest : public testing::Test {
 protected:
  // Whether `command` is taken for hung within `limit`, having been silent for a moment.
  bool Hangs(const std::string& command, Duration limit) {
    io::ChildOptions options;
    options.argv = {"/bin/sh", "-c", command};
    auto child = io::ChildProcess::Spawn(loop_, std::move(options), {});
    EXPECT_TRUE(child.ok());
    ChildWatchdog dog(loop_);
    bool hung = false;
    dog.Watch((*child)->pid(), 20ms, [&] { hung = true; });
    return loop_.RunUntil([&] { return hung; }, limit);
  }
  io::Loop loop_;
};

TEST_F(ChildWatchdogTest, AChildThatSleepsIsTakenForHung) { EXPECT_TRUE(Hangs("exec sleep 1000", 60s)); }

TEST_F(ChildWatchdogTest, AChildThatCouldGoOnIfItHadAProcessorIsNot) {
  EXPECT_FALSE(Hangs("while :; do :; done", 3500ms));
  EXPECT_FALSE(Hangs("sh -c 'while :; do :; done' | cat", 3500ms));  // anyone of the group
}

}  // namespace
}  // namespace jb::speech
