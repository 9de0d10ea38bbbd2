// SPDX-License-Identifier: Apache-2.0
#include "media/payload/red.h"

#include <gtest/gtest.h>

#include "media/payload/test_red_writer.h"

namespace jb::media::red {
namespace {

Bytes Text(std::string_view text) { return Bytes(text.begin(), text.end()); }
std::string Of(ByteView data) { return std::string(data.begin(), data.end()); }

TEST(RedTest, ReadsACopyAndThePrimary) {
  const Bytes payload{
      0xEF, 0x0F, 0x00, 0x03,  // F=1, block PT 111, offset 960, length 3
      0x6F,                    // F=0, block PT 111
      'o',  'l',  'd',         //
      'n',  'e',  'w',  'e',  'r',
  };
  const auto red = Payload::Parse(payload);
  ASSERT_TRUE(red.ok());
  ASSERT_EQ(red->redundant().size(), 1u);
  EXPECT_EQ(red->redundant()[0].payload_type, 111);
  EXPECT_EQ(red->redundant()[0].timestamp_offset, 960);
  EXPECT_EQ(Of(red->redundant()[0].data), "old");
  EXPECT_EQ(red->primary().payload_type, 111);
  EXPECT_EQ(red->primary().timestamp_offset, 0);
  EXPECT_EQ(Of(red->primary().data), "newer");
}

// RFC 2198 section 7: PCM with an LPC copy of 20 ms before, at 8 kHz.
TEST(RedTest, ReadsTheExampleOfTheRfc) {
  Bytes payload{0x87, 0x02, 0x80, 0x0E, 0x05};  // LPC (7), offset 160, 14 bytes; DVI (5)
  payload.resize(5 + 14, 0xAA);
  payload.resize(5 + 14 + 84, 0xBB);
  const auto red = Payload::Parse(payload);
  ASSERT_TRUE(red.ok());
  ASSERT_EQ(red->redundant().size(), 1u);
  EXPECT_EQ(red->redundant()[0].payload_type, 7);
  EXPECT_EQ(red->redundant()[0].timestamp_offset, 160);
  EXPECT_EQ(red->redundant()[0].data.size(), 14u);
  EXPECT_EQ(red->primary().payload_type, 5);
  EXPECT_EQ(red->primary().data.size(), 84u);
}

TEST(RedTest, APacketWithoutCopiesIsOneByteLonger) {
  const Bytes payload{0x6F, 'x'};
  const auto red = Payload::Parse(payload);
  ASSERT_TRUE(red.ok());
  EXPECT_TRUE(red->redundant().empty());
  EXPECT_EQ(Of(red->primary().data), "x");
}

TEST(RedTest, TheLargestNumbersAreRead) {
  const Bytes longest(kMaxRedundantSize, 7);
  const std::array copies{Block{127, kMaxTimestampOffset, longest}, Block{0, 1, {}}};
  const Bytes payload = testing::WriteRed(copies, 96, {});
  const auto red = Payload::Parse(payload);
  ASSERT_TRUE(red.ok());
  EXPECT_EQ(red->redundant()[0].payload_type, 127);
  EXPECT_EQ(red->redundant()[0].timestamp_offset, kMaxTimestampOffset);
  EXPECT_EQ(red->redundant()[0].data.size(), kMaxRedundantSize);
  EXPECT_TRUE(red->redundant()[1].data.empty());
  EXPECT_TRUE(red->primary().data.empty());
}

TEST(RedTest, EveryTruncationOfTheHeadersAndCopiesFails) {
  const Bytes first = Text("first");
  const Bytes second = Text("second");
  const std::array copies{Block{111, 1920, first}, Block{111, 960, second}};
  const Bytes whole = testing::WriteRed(copies, 111, Text("third"));
  const std::size_t before_primary = whole.size() - 5;
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto red = Payload::Parse(ByteView(whole).first(size));
    EXPECT_EQ(red.ok(), size >= before_primary) << size;
    if (!red.ok()) EXPECT_EQ(red.error(), ParseError::kTruncated);
  }
}

TEST(RedTest, MoreBlocksThanAnybodySendsAreRefused) {
  const std::vector<Block> most(kMaxBlocks - 1, Block{111, 960, {}});
  EXPECT_TRUE(Payload::Parse(testing::WriteRed(most, 111, {})).ok());
  const std::vector<Block> more(kMaxBlocks, Block{111, 960, {}});
  const auto red = Payload::Parse(testing::WriteRed(more, 111, {}));
  ASSERT_FALSE(red.ok());
  EXPECT_EQ(red.error(), ParseError::kTooManyBlocks);
}

}  // namespace
}  // namespace jb::media::red
