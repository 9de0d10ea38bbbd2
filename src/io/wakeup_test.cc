// SPDX-License-Identifier: Apache-2.0
#include "io/wakeup.h"

#include <gtest/gtest.h>

#include <thread>

#include "base/spsc_ring.h"

namespace jb::io {
namespace {

using std::chrono::seconds;

TEST(Wakeup, ManySignalsAreOneCall) {
  Loop loop;
  int calls = 0;
  Wakeup wakeup(loop, [&] { ++calls; });
  for (int i = 0; i < 5; ++i) wakeup.signal()->Raise();
  EXPECT_TRUE(loop.RunUntil([&] { return calls > 0; }, seconds(60)));
  bool later = false;
  loop.Post([&] { later = true; });
  EXPECT_TRUE(loop.RunUntil([&] { return later; }, seconds(60)));
  EXPECT_EQ(calls, 1);
}

TEST(Wakeup, WhoeverIsWokenSeesAllThatWasWrittenBefore) {
  constexpr int kValues = 20'000;
  Loop loop;
  SpscRing<int> ring(8);
  int read = 0;
  Wakeup wakeup(loop, [&] {
    for (; const int* value = ring.Front(); ring.Pop()) EXPECT_EQ(*value, read++);
  });
  std::thread writer([&ring, signal = wakeup.signal()] {
    for (int n = 0; n < kValues;) {
      int* slot = ring.Next();
      if (!slot) {
        std::this_thread::yield();
        continue;
      }
      *slot = n++;
      ring.Push();
      signal->Raise();
    }
  });
  EXPECT_TRUE(loop.RunUntil([&] { return read == kValues; }, seconds(120)));
  writer.join();
}

TEST(Wakeup, ASignalMayComeAfterTheEnd) {
  Loop loop;
  int calls = 0;
  auto wakeup = std::make_unique<Wakeup>(loop, [&] { ++calls; });
  const auto signal = wakeup->signal();
  signal->Raise();
  wakeup.reset();
  signal->Raise();
  bool later = false;
  loop.Post([&] { later = true; });
  EXPECT_TRUE(loop.RunUntil([&] { return later; }, seconds(60)));
  EXPECT_EQ(calls, 0);
}

}  // namespace
}  // namespace jb::io
