// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "base/bytes.h"
#include "base/json.h"
#include "base/mailbox.h"
#include "base/metrics.h"
#include "base/result.h"
#include "base/sequence.h"
#include "base/utf8.h"

namespace jb {
namespace {

Result<int, Error> Half(int n) {
  if (n % 2) return Fail("odd", "the number is odd");
  return n / 2;
}
Result<int, Error> Quarter(int n) {
  JB_TRY(const int half, Half(n));
  return Half(half);
}

TEST(Result, TryReturnsTheFailureOfTheStepThatFailed) {
  EXPECT_EQ(Quarter(12).value(), 3);
  EXPECT_EQ(Quarter(6).error().code, "odd");
  EXPECT_FALSE(Quarter(5).ok());
}

TEST(ByteReader, ReadingPastTheEndYieldsZeroAndStaysFailed) {
  const std::uint8_t data[] = {0x12, 0x34, 0x56};
  ByteReader reader(data);
  EXPECT_EQ(reader.U16(), 0x1234);
  EXPECT_EQ(reader.U16(), 0);
  EXPECT_FALSE(reader.ok());
  EXPECT_EQ(reader.U8(), 0) << "one failure makes the rest fail too";
}

TEST(ByteWriter, WhatDoesNotFitIsNotWritten) {
  std::uint8_t buffer[5];
  ByteWriter writer(buffer);
  writer.U32(0x01020304);
  writer.U16(0xFFFF);
  EXPECT_FALSE(writer.ok());
  EXPECT_EQ(writer.size(), 4u);
  EXPECT_EQ(LoadU32(buffer), 0x01020304u);
}

TEST(Sequence, UnwrappingFollowsTheCircleFromEveryStart) {
  for (const int first_value : {0, 1, 32767, 32768, 65534, 65535}) {
    const auto start = static_cast<std::uint16_t>(first_value);
    Unwrapper<std::uint16_t> unwrapper;
    const std::int64_t first = unwrapper.Unwrap(start);
    for (int i = 1; i < 100000; i += 7) {
      ASSERT_EQ(unwrapper.Unwrap(static_cast<std::uint16_t>(start + i)), first + i);
    }
    EXPECT_TRUE(IsNewer<std::uint16_t>(static_cast<std::uint16_t>(start + 1), start));
    EXPECT_FALSE(IsNewer<std::uint16_t>(start, static_cast<std::uint16_t>(start + 1)));
  }
}

TEST(Sequence, UnwrappingStepsBackForReorderedNumbers) {
  Unwrapper<std::uint16_t> unwrapper;
  EXPECT_EQ(unwrapper.Unwrap(2), 2);
  EXPECT_EQ(unwrapper.Unwrap(65535), -1);
  EXPECT_EQ(unwrapper.Unwrap(3), 3);
}

TEST(Mailbox, AFullBoxRefusesAndCounts) {
  int woken = 0;
  Mailbox<int> box(2, [&] { ++woken; });
  EXPECT_TRUE(box.Post(1));
  EXPECT_TRUE(box.Post(2));
  EXPECT_FALSE(box.Post(3));
  EXPECT_EQ(box.refused(), 1u);
  EXPECT_EQ(woken, 1) << "one wake-up per batch";
  EXPECT_EQ(box.TakeAll(), (std::vector<int>{1, 2}));
  EXPECT_TRUE(box.Post(4));
  EXPECT_EQ(woken, 2);
}

TEST(Utf8, OverlongSurrogateAndTruncatedFormsAreInvalid) {
  EXPECT_TRUE(IsValidUtf8("Xin chào 你好 🎉"));
  EXPECT_FALSE(IsValidUtf8("\xC0\x80"));
  EXPECT_FALSE(IsValidUtf8("\xED\xA0\x80"));
  EXPECT_FALSE(IsValidUtf8("\xF4\x90\x80\x80"));
  EXPECT_FALSE(IsValidUtf8("\xE4\xBD"));
}

TEST(Utf8, CuttingNeverSplitsACharacter) {
  EXPECT_EQ(FirstCodePoints("chào", 3), "chà");
  EXPECT_EQ(CountCodePoints("chào"), 4u);
  EXPECT_EQ(FirstCodePoints("ab", 9), "ab");
}

TEST(Utf8, ALineLosesControlCharactersAndOuterSpace) {
  EXPECT_EQ(CleanLine("  An\x01na\tLe \n"), "Anna Le");
  EXPECT_EQ(CleanLine(" \n "), "");
}

TEST(Json, DepthAndTrailingBytesAreRefused) {
  EXPECT_TRUE(ParseJson("[[1]]", 2).ok());
  EXPECT_EQ(ParseJson("[[[1]]]", 2).error(), JsonError::kTooDeep);
  EXPECT_EQ(ParseJson("{} x").error(), JsonError::kSyntax);
}

TEST(Json, AMemberOfAnotherTypeIsNotThere) {
  const json::value v = ParseJson(R"({"n":3,"s":"x","d":2.0})").value();
  EXPECT_EQ(GetInt(v, "n"), 3);
  EXPECT_EQ(GetInt(v, "d"), 2);
  EXPECT_EQ(GetInt(v, "s"), std::nullopt);
  EXPECT_EQ(GetString(v, "missing"), std::nullopt);
  EXPECT_EQ(GetString(json::value(4), "x"), std::nullopt);
}

TEST(Metrics, TheSameNameAndLabelsAreTheSameSeries) {
  Metrics metrics;
  metrics.GetCounter("jbcalling_x_total", "x", {{"direction", "in"}}).Add(2);
  metrics.GetCounter("jbcalling_x_total", "x", {{"direction", "in"}}).Add(3);
  EXPECT_EQ(metrics.GetCounter("jbcalling_x_total", "x", {{"direction", "in"}}).Value(), 5);
  EXPECT_NE(metrics.Serialize().find("jbcalling_x_total{direction=\"in\"} 5"), std::string::npos);
}

}  // namespace
}  // namespace jb
