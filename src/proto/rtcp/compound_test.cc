// SPDX-License-Identifier: Apache-2.0
#include "proto/rtcp/compound.h"

#include <gtest/gtest.h>

#include <vector>

namespace jb::rtcp {
namespace {

std::vector<RawPacket> PacketsOf(ByteView bytes) {
  std::vector<RawPacket> out;
  Compound::Parse(bytes).value().ForEach([&](const RawPacket& p) { out.push_back(p); });
  return out;
}

TEST(RtcpCompound, WalksPacketAfterPacket) {
  const Bytes bytes = {0x81, 201, 0, 1, 1, 2, 3, 4,   // RR, one word
                       0x82, 206, 0, 0,               // empty body
                       0x80, 99,  0, 1, 5, 6, 7, 8};  // a type we do not know
  const auto packets = PacketsOf(bytes);
  ASSERT_EQ(packets.size(), 3u);
  EXPECT_TRUE(packets[0].Is(PacketType::kReceiverReport));
  EXPECT_EQ(packets[0].count, 1);
  EXPECT_EQ(packets[0].body.size(), 4u);
  EXPECT_TRUE(packets[1].IsFeedback(PacketType::kPayloadFeedback, 2));
  EXPECT_TRUE(packets[1].body.empty());
  EXPECT_EQ(packets[2].body[3], 8);
}

TEST(RtcpCompound, OneBadPacketSpoilsAllOfIt) {
  EXPECT_EQ(Compound::Parse({}).error(), ParseError::kTruncated);
  EXPECT_EQ(Compound::Parse(Bytes{0x80, 200, 0}).error(), ParseError::kTruncated);
  EXPECT_EQ(Compound::Parse(Bytes{0x80, 200, 0, 1}).error(), ParseError::kTruncated);
  EXPECT_EQ(Compound::Parse(Bytes{0x80, 200, 0xFF, 0xFF, 1, 2, 3, 4}).error(), ParseError::kTruncated);
  EXPECT_EQ(Compound::Parse(Bytes{0x80, 200, 0, 0, 0x80, 200, 0}).error(), ParseError::kTruncated);
  EXPECT_EQ(Compound::Parse(Bytes{0x40, 200, 0, 0}).error(), ParseError::kBadVersion);
}

TEST(RtcpCompound, PaddingIsCutFromAnyPacket) {
  const Bytes bytes = {0xA0, 205, 0, 1, 1, 2, 3, 1, 0xA0, 205, 0, 1, 0, 0, 0, 4};
  const auto packets = PacketsOf(bytes);
  ASSERT_EQ(packets.size(), 2u);
  EXPECT_EQ(packets[0].body.size(), 3u);
  EXPECT_EQ(packets[1].body.size(), 0u);
}

TEST(RtcpCompound, APaddingCountOfNothingOrTooMuchIsRefused) {
  EXPECT_EQ(Compound::Parse(Bytes{0xA0, 205, 0, 0}).error(), ParseError::kBadPadding);
  EXPECT_EQ(Compound::Parse(Bytes{0xA0, 205, 0, 1, 0, 0, 0, 0}).error(), ParseError::kBadPadding);
  EXPECT_EQ(Compound::Parse(Bytes{0xA0, 205, 0, 1, 0, 0, 0, 5}).error(), ParseError::kBadPadding);
}

}  // namespace
}  // namespace jb::rtcp
