// SPDX-License-Identifier: Apache-2.0
#include "proto/demux.h"

#include <gtest/gtest.h>

namespace jb::proto {
namespace {

PacketKind Expected(int first, int second, std::size_t size) {
  if (first <= 3 && size >= 20) return PacketKind::kStun;
  if (first >= 20 && first <= 63 && size >= 13) return PacketKind::kDtls;
  if (first >= 128 && first <= 191) {
    if (second >= 192 && second <= 223) return size >= 8 ? PacketKind::kRtcp : PacketKind::kUnknown;
    return size >= 12 ? PacketKind::kRtp : PacketKind::kUnknown;
  }
  return PacketKind::kUnknown;
}

TEST(Demux, EveryFirstAndSecondByteAndLengthIsClassifiedAsRfc7983Says) {
  std::uint8_t datagram[21] = {};
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      datagram[0] = static_cast<std::uint8_t>(first);
      datagram[1] = static_cast<std::uint8_t>(second);
      for (std::size_t size = 2; size <= 20; ++size) {
        ASSERT_EQ(Classify(ByteView(datagram).first(size)), Expected(first, second, size))
            << first << " " << second << " " << size;
      }
    }
  }
}

TEST(Demux, AnEmptyOrOneByteDatagramIsNothing) {
  const std::uint8_t byte[1] = {128};
  EXPECT_EQ(Classify({}), PacketKind::kUnknown);
  EXPECT_EQ(Classify(byte), PacketKind::kUnknown);
}

}  // namespace
}  // namespace jb::proto
