// SPDX-License-Identifier: Apache-2.0
#include "io/byte_queue.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace jb::io {
namespace {

TEST(ByteQueue, GivesBackWhatItWasGivenWhateverThePieces) {
  ByteQueue queue;
  Bytes in, out;
  for (std::size_t i = 0; i < 2000; ++i) {
    const Bytes piece(i % 37, static_cast<std::uint8_t>(i));
    in.insert(in.end(), piece.begin(), piece.end());
    queue.Append(piece);
    const ByteView waiting = queue.waiting().first(std::min(queue.size(), i % 41));
    out.insert(out.end(), waiting.begin(), waiting.end());
    queue.Take(waiting.size());
  }
  out.insert(out.end(), queue.waiting().begin(), queue.waiting().end());
  EXPECT_EQ(in, out);
}

TEST(ByteQueue, HoldsAtMostTwiceWhatWaitsThoughItNeverRunsEmpty) {
  ByteQueue queue;
  const Bytes packet(1200, 1);
  for (int i = 0; i < 100; ++i) queue.Append(packet);
  for (int i = 0; i < 100'000; ++i) {
    queue.Append(packet);
    queue.Take(packet.size());
    ASSERT_LE(queue.held(), 2 * 101 * packet.size());
  }
}

}  // namespace
}  // namespace jb::io
